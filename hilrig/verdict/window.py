"""Which frames count, as columns that the rest of the verdict computes with."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hilrig.core.arrivals import schedule
from hilrig.core.drill import first_drill_frame
from hilrig.core.frame import FRAME_DTYPE, FrameTable, Outcome, OutcomeReason
from hilrig.core.run import Ended, Pacing, RunEvent, RunPlan, RunRecord

STAMPS: Final = tuple(name for name in FRAME_DTYPE.names or () if name.startswith("t_"))
INTENDED, RELEASE, DEQUEUE, PREPROCESSED, INFERRED, DECIDED = range(6)

NEVER: Final = int(np.iinfo(np.int64).max)
"""The latency of a frame that got no decision: longer than every limit."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Columns:
    """Frame records by column, contiguous: `stamps_ns` is 6 x n in the order of `STAMPS`, 0 where not stamped."""

    frame_id: NDArray[np.int64]
    outcome: NDArray[np.uint8]
    reason: NDArray[np.uint8]
    flags: NDArray[np.uint8]
    defects: NDArray[np.uint32]
    stamps_ns: NDArray[np.int64]

    @property
    def n(self) -> int:
        """Return the number of frames."""
        return int(self.frame_id.size)

    @property
    def is_decided(self) -> NDArray[np.bool_]:
        """Return which frames got a decision."""
        mask: NDArray[np.bool_] = self.outcome == Outcome.DECIDED
        return mask

    def part(self, first: int, end: int) -> "Columns":
        """Return frames `first` to `end` (exclusive) without copying."""
        return Columns(
            frame_id=self.frame_id[first:end],
            outcome=self.outcome[first:end],
            reason=self.reason[first:end],
            flags=self.flags[first:end],
            defects=self.defects[first:end],
            stamps_ns=self.stamps_ns[:, first:end],
        )


def columns(frames: FrameTable) -> Columns:
    """Return a table of records by column."""
    stamps = np.empty((len(STAMPS), frames.size), np.int64)
    for row, name in enumerate(STAMPS):
        stamps[row] = frames[name]
    return Columns(
        frame_id=frames["frame_id"].astype(np.int64),
        outcome=frames["outcome"].copy(),
        reason=frames["reason"].copy(),
        flags=frames["flags"].copy(),
        defects=frames["defects"].copy(),
        stamps_ns=stamps,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Window:
    """A run's frames, cut to the measured part.

    Args:
        all: every recorded frame, warm-up included, drill excluded.
        measured: the frames that count: after the warm-up, up to where an early end cut the run off.
        n_tail_cut: frames still queued when the run was ended early: nobody let the target answer them.
        latency_ns: t_decided - t_intended of each measured frame, NEVER without a decision.
        sorted_latency_ns: the same, ascending.
        n_decided: how many of them were decided.
        n_final: frames that the measured part has, or would have had but for an early end.
        start_ns: when the first measured frame was due.
        end_ns: when the frame after the last measured one would have been due.
        ended: how the run ended; None when the record does not say.
    """

    plan: RunPlan
    all: Columns
    measured: Columns
    n_tail_cut: int
    latency_ns: NDArray[np.int64]
    sorted_latency_ns: NDArray[np.int64]
    n_decided: int
    n_final: int
    start_ns: int
    end_ns: int
    ended: Ended | None

    @property
    def n(self) -> int:
        """Return the number of measured frames."""
        return self.measured.n

    @property
    def duration_ns(self) -> int:
        """Return the length of the measured part in nanoseconds."""
        return self.end_ns - self.start_ns

    def latency_at(self, rank: int) -> int | None:
        """Return the latency with this 1-based rank in nanoseconds; None when it is that of an undecided frame."""
        latency_ns = int(self.sorted_latency_ns[rank - 1])
        return None if latency_ns == NEVER else latency_ns


def before_drill(record: RunRecord) -> RunRecord:
    """Return a record as it were without its drill: the limits about the measured part are held against that."""
    if not record.plan.n_drill_frames:
        return record
    first_id = first_drill_frame(record.plan)
    return replace(
        record,
        plan=replace(record.plan, n_drill_frames=0, faults=()),
        frames=record.frames[record.frames["frame_id"] < first_id],
    )


def cut(record: RunRecord) -> Window:
    """Return the measured part of a record, whose plan is without a drill from here on.

    The warm-up is cut by rule: the first `plan.n_warmup_frames` frame ids, whatever they look like. After an early
    end, the last frames are cut too if they were still queued (RUN_ENDED): the stop took their decision from them.
    In a completed run nothing is cut at the end. A run that was ended because its FAIL was certain may have been
    ended for a target that did not answer: then no more frames are cut than can have been in the queue.
    """
    record = before_drill(record)
    everything = columns(record.frames)
    ended = how_ended(record.events)
    n_warmup = int(np.count_nonzero(everything.frame_id < record.plan.n_warmup_frames))
    after_warmup = everything.part(n_warmup, everything.n)
    n_tail = 0 if ended is Ended.COMPLETED else _n_run_ended(after_warmup)
    if ended is Ended.DECIDED_EARLY:
        n_tail = min(n_tail, record.plan.queue.depth + 1)  # one more: the frame that the target holds
    measured = after_warmup.part(0, after_warmup.n - n_tail)
    is_decided = measured.is_decided
    latency_ns = np.where(is_decided, measured.stamps_ns[DECIDED] - measured.stamps_ns[INTENDED], NEVER)
    start_ns, end_ns = _span(measured, record.plan)
    return Window(
        plan=record.plan,
        all=everything,
        measured=measured,
        n_tail_cut=n_tail,
        latency_ns=latency_ns,
        sorted_latency_ns=np.sort(latency_ns),
        n_decided=int(np.count_nonzero(is_decided)),
        n_final=max(measured.n, record.plan.n_measured_frames),
        start_ns=start_ns,
        end_ns=end_ns,
        ended=ended,
    )


def how_ended(events: tuple[RunEvent, ...]) -> Ended | None:
    """Return what the record's `run_ended` event says; None without one."""
    stated = [event.detail.get("ended") for event in events if event.kind == "run_ended"]
    return next((ended for ended in Ended if stated and ended == stated[-1]), None)


def _n_run_ended(frames: Columns) -> int:
    answered = np.flatnonzero(frames.reason != OutcomeReason.RUN_ENDED)
    return frames.n - (int(answered[-1]) + 1 if answered.size else 0)


def _span(measured: Columns, plan: RunPlan) -> tuple[int, int]:
    """Return start and end of the measured part; an unpaced run has no grid, so it ends with its last decision."""
    if not measured.n:
        return 0, 0
    start_ns, last_ns = (int(stamp) for stamp in measured.stamps_ns[INTENDED, [0, -1]])
    if plan.pacing is Pacing.UNPACED:
        return start_ns, max(last_ns, int(measured.stamps_ns[DECIDED].max()))
    first_id = int(measured.frame_id[0])
    begin_ns, next_ns = grid_ns(plan, np.array([first_id, first_id + measured.n])).tolist()
    return start_ns, start_ns + next_ns - begin_ns


def grid_ns(plan: RunPlan, frame_id: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how long after t0 each frame was due, in nanoseconds, exactly.

    A frame that the plan does not have is given the end of the run: no damaged id makes a schedule endless.
    """
    return schedule(plan).offsets_ns(np.minimum(frame_id, plan.n_frames))
