"""hilrig.target.onnx_options: what may be asked of ONNX Runtime."""

import math

import pytest

from hilrig.target.onnx_options import OnnxOptions

CPU, CUDA, TENSORRT = "CPUExecutionProvider", "CUDAExecutionProvider", "TensorrtExecutionProvider"


@pytest.mark.parametrize(
    ("providers", "accelerator"), [((CPU,), None), ((CUDA,), CUDA), ((TENSORRT, CUDA, CPU), TENSORRT)]
)
def test_the_accelerator_is_the_first_provider_unless_that_is_the_cpu(providers, accelerator):
    """What is to be proven is what stands first."""
    assert OnnxOptions(providers=providers).accelerator == accelerator


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"providers": ()}, "at least one"),
        ({"providers": (CUDA, CUDA)}, "once"),
        ({"providers": (CPU, CUDA)}, "must be the last"),
        ({"intra_op_threads": 0}, "at least 1"),
        ({"inter_op_threads": -1}, "at least 1"),
        *(
            ({"accelerator_time_share_min_pct": share}, "over 0 and at most 100")
            for share in (0, -1, 101, math.nan)
        ),
        ({"provider_options": {CUDA: {"device_id": 1}}}, "CUDAExecutionProvider is not among providers"),
        (
            {"providers": (TENSORRT,), "provider_options": {TENSORRT: {"trt_engine_cache_path": "cache"}}},
            "must be an absolute path, found cache",
        ),
    ],
)
def test_options_that_cannot_be_meant_are_refused(options, words):
    """A mistake is said where the profile is read, not found in the middle of a soak."""
    with pytest.raises(ValueError, match=words):
        OnnxOptions(**options)


@pytest.mark.parametrize("share", [0.5, 90, 100])
def test_any_share_of_the_time_up_to_all_of_it_may_be_required(share):
    """The border itself is allowed."""
    assert OnnxOptions(accelerator_time_share_min_pct=share).accelerator_time_share_min_pct == share
