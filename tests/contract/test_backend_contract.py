"""What every backend, and the target around it, promises."""

import numpy as np
import onnx
import pytest

from hilrig.core import registry
from hilrig.core.frame import Outcome
from hilrig.core.profile import BackendSpec, DecideSpec, PipelineSpec
from hilrig.target.opening import open_target
from small_models import PREPROCESS, SHAPE, build_model, spec_for

BACKENDS = {"onnx": {}, "null": {"service_ms": 0.1}}


@pytest.fixture(params=BACKENDS)
def backend(request, tmp_path):
    """Return every built-in backend, loaded, with two labels."""
    onnx.save(build_model(), str(tmp_path / "model.onnx"))
    factory = registry.load("backends", request.param)
    made = factory(factory.Options(**BACKENDS[request.param]), spec_for("model.onnx"), tmp_path)
    made.facts = made.load()
    yield made
    made.close()


def test_no_backend_is_left_out():
    """A backend that is built in is in this suite."""
    assert set(BACKENDS) == set(registry.BUILT_IN["backends"])


def test_facts_name_runtime_providers_and_files(backend):
    """What the record binds is told by every backend in the same words."""
    assert {"runtime", "providers", "files_sha256"} <= set(backend.facts)


def test_the_input_is_one_kept_tensor_of_the_declared_shape(backend):
    """Preprocess writes into the same memory for every frame."""
    assert backend.input() is backend.input()
    assert backend.input().shape == SHAPE
    assert backend.input().flags.c_contiguous


def test_scores_are_one_flat_number_per_label(backend):
    """A finite input gives as many finite scores as there are labels, again and again."""
    backend.input()[...] = 0.5
    for _ in range(3):
        scores = backend.infer()
        assert scores.shape == (2,)
        assert np.isfinite(scores).all()


@pytest.mark.parametrize("name", BACKENDS)
def test_every_backend_decides_frames_in_the_target(name, tmp_path):
    """The in-process target runs the whole pipeline on any backend."""
    onnx.save(build_model(), str(tmp_path / "model.onnx"))
    pipeline = PipelineSpec(
        target="in_process",
        preprocess=PREPROCESS,
        backend=BackendSpec(name=name, options=BACKENDS[name]),
        decide=DecideSpec(thresholds={"a": 0.9, "b": 0.9}),
    )
    target = open_target(pipeline, spec_for("model.onnx"), tmp_path)
    target.prepare()
    done = target.process(np.zeros((8, 8, 3), np.uint8))
    target.close()
    assert (done.outcome, done.defects) == (Outcome.DECIDED, 0)
