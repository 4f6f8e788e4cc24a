"""A profile that asks for an accelerator, where there is none: refused with the evidence, nothing left behind."""

import onnxruntime as ort
import pytest

from onnx_stations import write_onnx_station

pytestmark = [pytest.mark.waiting, pytest.mark.long]  # short: test_app_accelerator

CUDA, CPU, AZURE = "CUDAExecutionProvider", "CPUExecutionProvider", "AzureExecutionProvider"
TELLS_ASSIGNMENT = hasattr(ort.InferenceSession, "get_provider_graph_assignment_info")  # from 1.24 on


def station_on(bench, *providers, more=""):
    """Write a station that runs a small real model on these providers; return its folder."""
    return str(write_onnx_station(bench.folder / "station", *providers, more=more))


@pytest.mark.parametrize(("command", "providers"), [("check", (CUDA,)), ("run", (CUDA, CPU))])
def test_cuda_on_a_machine_without_it_is_refused_with_the_evidence(bench, command, providers):
    """ONNX Runtime would run it on the CPU without a word: the message says so in numbers."""
    if CUDA in ort.get_available_providers():
        pytest.skip("hardware: this ONNX Runtime has CUDA")
    called = bench.call(command, station_on(bench, *providers))
    assert called.code == 22, called
    for words in (
        f"asks for {CUDA}, and nothing proves that it would do the work",
        f"the runtime has no {CUDA}",
        f"onnxruntime {ort.__version__} has",
        f"active: {CPU}",
        f"2 of 2 nodes to {CPU}" if TELLS_ASSIGNMENT else "this runtime does not tell",
        f"0 % on {CUDA}, 100 % on {CPU}",
        "hw.gpu.utilization",
        "pip install 'hilrig[gpu]'",
    ):
        assert words in called.err.replace("\n", " "), called
    assert "Traceback" not in called.err, called
    assert bench.run_dirs() == []


def test_a_provider_that_claims_the_work_and_does_none_is_refused(bench):
    """It is available and active, the model loads and runs: only the probe finds that the CPU does it all."""
    called = bench.run(station_on(bench, AZURE, CPU))
    assert called.code == 22, called
    assert f"{AZURE} took 0 % of the node time" in called.err, called
    assert bench.run_dirs() == []


def test_options_of_providers_are_checked_where_they_are_written(bench):
    """A wrong share, and an option of a provider that is not asked for: exit 2 with the place."""
    share = bench.call("check", station_on(bench, CPU, more=", accelerator_time_share_min_pct: 0"))
    assert share.code == 2, share
    assert "profile.yaml:13:102" in share.err, share
    assert "accelerator_time_share_min_pct must be over 0" in share.err, share
    other = bench.call("check", station_on(bench, CPU, more=f", provider_options: {{{CUDA}: {{device_id: 1}}}}"))
    assert other.code == 2, other
    assert "is not among providers" in other.err, other
