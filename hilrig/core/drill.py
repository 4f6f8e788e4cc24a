"""The drill after the measured part: which of its frames fall into which fault.

The camera, the supervisor and the verdict each compute it from the plan alone, so that they cannot disagree.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import numpy as np

from hilrig.core.arrivals import schedule
from hilrig.core.fault import FaultKind, FaultSpec
from hilrig.core.run import RunPlan
from hilrig.core.units import s_to_ns

LEAD_S: Final = 1.0
"""Nothing is broken this early in a drill: the last measured frames are decided as in any run."""

N_DECISIONS: Final = 5
"""Decided frames in a row that count as recovery: one or two may be left over in a queue."""

WATCH_S: Final = 1.0
"""How much longer than its allowed recovery a fault is watched: "too late" is seen, not concluded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultSpan:
    """When one fault is on, by the camera's schedule.

    Args:
        first_id: of the frames due inside it.
        end_id: of the first frame due after it.
        begin_ns: after t0.
        end_ns: after t0.
    """

    spec: FaultSpec
    first_id: int
    end_id: int
    begin_ns: int
    end_ns: int

    def holds(self, frame_id: int) -> bool:
        """Return whether a frame is due inside the fault."""
        return self.first_id <= frame_id < self.end_id


def n_drill_frames(faults: Sequence[FaultSpec], rate_fps: Fraction) -> int:
    """Return how many frames the faults need; none without a fault."""
    if not faults:
        return 0
    return math.ceil(max(watched_until_s(fault, rate_fps) for fault in faults) * rate_fps) + N_DECISIONS


def watched_until_s(fault: FaultSpec, rate_fps: Fraction) -> Fraction:
    """Return until when a fault needs the drill for itself: its end, its recovery, and the frames that show it."""
    length_s = Fraction(fault.duration_s) + Fraction(fault.recovery_max_s) + Fraction(WATCH_S)
    return begin_s(fault, rate_fps) + length_s + N_DECISIONS / rate_fps


def begin_s(fault: FaultSpec, rate_fps: Fraction) -> Fraction:
    """Return when a fault begins, in seconds after the drill began; `rate_fps` is that of all cameras together."""
    return Fraction(fault.at_s) if fault.at_frame is None else (fault.at_frame - 1) / rate_fps


def first_drill_frame(plan: RunPlan) -> int:
    """Return the id of the first frame that is not measured any more."""
    return plan.n_frames - plan.n_drill_frames


def drill_start_ns(plan: RunPlan) -> int:
    """Return when the drill begins, after t0."""
    return schedule(plan).offset_ns(first_drill_frame(plan))


def fault_spans(plan: RunPlan) -> tuple[FaultSpan, ...]:
    """Return the faults of a plan in the order in which they happen."""
    first = first_drill_frame(plan)
    due_ns = schedule(plan).offsets_ns(np.arange(first, plan.n_frames))
    spans = []
    for spec in plan.faults:
        begin_ns = _begin_ns(spec, due_ns.tolist())
        end_ns = begin_ns + s_to_ns(spec.duration_s)
        first_id, end_id = (first + int(np.searchsorted(due_ns, at_ns)) for at_ns in (begin_ns, end_ns))
        if spec.at_frame is not None:
            end_id = max(end_id, first_id + 1)
        spans.append(FaultSpan(spec=spec, first_id=first_id, end_id=end_id, begin_ns=begin_ns, end_ns=end_ns))
    return tuple(sorted(spans, key=lambda span: span.begin_ns))


def fault_at(spans: Sequence[FaultSpan], frame_id: int) -> FaultSpan | None:
    """Return the fault that a frame is due in: one at most, a profile's faults do not overlap."""
    return next((span for span in spans if span.holds(frame_id)), None)


def is_offered(spans: Sequence[FaultSpan], frame_id: int) -> bool:
    """Return whether the camera offers a frame at all."""
    fault = fault_at(spans, frame_id)
    return fault is None or fault.spec.kind is not FaultKind.CAMERA_STOPS


def _begin_ns(spec: FaultSpec, due_ns: Sequence[int]) -> int:
    if spec.at_frame is not None:
        return due_ns[spec.at_frame - 1]
    return due_ns[0] + s_to_ns(spec.at_s)
