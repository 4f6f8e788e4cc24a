"""Runs with a drill for tests: faults, plans, records of a pipeline that takes every fault well."""

from dataclasses import replace
from fractions import Fraction

import numpy as np

from builders import T0_NS, make_event, make_frames, make_plan, make_record, undecide
from hilrig.core.drill import fault_spans, first_drill_frame, is_offered, n_drill_frames
from hilrig.core.fault import DEATHS, DECEPTIONS, RELOADS, FaultKind, FaultSpec
from hilrig.core.frame import FLAG_FAULT, Outcome, OutcomeReason
from hilrig.core.profile import Comparator, Limit
from hilrig.core.run import RunPlan, RunRecord

FPS = Fraction(30)


def make_fault(kind: FaultKind, **changes) -> FaultSpec:
    """Return a fault that begins 2 s into the drill and lasts 1 s, a death no time."""
    stated = {
        "name": kind.value.replace("_", "-"),
        "kind": kind,
        "at_s": 2.0,
        "duration_s": 0.0 if kind in DEATHS else 1.0,
        "recovery_max_s": 1.0,
        "step_s": 3600.0 if kind is FaultKind.CLOCK_STEPS else 0.0,
    }
    return FaultSpec(**(stated | changes))


def fault_limits_of(faults: tuple[FaultSpec, ...]) -> tuple[Limit, ...]:
    """Return the limits that the faults bring with them."""
    limits = []
    for fault in faults:
        limits.append((fault.recovery_check_id, "fault_recovery_s", fault.recovery_max_s, "s"))
        if fault.handled_check_id:
            limits.append((fault.handled_check_id, "fault_false_decisions", 0.0, "frames"))
        if fault.undecided_check_id:
            limits.append((fault.undecided_check_id, "fault_undecided_pct", fault.undecided_max_pct, "%"))
    return tuple(
        Limit(
            check_id=check_id,
            metric=metric,
            comparator=Comparator.LE,
            limit=limit,
            unit=unit,
            source="profile.yaml:9:5",
        )
        for check_id, metric, limit, unit in limits
    )


def with_drill(plan: RunPlan, *faults: FaultSpec) -> RunPlan:
    """Return a plan with a drill, and the limits of its faults."""
    rate_fps = Fraction(plan.period_denominator * 10**9, plan.period_numerator_ns)
    return replace(
        plan,
        faults=faults,
        n_drill_frames=n_drill_frames(faults, rate_fps),
        limits=(*plan.limits, *fault_limits_of(faults)),
    )


def drill_record(*faults: FaultSpec, plan: RunPlan | None = None) -> RunRecord:
    """Return the record of a run whose pipeline decides no frame inside a fault that deceives, and all others."""
    plan = make_plan() if plan is None else plan
    sound = make_record(plan)
    drilled = with_drill(plan, *faults)
    spans = fault_spans(drilled)
    frames = make_frames(drilled)
    for span in spans:
        frames["flags"][span.first_id : span.end_id] = FLAG_FAULT
        if span.spec.kind in DECEPTIONS - RELOADS:
            ids = range(span.first_id, span.end_id)
            undecide(frames, ids, outcome=Outcome.FAILED, reason=OutcomeReason.PREPROCESS_ERROR)
    kept = [is_offered(spans, frame_id) for frame_id in range(drilled.n_frames)]
    events = [*sound.events[:-1]]
    for span in spans:
        events += told_of(span)
    return replace(sound, plan=drilled, frames=frames[np.array(kept)], events=(*events, sound.events[-1]))


def told_of(span) -> list:
    """Return the events of one fault that happened as declared."""
    name, kind = span.spec.name, span.spec.kind
    events = [
        replace(make_event("fault", T0_NS + t_ns), detail={"name": name, "kind": kind.value, "state": state})
        for t_ns, state in ((span.begin_ns, "start"), (span.end_ns, "stop"))
    ]
    if kind is FaultKind.CLOCK_STEPS:
        events[1] = replace(events[1], detail={**events[1].detail, "offset_s": span.spec.step_s + 0.001})
    if kind in RELOADS:
        events.append(make_event("fault", T0_NS + span.begin_ns, name=name, state="refused", words="damaged"))
    if kind in DEATHS:
        events.append(make_event("worker_lost", T0_NS + span.end_ns, name=name, how="killed by signal SIGKILL"))
    return events


def drill_frame(record: RunRecord, at_s: float) -> int:
    """Return the row of the first frame due `at_s` into the drill."""
    first = first_drill_frame(record.plan)
    due_ns = record.frames["t_intended_ns"]
    start_ns = int(due_ns[record.frames["frame_id"] == first][0])
    return int(np.searchsorted(due_ns, start_ns + round(at_s * 1e9)))
