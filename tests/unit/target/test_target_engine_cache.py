"""hilrig.target.engine_cache: a build of minutes is told from a cache hit."""

import pytest

from hilrig.target.engine_cache import cached_engines, engine_origin
from hilrig.target.onnx_options import TENSORRT_PROVIDER, OnnxOptions


def options(**tensorrt):
    return OnnxOptions(providers=(TENSORRT_PROVIDER,), provider_options={TENSORRT_PROVIDER: tensorrt})


def test_the_engines_in_the_folder_are_found(tmp_path):
    """Other files of TensorRT beside them are none."""
    for name in ("TRTKernel_graph_1_sm87.engine", "TRTKernel_graph_2.engine.encrypted", "timing.cache"):
        (tmp_path / name).touch()
    found = cached_engines(options(trt_engine_cache_enable=True, trt_engine_cache_path=str(tmp_path)))
    assert found == {"TRTKernel_graph_1_sm87.engine", "TRTKernel_graph_2.engine.encrypted"}


@pytest.mark.parametrize("asked", [{}, {"trt_engine_cache_enable": True}, {"trt_engine_cache_path": "/tmp"}])
def test_without_a_cache_that_we_know_nothing_is_claimed(asked):
    """Off, or in a folder of the runtime's own choice."""
    assert cached_engines(options(**asked)) is None


def test_a_folder_that_is_yet_to_be_made_is_an_empty_cache(tmp_path):
    """TensorRT makes it with the first engine."""
    asked = options(trt_engine_cache_enable="1", trt_engine_cache_path=str(tmp_path / "new"))
    assert cached_engines(asked) == frozenset()


@pytest.mark.parametrize(
    ("before", "after", "origin"),
    [
        (frozenset(), frozenset({"a"}), "built"),
        (frozenset({"a"}), frozenset({"a"}), "cache"),
        (frozenset({"a"}), frozenset({"a", "b"}), "built"),
        (frozenset(), frozenset(), "unknown"),
        (None, None, "unknown"),
    ],
)
def test_a_new_file_is_a_build(before, after, origin):
    """An engine that was there already was taken from the cache; none at all may be built at the first frame."""
    assert engine_origin(before, after) == origin
