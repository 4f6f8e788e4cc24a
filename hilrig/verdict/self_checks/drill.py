"""Self-checks of a drill: its frames are accounted for, its faults happened, its camera was on time."""

from collections.abc import Iterator
from typing import Final

import numpy as np

from hilrig.core.drill import FaultSpan, first_drill_frame, is_offered
from hilrig.core.fault import DEATHS, RELOADS, FaultKind
from hilrig.core.frame import FLAG_FAULT, Outcome
from hilrig.core.run import RunRecord
from hilrig.core.units import NS_PER_US
from hilrig.core.verdict import SelfCheck
from hilrig.verdict.faults import LOADED, NOT_DONE, REFUSED, Drilled
from hilrig.verdict.measure import PERMILLE, percentile_ns
from hilrig.verdict.self_checks.feeder import lateness_limit_ns
from hilrig.verdict.self_checks.record import KEEP_AND_REPORT
from hilrig.verdict.self_checks.self_check import stated
from hilrig.verdict.window import INTENDED, RELEASE, cut, grid_ns
from hilrig.verdict.wording import counted, listed, quantity

OFFSET_S_MAX: Final = 0.5
"""How far from its step the wall clock may be found: half of the smallest step; time services slew less."""

AGAIN: Final = "Run it again; the fault's name is in events.jsonl, with everything that was said of it."


def check_drill(record: RunRecord, drilled: Drilled) -> tuple[SelfCheck, ...]:
    """Return the self-checks of a drill; none in a run without one."""
    if not record.plan.n_drill_frames:
        return ()
    return (_record(record, drilled), _injected(drilled), _camera(record, drilled))


def _record(record: RunRecord, drilled: Drilled) -> SelfCheck:
    frames, plan = drilled.frames, record.plan
    planned = np.array(
        [one for one in range(first_drill_frame(plan), plan.n_frames) if is_offered(drilled.spans, one)], np.int64
    )
    faults = []
    if not np.array_equal(frames.frame_id, planned):
        faults.append(f"{frames.n} of {counted(planned.size, 'planned frame')} recorded, or others than planned")
    n_open = int(np.count_nonzero(~np.isin(frames.outcome, (Outcome.DECIDED, Outcome.DROPPED, Outcome.FAILED))))
    if n_open:
        faults.append(f"{counted(n_open, 'frame')} without an outcome")
    if (
        drilled.t0_ns is None
        or (frames.stamps_ns[INTENDED] != drilled.t0_ns + grid_ns(plan, frames.frame_id)).any()
    ):
        faults.append("frames due off the camera's grid")
    observed = listed(faults, at_most=3) if faults else f"{counted(frames.n, 'frame')} offered"
    return stated(
        "drill.record",
        ok=not faults,
        observed=observed,
        limit="every frame that the camera offered in the drill recorded once, with its outcome",
        holds=f"Every frame of the drill is accounted for: {observed}.",
        broken=f"Not every frame of the drill is accounted for: {observed}.",
        advice=KEEP_AND_REPORT,
    )


def _injected(drilled: Drilled) -> SelfCheck:
    missing = [f"{span.spec.name}: {why}" for span in drilled.spans for why in _missing(span, drilled)]
    n = len(drilled.spans)
    observed = listed(missing, at_most=3) if missing else f"{n} of {counted(n, 'fault')}"
    return stated(
        "drill.injected",
        ok=not missing,
        observed=observed,
        limit="every fault of the profile happened as declared",
        holds=f"The faults happened as declared: {observed}.",
        broken=f"Not every fault happened as declared: {observed}.",
        advice=AGAIN,
    )


def _missing(span: FaultSpan, drilled: Drilled) -> Iterator[str]:
    """Yield what would be in the record if the fault had happened, and is not."""
    told, kind = drilled.told[span.spec.name], span.spec.kind
    if NOT_DONE in told:
        yield str(told[NOT_DONE].detail.get("words", "it could not be done"))
        return
    if not {"start", "stop"} <= told.keys():
        yield "it did not begin, or did not end"
        return
    if kind in DEATHS and "worker_lost" not in told:
        yield "the pipeline's process did not die"
    if kind in RELOADS and not {LOADED, REFUSED} & told.keys():
        yield "the model that was offered was neither loaded nor refused in time"
    if kind is FaultKind.CLOCK_STEPS:
        yield from _moved(span.spec.step_s, told["stop"].detail.get("offset_s"))
    ids, flags = drilled.frames.frame_id, drilled.frames.flags
    inside = (ids >= span.first_id) & (ids < span.end_id)
    if not np.array_equal(inside & (flags & FLAG_FAULT > 0), inside):
        yield "the camera did not know of it"


def _moved(step_s: float, found_s: object) -> Iterator[str]:
    """Yield what was wrong with the wall clock at the fault's end, before it was put back."""
    if not isinstance(found_s, int | float):
        yield "the record does not say where the wall clock was"
    elif abs(found_s - step_s) > OFFSET_S_MAX:
        where = f"{quantity(found_s, 's')} off at its end instead of {quantity(step_s, 's')}"
        yield f"the wall clock was {where}: something else set it meanwhile"


def _camera(record: RunRecord, drilled: Drilled) -> SelfCheck:
    stamps_ns = drilled.frames.stamps_ns
    late_ns, limit_ns = stamps_ns[RELEASE] - stamps_ns[INTENDED], lateness_limit_ns(cut(record))
    p99_ns = percentile_ns(late_ns, PERMILLE["p99"]) if late_ns.size else None
    limit = quantity(limit_ns / NS_PER_US, "us")
    observed = "no frame released" if p99_ns is None else quantity(p99_ns / NS_PER_US, "us")
    return stated(
        "drill.camera",
        ok=p99_ns is not None and p99_ns <= limit_ns,
        observed=observed,
        limit=f"p99 at most {limit}",
        holds=f"The camera was on time in the drill: p99 of its lateness {observed}, at most {limit} allowed.",
        broken=f"The camera was late in the drill: p99 of its lateness {observed}, at most {limit} allowed.",
        advice="Free a core for the feeder: stop other load, allow real-time priority, or use more cores.",
    )
