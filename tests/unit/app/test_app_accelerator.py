"""hilrig.app.soak.accelerator: real ONNX Runtime without an accelerator; what a claim is worth here."""

from dataclasses import replace
from pathlib import Path

import onnx
import onnxruntime as ort
import pytest

from accelerator_proofs import make_proof
from hilrig.app.finished.conclude import read_evidence
from hilrig.app.run.ending import Stop
from hilrig.app.run.request import RunRequest
from hilrig.app.soak import accelerator as subject
from hilrig.app.soak import preflight as preflight_module
from hilrig.app.soak import soak
from hilrig.app.soak.plan import build_plan
from hilrig.app.soak.preflight import load_rig_in_place, preflight
from hilrig.attest.keys import create_key, load_signer
from hilrig.core import files
from hilrig.core.clock import SystemClock
from hilrig.core.errors import PreconditionError
from hilrig.core.profile import BackendSpec
from hilrig.record.run_directory import create
from onnx_stations import write_onnx_station
from small_models import build_model, spec_for
from stations import write_station

CPU, AZURE, CUDA = "CPUExecutionProvider", "AzureExecutionProvider", "CUDAExecutionProvider"
TENSORRT = "TensorrtExecutionProvider"


def prove(folder, *providers, **options):
    onnx.save(build_model(), str(folder / "model.onnx"))
    backend = BackendSpec(name="onnx", options={"providers": list(providers), **options})
    return subject.prove_accelerator(backend, spec_for("model.onnx"), folder, distribution="onnxruntime")


def test_a_profile_for_the_cpu_needs_no_proof(tmp_path, monkeypatch):
    """No process is started for it."""
    monkeypatch.delattr(subject, "run_probe")
    assert prove(tmp_path, CPU) is None


TELLS_ASSIGNMENT = hasattr(ort.InferenceSession, "get_provider_graph_assignment_info")  # from 1.24 on
ASSIGNED = "2 of 2 nodes to CPUExecutionProvider" if TELLS_ASSIGNMENT else "this runtime does not tell"


@pytest.mark.parametrize("providers", [(CUDA,), (CUDA, CPU)])
def test_cuda_that_is_not_there_is_refused_with_what_would_have_happened(tmp_path, providers):
    """Package, providers, nodes, time, witnesses: the silent fall-back in numbers, with the way out."""
    if CUDA in ort.get_available_providers():
        pytest.skip("hardware: this ONNX Runtime has CUDA")
    with pytest.raises(PreconditionError) as caught:
        prove(tmp_path, *providers)
    for words in (
        "the runtime has no CUDAExecutionProvider",
        f"onnxruntime {ort.__version__} has {', '.join(ort.get_available_providers())}",
        "active: CPUExecutionProvider",
        ASSIGNED,
        "0 % on CUDAExecutionProvider, 100 % on CPUExecutionProvider",
        "hw.gpu.utilization",
    ):
        assert words in caught.value.message
    assert "pip install 'hilrig[gpu]'" in caught.value.hint


def test_a_provider_that_is_active_and_idle_is_refused(tmp_path):
    """The real thing: available, first in the list of active ones, not one node executed."""
    with pytest.raises(PreconditionError, match="AzureExecutionProvider took 0 % of the node time"):
        prove(tmp_path, AZURE, CPU)


def test_a_share_however_small_has_to_be_there(tmp_path):
    """A profile cannot lower the limit to nothing."""
    with pytest.raises(
        PreconditionError, match=r"took 0 % of the node time of the probe, at least 0\.01 % required"
    ):
        prove(tmp_path, AZURE, CPU, accelerator_time_share_min_pct=0.01)


@pytest.mark.parametrize(("providers", "deadline_s"), [((CUDA, CPU), 60.0), ((TENSORRT, CUDA), 600.0)])
def test_a_build_of_tensorrt_has_more_time(tmp_path, monkeypatch, providers, deadline_s):
    """Ten minutes for an engine, one for all else."""
    given = []

    def run(asked, *, deadline_s):
        given.append(deadline_s)
        raise PreconditionError("asked")

    monkeypatch.setattr(subject, "run_probe", run)
    with pytest.raises(PreconditionError, match="asked"):
        prove(tmp_path, *providers)
    assert given == [deadline_s]


def test_an_error_after_the_proof_has_its_evidence():
    """The strict session refuses nodes on the CPU: how many there are is what the reader needs."""
    error = subject.with_evidence(PreconditionError("refused", hint="export"), make_proof())
    assert error.message.startswith("refused. The probe before it: onnxruntime-gpu 1.31.1 has")
    assert "4 of 59 nodes to CPUExecutionProvider" in error.message
    assert error.hint == "export"


def test_preflight_shows_the_proof_when_the_target_then_does_not_load(tmp_path, monkeypatch):
    """One line has both: what the session said and what the probe had found."""
    station = write_onnx_station(tmp_path, CUDA)
    if CUDA in ort.get_available_providers():
        pytest.skip("hardware: this ONNX Runtime has CUDA")
    monkeypatch.setattr(preflight_module, "prove_accelerator", lambda *_, **__: make_proof())
    with pytest.raises(PreconditionError, match="has only .* The probe before it: .*55 of 59 nodes"):
        preflight(station, load_rig_in_place(None))


@pytest.fixture(scope="module")
def proven_run(tmp_path_factory):
    """Return the directory of a real run of half a second whose preflight had proven an accelerator."""
    folder = tmp_path_factory.mktemp("proven")
    station = write_station(folder / "station", duration_s=0.5)
    ready = replace(preflight(station, load_rig_in_place(None)), accelerator=make_proof())
    request = RunRequest(profile=folder, rig_file=None, reports=folder, duration_s=None, key=folder)
    plan = build_plan(ready, request, run_id="0123abcd", created_at_utc="2026-01-01T00:00:00Z")
    create_key(folder / "keys", "rig", passphrase=None)
    signer = load_signer(folder / "keys" / "rig.pem", passphrase=None)
    run_dir = create(folder, profile_name="s", run_id="0123abcd", started_at_utc=plan.created_at_utc)
    soak.run_in(run_dir, ready, plan, signer, baseline=None, stop=Stop(), clock=SystemClock())
    return run_dir


@pytest.mark.long  # short: the others
def test_the_proof_of_a_run_is_among_its_evidence(proven_run):
    """accelerator.json is written before the first frame, hashed into the result and read back whole."""
    assert read_evidence(proven_run).accelerator == make_proof()
    assert f'"{files.ACCELERATOR}"' in (proven_run / files.RESULT).read_text()


def test_the_target_says_how_long_it_took_to_load(proven_run):
    """The live metrics show it; null backend or engine build, it is the time of `prepare`."""
    facts = [event.detail["facts"] for event in read_evidence(proven_run).events if event.kind == "child_ready"]
    (load_time_ms,) = [one["load_time_ms"] for one in facts if "load_time_ms" in one]
    assert 0 < load_time_ms < 60_000


def test_a_run_without_an_accelerator_has_no_proof():
    """The sample was measured on the CPU."""
    assert read_evidence(Path(__file__).parents[3] / "reports" / "sample").accelerator is None
