"""The smoke step's judgement: nothing passes that was not loaded, run, finite, compared and on the right stack."""

from dataclasses import replace

import pytest

from hilrig.core.accelerator import ProviderShare
from hilrig.core.compat import CompatStep, DeviceClassRow
from hilrig.core.verdict import CheckStatus
from hilrig.gate.smoke import Tried, not_tried, smoke_finding, stack_differences
from hilrig.target.smoke_exchange import SmokeFound, SmokeOutput

CUDA, CPU = "CUDAExecutionProvider", "CPUExecutionProvider"
ROW = DeviceClassRow(
    name="x86-rtx4000-ada",
    os="Ubuntu",
    stack={"onnxruntime": "1.17.3", "cuda": "12.2", "driver": "535"},
    providers=(CUDA, CPU),
)
FACTS = {"cuda": {"cuda-cudart-12-2": "12.2.140-1"}, "nvidia_driver": "535.183.01", "tensorrt": None}
OUTPUT = SmokeOutput(shown="golden", n_values=2, n_not_finite=0, values=(0.25, 0.75))
FOUND = SmokeFound(
    runtime_version="1.17.3",
    available=(CUDA, CPU),
    active=(CUDA, CPU),
    shares=(
        ProviderShare(provider=CUDA, n_assigned=None, n_executed=9, time_share_pct=97.0),
        ProviderShare(provider=CPU, n_assigned=None, n_executed=1, time_share_pct=3.0),
    ),
    outputs=(OUTPUT,),
    files_sha256={"m.onnx": "0" * 64},
)


def judged(found: SmokeFound | None = FOUND, *, expected=(0.25, 0.75), facts=FACTS, row=ROW, **more):
    """Return the finding."""
    return smoke_finding(row, Tried(found=found, facts=facts, **more), expected, where="rig bench")


def test_a_model_that_runs_as_it_should_passes_and_the_sentence_says_where_and_on_what():
    """The first provider, the runtime, the machine."""
    found = judged()
    assert (found.status, found.step) == (CheckStatus.PASS, CompatStep.SMOKE)
    assert found.sentence == (
        "rig bench: runs on CUDAExecutionProvider with ONNX Runtime 1.17.3; outputs for the golden input within "
        "0.1 % of the reference"
    )


def share(pct: float) -> SmokeFound:
    """Return a run in which the first provider did this part of the work."""
    return replace(FOUND, shares=(replace(FOUND.shares[0], time_share_pct=pct),))


def output(**changes) -> SmokeFound:
    """Return a run with another output."""
    return replace(FOUND, outputs=(replace(OUTPUT, **changes),))


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (replace(FOUND, refused="bad protobuf"), "does not run the model: bad protobuf"),
        (replace(FOUND, active=(CPU,)), "asked for first, the session came up on CPUExecutionProvider"),
        (replace(FOUND, active=()), "came up on nothing"),
        (replace(FOUND, available=(CPU,)), "has no CUDAExecutionProvider there, only CPUExecutionProvider"),
        (share(89.9), "did 90 % of the work, expected 90 % at least"),
        (share(0.0), "did 0 % of the work"),
        (replace(FOUND, shares=()), "did 0 % of the work"),
        (replace(FOUND, outputs=()), "nothing was shown"),
        (output(n_values=0, values=()), "gives no numbers"),
        (output(n_not_finite=1, values=(0.25, None)), "1 of 2 outputs for the golden input are NaN or infinite"),
        (output(values=(0.25, 0.7512)), "0.0012 off the reference, 0.001 is allowed"),
        (output(values=(0.75, 0.25)), "0.5 off the reference"),
        (output(values=(0.25,)), "gives 1 outputs, 2 are expected"),
        (replace(FOUND, runtime_version="1.31.1"), "ONNX Runtime is 1.31.1, the class states 1.17.3"),
    ],
)
def test_one_wrong_fact_fails_with_what_was_found(found, expected):
    """Each fact of a good run changed alone."""
    result = judged(found)
    assert result.status is CheckStatus.FAIL
    assert expected in result.sentence
    assert result.hint


def test_a_small_difference_passes():
    """Kernels of another class add in another order."""
    assert judged(output(values=(0.2509, 0.7491))).status is CheckStatus.PASS


def test_the_tolerance_grows_with_large_outputs():
    """A thousandth of the largest expected output."""
    assert judged(output(values=(0.25, 1000.9)), expected=(0.25, 1000.0)).status is CheckStatus.PASS
    assert judged(output(values=(0.25, 1001.1)), expected=(0.25, 1000.0)).status is CheckStatus.FAIL


def test_without_a_reference_the_sentence_says_that_nothing_was_compared():
    """A model alone: finite outputs are all that is known."""
    found = judged(expected=None)
    assert found.status is CheckStatus.PASS
    assert "compared with nothing" in found.sentence


def test_a_crash_or_a_timeout_is_a_failure_of_the_model():
    """It did not come back."""
    found = judged(None, trouble="it was killed by SIGSEGV")
    assert found.status is CheckStatus.FAIL
    assert found.sentence == "rig bench: it was killed by SIGSEGV"


def test_a_machine_that_could_not_try_says_nothing_about_the_model():
    """No ONNX Runtime there: not measured, never FAIL and never PASS."""
    assert judged(None, trouble="no onnxruntime", is_ours=True).status is CheckStatus.NOT_MEASURED


def test_a_version_that_a_machine_cannot_tell_is_no_pass_and_no_failure():
    """The class states a CUDA; the machine does not know its own."""
    found = judged(facts=FACTS | {"cuda": None})
    assert found.status is CheckStatus.NOT_MEASURED
    assert "nobody can tell the version of CUDA there" in found.sentence


def test_a_fault_counts_more_than_an_unknown_version():
    """A model that gives NaN on a machine of half-known versions is a failure."""
    found = judged(output(n_not_finite=2), facts=FACTS | {"cuda": None})
    assert found.status is CheckStatus.FAIL


def test_every_component_is_held_against_the_machine():
    """Other versions are named with both sides; a package's suffix does not matter; JetPack 6 may be 6.0."""
    stack = {
        "onnxruntime": "1.17.3",
        "cuda": "12.2",
        "driver": "550",
        "l4t": "36.3",
        "jetpack": "6.0",
        "cudnn": "8.9",
    }
    facts = {
        "cuda": {"a": "11.8.89-1", "b": "12.2.140"},
        "nvidia_driver": "535.183",
        "l4t": "36.3.0",
        "jetpack": "6",
        "cudnn": {"libcudnn9": "9.1.0-1"},
    }
    differing, unknown = stack_differences(stack, facts, "1.17.3")
    assert differing == ["driver is 535.183, the class states 550", "cuDNN is 9.1.0-1, the class states 8.9"]
    assert unknown == ["JetPack"]


def test_what_nobody_could_try_is_not_measured_with_the_next_step():
    """No machine of the class."""
    found = not_tried(ROW, "no machine", "name a rig")
    assert (found.status, found.sentence, found.hint) == (CheckStatus.NOT_MEASURED, "no machine", "name a rig")
