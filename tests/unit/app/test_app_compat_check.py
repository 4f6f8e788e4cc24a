"""The whole check: table and smoke run for every class, one report, one exit code."""

import fcntl
from dataclasses import replace
from pathlib import Path

import pytest

from compat_models import one_node, write_matrix
from hilrig.app.compat import check as compat_check
from hilrig.app.compat.check import CompatRequest, _Reference, check_compatibility, exit_code
from hilrig.app.compat.smoke import try_here
from hilrig.app.folders import lease_folder
from hilrig.config.noun_json import from_json, to_json
from hilrig.core.clock import SystemClock
from hilrig.core.compat import CompatReport, CompatStep
from hilrig.core.errors import PreconditionError, UsageError
from hilrig.core.exits import ExitCode
from hilrig.core.verdict import CheckStatus
from hilrig.rig.device_class import device_classes
from hilrig.rig.lease import LOCK_FILE
from local_rigs import write_local_rig
from onnx_stations import write_onnx_station

pytestmark = pytest.mark.waiting

OWN = device_classes(Path("/"))[0]
OTHER = """\
  jetson-orin-nx-8gb:
    os: JetPack 6.0
    stack: {jetpack: "6.0", cuda: "12.2", tensorrt: "8.6", onnxruntime: "1.17.3"}
    providers: [TensorrtExecutionProvider]
"""
BLOCKED = OTHER.replace("jetson-orin-nx-8gb", "jetson-xavier") + "    blocked: no fan\n"


def check(folder: Path, target: Path, matrix: Path, *classes: str) -> CompatReport:
    """Return the report."""
    request = CompatRequest(target=target, matrix=matrix, classes=classes, rigs=folder)
    return check_compatibility(request, clock=SystemClock(), on_class=lambda _: None)


def model(folder: Path, data: bytes = b"") -> Path:
    """Write a model."""
    path = folder / "m.onnx"
    path.write_bytes(data or one_node("Identity"))
    return path


def statuses(report: CompatReport) -> dict[tuple[str, str], str]:
    """Return the status of each finding by class and step."""
    return {(one.device_class, one.step.value): one.status.value for one in report.findings}


def test_the_own_class_is_tried_here_and_the_report_goes_through_json(tmp_path):
    """Both steps pass; what is written is read back the same."""
    report = check(tmp_path, model(tmp_path), write_matrix(tmp_path, name=OWN))
    assert statuses(report) == {(OWN, "table"): "PASS", (OWN, "smoke"): "PASS"}
    assert from_json(CompatReport, to_json(report), what="compatibility.json") == report
    assert exit_code(report, ()) is ExitCode.OK


def test_a_class_without_a_machine_is_not_measured(tmp_path):
    """Neither here nor on a rig: no PASS, and what to do."""
    report = check(tmp_path, model(tmp_path), write_matrix(tmp_path, name=OWN, more=OTHER))
    assert statuses(report)["jetson-orin-nx-8gb", "smoke"] == "NOT_MEASURED"
    found = report.findings[-1]
    assert "no machine to try it on" in found.sentence
    assert "write `rig: NAME` below jetson-orin-nx-8gb" in found.hint
    assert exit_code(report, ()) is ExitCode.INCONCLUSIVE


def test_a_blocked_class_is_listed_and_never_passes(tmp_path):
    """It does not fail the others, but fails who asks for it by name; nothing is run for it."""
    matrix = write_matrix(tmp_path, name=OWN, more=BLOCKED)
    report = check(tmp_path, model(tmp_path), matrix)
    assert report.blocked == {"jetson-xavier": "no fan"}
    assert report.classes == (OWN, "jetson-xavier")
    assert statuses(report)["jetson-xavier", "table"] == "FAIL"
    assert ("jetson-xavier", "smoke") not in statuses(report)
    assert exit_code(report, ()) is ExitCode.OK
    assert (
        exit_code(check(tmp_path, model(tmp_path), matrix, "jetson-xavier"), ("jetson-xavier",)) is ExitCode.FAIL
    )


def test_a_matrix_of_blocked_classes_passes_nothing(tmp_path):
    """Nothing was tried: that is no PASS."""
    matrix = write_matrix(tmp_path, name=OWN, more="    blocked: broken\n")
    assert exit_code(check(tmp_path, model(tmp_path), matrix), ()) is ExitCode.INCONCLUSIVE


def test_a_model_that_gives_nan_fails_though_the_table_passes(tmp_path):
    """The logarithm of zero: what only a run can show."""
    report = check(tmp_path, model(tmp_path, one_node("Log")), write_matrix(tmp_path, name=OWN))
    assert statuses(report) == {(OWN, "table"): "PASS", (OWN, "smoke"): "FAIL"}
    assert "4 of 4 outputs for the zeros input are NaN or infinite" in report.findings[1].sentence
    assert exit_code(report, ()) is ExitCode.FAIL


def test_a_class_that_states_another_runtime_than_is_here_fails(tmp_path):
    """The model runs, but on a runtime that the class does not have."""
    report = check(tmp_path, model(tmp_path), write_matrix(tmp_path, name=OWN, release="1.17.3"))
    smoke = report.findings[1]
    assert smoke.status is CheckStatus.FAIL
    assert "the class states 1.17.3" in smoke.sentence


def test_the_golden_input_of_a_profile_is_compared(tmp_path):
    """The sentence says so; a model alone has no golden input."""
    station = write_onnx_station(tmp_path / "station", "CPUExecutionProvider")
    report = check(tmp_path, station, write_matrix(tmp_path, name=OWN))
    assert report.findings[1].status is CheckStatus.PASS
    assert "golden input within 0.1 % of the reference" in report.findings[1].sentence


def test_a_model_that_answers_differently_from_the_reference_fails(tmp_path, monkeypatch):
    """The same input, other scores: what a wrong kernel or engine gives."""
    station = write_onnx_station(tmp_path / "station", "CPUExecutionProvider")
    monkeypatch.setattr(compat_check._Trial, "_made_reference", lambda _: _Reference(values=(9.0,) * 4))
    report = check(tmp_path, station, write_matrix(tmp_path, name=OWN))
    assert report.findings[1].status is CheckStatus.FAIL
    assert "off the reference" in report.findings[1].sentence


def test_without_a_reference_a_golden_input_is_not_measured(tmp_path, monkeypatch):
    """This machine cannot run the model itself: a rig's outputs would be compared with nothing."""
    station = write_onnx_station(tmp_path / "station", "CPUExecutionProvider")
    monkeypatch.setattr(
        compat_check._Trial, "_made_reference", lambda _: _Reference(values=None, trouble="no ORT")
    )
    smoke = check(tmp_path, station, write_matrix(tmp_path, name=OWN)).findings[1]
    assert smoke.status is CheckStatus.NOT_MEASURED
    assert "no reference for its golden input: no ORT" in smoke.sentence


def test_a_machine_in_the_midst_of_a_run_is_left_alone(tmp_path):
    """A smoke run here would spoil that run's numbers."""
    folder = lease_folder()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK_FILE).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        smoke = check(tmp_path, model(tmp_path), write_matrix(tmp_path, name=OWN)).findings[1]
    assert smoke.status is CheckStatus.NOT_MEASURED
    assert "in the midst of a run" in smoke.sentence


def test_a_model_that_changed_on_its_way_is_refused(tmp_path, monkeypatch):
    """What was tried must be what was hashed: a rig's disk or a hostile hand may have changed it."""

    def changed(asked):
        tried = try_here(asked)
        assert tried.found is not None
        return replace(tried, found=replace(tried.found, files_sha256={"m.onnx": "0" * 64}))

    monkeypatch.setattr(compat_check, "try_here", changed)
    with pytest.raises(PreconditionError, match="m.onnx changed between the check and the load"):
        check(tmp_path, model(tmp_path), write_matrix(tmp_path, name=OWN))


def test_only_the_asked_classes_are_tried_and_all_are_listed(tmp_path):
    """`--device-class` leaves out the others' findings, not their names."""
    report = check(tmp_path, model(tmp_path), write_matrix(tmp_path, name=OWN, more=OTHER), OWN)
    assert {one.device_class for one in report.findings} == {OWN}
    assert report.classes == (OWN, "jetson-orin-nx-8gb")


def test_an_unknown_class_is_refused_with_the_nearest_name(tmp_path):
    """A typing mistake must not check nothing and pass."""
    with pytest.raises(UsageError, match="no class 'jetson-orin-nx-8g'") as caught:
        check(tmp_path, model(tmp_path), write_matrix(tmp_path, more=OTHER), "jetson-orin-nx-8g")
    assert "jetson-orin-nx-8gb" in caught.value.hint


def test_what_is_no_model_ends_the_check(tmp_path):
    """There is nothing to report about a web page."""
    with pytest.raises(PreconditionError, match="a web page"):
        check(tmp_path, model(tmp_path, b"<html>"), write_matrix(tmp_path))


def test_a_rig_tries_its_own_class(tmp_path):
    """A rig that is a folder of this machine: model there, findings back, nothing left behind."""
    write_local_rig(tmp_path)
    report = check(tmp_path, model(tmp_path), write_matrix(tmp_path, name=OWN, more="    rig: bench\n"))
    smoke = report.findings[1]
    assert (smoke.step, smoke.status) == (CompatStep.SMOKE, CheckStatus.PASS), smoke.sentence
    assert smoke.sentence.startswith("rig bench: runs on CPUExecutionProvider")
    assert list((tmp_path / "home-bench/work/compat").iterdir()) == []


def test_a_golden_input_goes_to_the_rig_and_is_compared_with_the_reference_from_here(tmp_path):
    """What another machine computes is held against what this one does."""
    write_local_rig(tmp_path)
    station = write_onnx_station(tmp_path / "station", "CPUExecutionProvider")
    report = check(tmp_path, station, write_matrix(tmp_path, name=OWN, more="    rig: bench\n"))
    assert report.findings[1].sentence.endswith("outputs for the golden input within 0.1 % of the reference")


@pytest.mark.parametrize(
    ("rig", "name", "expected"),
    [
        ("nowhere", OWN, "no rig 'nowhere'"),
        ("bench", "arm64-cpu" if OWN.startswith("x86") else "x86-cpu", "this rig is of the class"),
        ("broken", OWN, "out of service: on loan"),
    ],
)
def test_a_rig_that_cannot_try_leaves_the_class_unmeasured(tmp_path, rig, name, expected):
    """Unknown, of another class, out of service: said so, and the other classes are still checked."""
    write_local_rig(tmp_path)
    write_local_rig(tmp_path, "broken", more="enabled: false\ndisabled_reason: on loan\n")
    report = check(tmp_path, model(tmp_path), write_matrix(tmp_path, name=name, more=f"    rig: {rig}\n"))
    assert report.findings[1].status is CheckStatus.NOT_MEASURED
    assert expected in report.findings[1].sentence


def test_a_rig_that_somebody_holds_is_left_alone(tmp_path):
    """A smoke run would spoil the measurement that goes on there."""
    from hilrig.app.rigs.reserve import reserve
    from hilrig.config.rig_file import load_rig

    reserve(load_rig(write_local_rig(tmp_path)), for_s=600, note="soak")
    report = check(tmp_path, model(tmp_path), write_matrix(tmp_path, name=OWN, more="    rig: bench\n"))
    assert report.findings[1].status is CheckStatus.NOT_MEASURED
    assert "rig bench is held by" in report.findings[1].sentence
