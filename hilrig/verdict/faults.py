"""What became of the faults of a drill: when each was on, what was decided in it, how soon it was over."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from hilrig.core.drill import N_DECISIONS, FaultSpan, fault_spans, first_drill_frame
from hilrig.core.fault import DECEPTIONS, RELOADS, FaultKind, FaultSeen, FaultSpec
from hilrig.core.frame import Outcome
from hilrig.core.run import RunEvent, RunRecord
from hilrig.core.units import NS_PER_S
from hilrig.core.verdict import Measurement
from hilrig.verdict.fault_words import done_words, expected_words, seen_words
from hilrig.verdict.window import DECIDED, INTENDED, Columns, columns, grid_ns

BY_HAND: Final = frozenset(
    {FaultKind.MODEL_HANGS, FaultKind.WORKER_KILLED, FaultKind.DISK_FULL, FaultKind.CLOCK_STEPS}
)
"""What the supervisor does itself: its event says when. The others are bound to frames, and so to the grid."""

LOADED, REFUSED, NOT_DONE = "loaded", "refused", "not_done"
"""What the events say of a fault besides `start` and `stop`; `not_done`: the instrument could not do it."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Drilled:
    """A record's drill.

    Args:
        frames: those of the drill alone.
        t0_ns: when the first frame of the run was due, CLOCK_MONOTONIC; None when the record does not say.
        told: what was said of each fault, by its name: the event of each state.
    """

    faults: tuple[FaultSeen, ...]
    spans: tuple[FaultSpan, ...]
    frames: Columns
    t0_ns: int | None
    told: Mapping[str, Mapping[str, RunEvent]]


def drill(record: RunRecord) -> Drilled:
    """Return what the drill of a record shows; nothing in a run without one."""
    plan, spans = record.plan, fault_spans(record.plan)
    in_drill = record.frames["frame_id"] >= first_drill_frame(plan)
    frames = columns(record.frames[in_drill])
    told = {span.spec.name: _told(record.events, span.spec.name) for span in spans}
    t0_ns = _t0_ns(record.events)
    start_ns = int(grid_ns(plan, np.array([first_drill_frame(plan)]))[0])
    ends = [*(span.first_id for span in spans), plan.n_frames][1:]
    seen = tuple(
        _Watched(span, frames, told[span.spec.name], t0_ns, start_ns=start_ns, until_id=until_id).seen()
        for span, until_id in zip(spans, ends, strict=True)
    )
    return Drilled(faults=seen, spans=spans, frames=frames, t0_ns=t0_ns, told=told)


def measure_faults(drilled: Drilled) -> dict[str, Measurement]:
    """Return the numbers that the limits of the faults are held against, by the id of the check."""
    measured = {}
    for span, seen in zip(drilled.spans, drilled.faults, strict=True):
        measured[span.spec.recovery_check_id] = _recovery(span.spec, seen)
        if span.spec.handled_check_id is not None:
            measured[span.spec.handled_check_id] = _false_decisions(seen)
        if span.spec.undecided_check_id is not None:
            measured[span.spec.undecided_check_id] = _undecided(seen)
    return measured


def _recovery(spec: FaultSpec, seen: FaultSeen) -> Measurement:
    """Return the time to recovery; where it was not seen, and would have been, how long it is at least."""
    metric, unit, value = "fault_recovery_s", "s", seen.recovery_s
    evidence = f"{seen.name}: {seen.done}"
    if value is None and seen.watched_s > spec.recovery_max_s:
        value = seen.watched_s
        evidence += f"; never {N_DECISIONS} decisions in a row as long as it was watched"
    reason = "" if value is not None else f"{seen.name}: {seen.seen}"
    n = 0 if seen.recovery_s is None else N_DECISIONS
    return Measurement(metric=metric, unit=unit, value=value, n=n, reason=reason, evidence=evidence)


def _false_decisions(seen: FaultSeen) -> Measurement:
    is_known = seen.n_false is not None
    return Measurement(
        metric="fault_false_decisions",
        unit="frames",
        value=None if seen.n_false is None else float(seen.n_false),
        n=seen.n_frames,
        reason="" if is_known else f"{seen.name}: {seen.seen}",
        evidence=f"{seen.name}: {seen.done}; expected: {seen.expected}",
    )


def _undecided(seen: FaultSeen) -> Measurement:
    """Return the share of frames inside that got no decision; unknown where the fault did not happen."""
    is_known = seen.end_s is not None and seen.n_frames > 0
    return Measurement(
        metric="fault_undecided_pct",
        unit="%",
        value=100 * (seen.n_frames - seen.n_decided) / seen.n_frames if is_known else None,
        n=seen.n_frames,
        reason="" if is_known else f"{seen.name}: {seen.seen}",
        evidence=f"{seen.name}: {seen.done}; {seen.seen}",
    )


@dataclass(frozen=True, slots=True)
class _Watched:
    """One fault with the frames around it; `until_id` is the first frame of the next fault."""

    span: FaultSpan
    frames: Columns
    told: Mapping[str, RunEvent]
    t0_ns: int | None
    start_ns: int
    until_id: int

    def seen(self) -> FaultSeen:
        spec = self.span.spec
        begin_s, end_s = self._moment_s("start"), self._moment_s("stop")
        inside = self._part(self.span.first_id, self.span.end_id)
        n_decided = int(np.count_nonzero(inside.is_decided))
        n_failed = int(np.count_nonzero(inside.outcome == Outcome.FAILED))
        n_false = self._n_false(inside) if end_s is not None else None
        recovery_s, watched_s = self._recovery() if end_s is not None else (None, 0.0)
        return FaultSeen(
            name=spec.name,
            kind=spec.kind,
            done=done_words(spec),
            expected=expected_words(spec),
            seen=seen_words(
                has_ended=end_s is not None,
                n_frames=inside.n,
                n_decided=n_decided,
                n_failed=n_failed,
                recovery_s=recovery_s,
                watched_s=watched_s,
                refusal=self._refusal(),
            ),
            begin_s=begin_s,
            end_s=end_s,
            n_frames=inside.n,
            n_decided=n_decided,
            n_false=n_false,
            recovery_s=recovery_s,
            watched_s=watched_s,
            n_failed=n_failed,
        )

    def _recovery(self) -> tuple[float | None, float]:
        """Return the time from the fault's end to the first decision of the row, and how long was watched."""
        after = self._part(self.span.end_id, self.until_id)
        end_ns = self._moment_ns("stop")
        due_later = after.stamps_ns[INTENDED] >= end_ns
        after = after.part(int(np.count_nonzero(~due_later)), after.n)
        if after.n < N_DECISIONS:
            return None, 0.0
        watched_s = (int(after.stamps_ns[INTENDED, -N_DECISIONS]) - end_ns) / NS_PER_S
        first = _first_of_row(after.is_decided.tolist())
        if first is None:
            return None, watched_s
        return max(0, int(after.stamps_ns[DECIDED, first]) - end_ns) / NS_PER_S, watched_s

    def _n_false(self, inside: Columns) -> int | None:
        spec = self.span.spec
        if spec.kind not in DECEPTIONS or spec.decisions_allowed:
            return None
        if spec.kind not in RELOADS:
            return int(np.count_nonzero(inside.is_decided))
        if LOADED in self.told:
            by_damaged = inside.is_decided & (inside.stamps_ns[DECIDED] >= self.told[LOADED].t_ns)
            return int(np.count_nonzero(by_damaged))
        return 0 if REFUSED in self.told else None

    def _refusal(self) -> str | None:
        """Return what was said of a model that was offered, in words; None where none was."""
        if REFUSED in self.told:
            return f"refused ({self.told[REFUSED].detail.get('words', '')})"
        if LOADED in self.told:
            return "loaded without a word"
        if NOT_DONE in self.told:
            return str(self.told[NOT_DONE].detail.get("words", ""))
        return "neither loaded nor refused in time" if self.span.spec.kind in RELOADS else None

    def _moment_s(self, state: str) -> float | None:
        if self.t0_ns is None or state not in self.told:
            return None
        return (self._moment_ns(state) - self.t0_ns - self.start_ns) / NS_PER_S

    def _moment_ns(self, state: str) -> int:
        """Return when the fault began or ended, CLOCK_MONOTONIC; asked only where the record says that it did."""
        if self.span.spec.kind in BY_HAND:
            return self.told[state].t_ns
        return (self.t0_ns or 0) + (self.span.begin_ns if state == "start" else self.span.end_ns)

    def _part(self, first_id: int, end_id: int) -> Columns:
        first, end = np.searchsorted(self.frames.frame_id, (first_id, end_id))
        return self.frames.part(int(first), int(end))


def _first_of_row(decided: Sequence[bool]) -> int | None:
    """Return where the first `N_DECISIONS` decided frames in a row begin."""
    length = 0
    for place, is_decided in enumerate(decided):
        length = length + 1 if is_decided else 0
        if length == N_DECISIONS:
            return place - N_DECISIONS + 1
    return None


def _told(events: Sequence[RunEvent], name: str) -> dict[str, RunEvent]:
    """Return what was said of a fault, by its state, and by `worker_lost` and `worker_returned`."""
    told: dict[str, RunEvent] = {}
    for event in events:
        if event.kind in ("fault", "worker_lost") and event.detail.get("name") == name:
            state: Any = event.detail.get("state", event.kind)
            told.setdefault(str(state), event)
    return told


def _t0_ns(events: Sequence[RunEvent]) -> int | None:
    starts_ns = [event.detail.get("t0_ns") for event in events if event.kind == "schedule"]
    return starts_ns[0] if len(starts_ns) == 1 and isinstance(starts_ns[0], int) else None
