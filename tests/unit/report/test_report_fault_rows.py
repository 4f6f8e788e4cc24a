"""The faults of a drill on the page: what was done, expected and seen, with the worst of their checks."""

from dataclasses import replace

from drills import drill_record, make_fault
from hilrig.core.fault import FaultKind
from hilrig.core.verdict import CheckStatus
from hilrig.report.fault_rows import fault_rows
from hilrig.verdict.judge import judge


def test_a_row_says_what_was_done_expected_and_seen():
    """One row a fault, in the order in which they happened."""
    stop, noise = (
        make_fault(FaultKind.CAMERA_STOPS, name="gone"),
        make_fault(FaultKind.CAMERA_GARBAGE, name="noise", at_s=8),
    )
    first, second = fault_rows(judge(drill_record(noise, stop)))
    assert (first.name, first.when, first.word) == ("gone (camera_stops)", "2.0 s", "PASS")
    assert first.done == "no frame came for 1 s"
    assert second.expected == "noise is noticed, and not decided; decisions again within 1 s"
    assert second.seen == "30 frames inside, 0 decided, 30 failed; decisions again after 0.01 s"


def test_a_row_shows_the_worst_of_its_checks():
    """A recovery in time does not outshine a false decision; another fault's check does not count."""
    judgement = judge(drill_record(make_fault(FaultKind.CAMERA_GARBAGE, name="noise")))
    checks = tuple(
        replace(one, status=CheckStatus.FAIL) if one.check_id == "faults.noise.handled" else one
        for one in judgement.checks
    )
    assert fault_rows(replace(judgement, checks=checks))[0].status is CheckStatus.FAIL
    other = tuple(replace(one, check_id=one.check_id.replace("noise", "noise-2")) for one in checks)
    (row,) = fault_rows(replace(judgement, checks=other))
    assert (row.status, row.word) == (None, "not judged")


def test_a_run_without_faults_has_no_row():
    """And so no section."""
    assert fault_rows(judge(drill_record())) == []
