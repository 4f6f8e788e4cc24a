"""One self-check of a run that is sound but for what a test breaks."""

from collections.abc import Sequence

from builders import Curve, make_events, make_plan, make_record
from hilrig.core.frame import FrameTable
from hilrig.core.run import RunEvent, RunPlan
from hilrig.core.verdict import RunStatus, SelfCheck
from hilrig.verdict.judge import judge

PLAN = make_plan()


def self_check(
    check_id: str,
    *,
    plan: RunPlan = PLAN,
    frames: FrameTable | None = None,
    curves: Sequence[Curve] | None = None,
    events: Sequence[RunEvent] | None = None,
) -> SelfCheck:
    """Return one self-check of a run that is sound but for what is given; a broken one must block the verdict."""
    judgement = judge(make_record(plan, frames=frames, curves=curves, events=events))
    found = next(one for one in judgement.self_checks if one.check_id == check_id)
    assert found.ok or judgement.status is not RunStatus.PASS
    assert found.ok or found.advice
    return found


def without(kind: str) -> list[RunEvent]:
    """Return the events of a sound run, but those of one kind."""
    return [event for event in make_events(PLAN) if event.kind != kind]
