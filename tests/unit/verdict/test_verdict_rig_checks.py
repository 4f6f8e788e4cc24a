"""A rig that is no hardware."""

import pytest

from builders import make_frames, make_limit, make_plan, make_record
from hilrig.core.frame import Truth
from hilrig.core.verdict import RunStatus
from hilrig.verdict.judge import judge
from hilrig.verdict.self_checks.rig import check_rig

PLAN = make_plan()
TCG = {"facts": {"emulated": "QEMU TCG"}}


@pytest.mark.parametrize("rig", [{}, {"facts": {}}, {"facts": {"emulated": None}}])
def test_a_rig_that_shows_no_emulation_holds(rig):
    """Records of before this was looked at are judged as they were."""
    found = check_rig(rig)
    assert (found.ok, found.advice) == (True, "")


def test_an_emulated_rig_never_passes():
    """The same run that passes on hardware is INCONCLUSIVE there, and says what to do."""
    assert judge(make_record(PLAN)).status is RunStatus.PASS
    judgement = judge(make_record(PLAN, rig=TCG))
    (broken,) = [one for one in judgement.self_checks if not one.ok]
    assert judgement.status is RunStatus.INCONCLUSIVE
    assert broken.check_id == "rig.real_hardware"
    assert "emulated (QEMU TCG)" in broken.sentence
    assert "not for promotion" in broken.sentence
    assert broken.advice == "Run on the real device."


def test_an_emulated_cpu_is_not_held_against_the_model():
    """Late and dropped frames are the emulation's: INCONCLUSIVE, not FAIL."""
    plan = make_plan(
        limits=[
            make_limit("latency.p99_max_ms", "latency_p99_ms", 50, "ms"),
            make_limit("d", "drop_pct", 0.5, "%"),
        ]
    )
    frames = make_frames(plan, latency_ms=90.0, dropped=range(100, 200))
    assert judge(make_record(plan, frames=frames)).status is RunStatus.FAIL
    judgement = judge(make_record(plan, frames=frames, rig=TCG))
    assert judgement.status is RunStatus.INCONCLUSIVE
    assert all("rig.real_hardware" in check.sentence for check in judgement.checks)


def test_a_wrong_decision_is_the_models_own_even_there():
    """An emulated CPU computes the same numbers: too many defects missed stay a FAIL."""
    limit = make_limit("detection.min_precision", "detection_precision", 0.9, "1", at_least=True)
    plan = make_plan(limits=[limit])
    record = make_record(plan, frames=make_frames(plan, defects=1), truths=[Truth(labels=())], rig=TCG)
    assert judge(record).status is RunStatus.FAIL
