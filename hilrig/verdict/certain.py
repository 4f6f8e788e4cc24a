"""Whether FAIL has become certain while a run still goes on, whatever its remaining frames do.

Arithmetic only: a count of frames over a limit that no further frame can dilute, a gap that no further decision
can fill. Never for a pass: looking again and again until a run passes would make passes that mean nothing.

What is certain here is what the judgement of the whole record would say before its self-checks have excused
anything, and also what the judgement of the record says that ends here.
"""

from dataclasses import replace
from typing import Final, Protocol

import numpy as np

from hilrig.core.frame import FrameTable, Outcome, OutcomeReason
from hilrig.core.metrics import METRICS
from hilrig.core.profile import Comparator, Limit
from hilrig.core.run import Pacing, RunPlan
from hilrig.core.units import NS_PER_MS, ms_to_ns
from hilrig.verdict.growing_gap import GrowingGap
from hilrig.verdict.percentile import PERMILLE_OF
from hilrig.verdict.statistics.percentile_bounds import (
    FEW_BATCHES,
    MANY_BATCHES,
    N_FOR_MANY_BATCHES,
    most_refuted,
    nearest_rank,
)
from hilrig.verdict.window import DECIDED, INTENDED, NEVER, Columns, columns
from hilrig.verdict.wording import capitalised, counted, quantity

OUTCOME_OF: Final = {"drop_pct": Outcome.DROPPED, "failed_pct": Outcome.FAILED}

ROUNDING: Final = 1e-12
"""A share this much over its limit is over it in whatever order the judgement multiplies and divides."""

WORST_WITHIN: Final = 3
"""The share of frames that a FAIL needs is largest close to the fewest independent ones: from twice as many on it
is smaller by a tenth and more, at every percentile (tested)."""


class CertainFailure:
    """What of a plan's limits is broken for certain by the frames so far; costs time in proportion to a batch.

    Args:
        plan: of the run.
    """

    def __init__(self, plan: RunPlan) -> None:
        plan = replace(plan, n_drill_frames=0, faults=())  # the drill counts for none of these limits
        self._n_warmup_frames, self._n_frames = plan.n_warmup_frames, plan.n_frames
        self._gap = GrowingGap(plan) if plan.pacing is Pacing.PACED else None
        made = (_rule(limit, plan, self._gap) for limit in plan.limits if limit.comparator is Comparator.LE)
        self._rules = [rule for rule in made if rule is not None]
        self._is_ending = False

    def update(self, frames: FrameTable) -> None:
        """Take in the next frames, in the order in which they were offered, each with its outcome."""
        batch = self._before_the_end(columns(frames[frames["frame_id"] < self._n_frames]))
        n_warmup = int(np.count_nonzero(batch.frame_id < self._n_warmup_frames))
        for rule in self._rules:
            rule.update(batch.part(n_warmup, batch.n))
        if self._gap is not None:
            self._gap.update(batch)

    def reason(self, *, now_ns: int) -> str | None:
        """Return in words why the run will be judged FAIL, None while that is open.

        Args:
            now_ns: a moment on CLOCK_MONOTONIC; every frame that was decided before it has been taken in.
        """
        if self._gap is not None and not self._is_ending:
            self._gap.wait_until(now_ns)
        return next(filter(None, (rule.reason() for rule in self._rules)), None)

    def _before_the_end(self, batch: Columns) -> Columns:
        """Return the frames before the first one that the end of the run took the decision from."""
        if self._is_ending:
            return batch.part(0, 0)
        cut_off = np.flatnonzero(batch.reason == OutcomeReason.RUN_ENDED)
        self._is_ending = bool(cut_off.size)
        return batch.part(0, int(cut_off[0])) if self._is_ending else batch


def n_over_to_fail(n: int, permille: int) -> int:
    """Return how many of `n` frames over a percentile's limit make a FAIL, however they cluster.

    `n` frames are worth at least as many independent ones as the design effect's cap leaves. Of m independent ones
    k are needed; a design effect of up to n / m asks for k * n / m of all. The largest of these over all m is
    taken, and one more for the rounding of a division.
    """
    fewest = _fewest_independent(n)
    needed = (
        -(-(m - most_refuted(m, permille / 1000)) * n // m)
        for m in range(fewest, min(WORST_WITHIN * fewest, n) + 1)
    )
    return max(needed, default=n) + 1


def _fewest_independent(n: int) -> int:
    """Return how many independent frames `n` are worth at least: one for each batch, rounded down."""
    n_batches = MANY_BATCHES if n > N_FOR_MANY_BATCHES else FEW_BATCHES
    return min(n_batches - 1, n)


class _Rule(Protocol):
    """One limit, with what has been seen of it."""

    def update(self, measured: Columns) -> None:
        """Take in the next measured frames."""

    def reason(self) -> str | None:
        """Return why this limit is broken for certain."""


def _rule(limit: Limit, plan: RunPlan, gap: GrowingGap | None) -> _Rule | None:
    if limit.metric in PERMILLE_OF:
        return _TooManySlow(limit, plan)
    if limit.metric in OUTCOME_OF:
        return _TooManyWithout(limit, plan)
    if limit.metric == "consecutive_drops":
        return _TooManyInARow(limit)
    if limit.metric == "decision_gap_ms" and gap is not None:
        return _TooLongWithout(limit, gap)
    return None


def _title(limit: Limit) -> str:
    return capitalised(METRICS[limit.metric].title)


class _TooManySlow:
    """A percentile: frames over its limit, undecided ones included.

    A run that ends now has fewer frames, and up to 2000 frames weigh less each: so many over the limit are asked
    for that every length from here to the end of the run fails.
    """

    def __init__(self, limit: Limit, plan: RunPlan) -> None:
        self._limit, self._limit_ns = limit, ms_to_ns(limit.limit)
        self._n_final, permille = plan.n_measured_frames, PERMILLE_OF[limit.metric]
        n_allowed = self._n_final - nearest_rank(self._n_final, permille)
        self._needed = max(n_over_to_fail(self._n_final, permille), n_allowed + 1)
        n_few = min(self._n_final, N_FOR_MANY_BATCHES)
        self._needed_of_few = max(self._needed, n_over_to_fail(n_few, permille))
        self._n = self._n_over = 0

    def update(self, measured: Columns) -> None:
        stamps_ns = measured.stamps_ns
        latency_ns = np.where(measured.is_decided, stamps_ns[DECIDED] - stamps_ns[INTENDED], NEVER)
        self._n += measured.n
        self._n_over += int(np.count_nonzero(latency_ns > self._limit_ns))

    def reason(self) -> str | None:
        needed = self._needed if self._n > N_FOR_MANY_BATCHES else self._needed_of_few
        if self._n_over < needed:
            return None
        return (
            f"{_title(self._limit)}: {counted(self._n_over, 'frame')} already over the "
            f"limit of {quantity(self._limit.limit, self._limit.unit)}, {needed} of {self._n_final} are a FAIL "
            "whatever the others do."
        )


class _TooManyWithout:
    """A share of frames without a decision, of all that the run is to measure."""

    def __init__(self, limit: Limit, plan: RunPlan) -> None:
        self._limit, self._outcome = limit, OUTCOME_OF[limit.metric]
        self._n_final, self._count = plan.n_measured_frames, 0

    def update(self, measured: Columns) -> None:
        self._count += int(np.count_nonzero(measured.outcome == self._outcome))

    def reason(self) -> str | None:
        share_pct = 100 * self._count / self._n_final
        if not share_pct > self._limit.limit * (1 + ROUNDING):
            return None
        limit_text = quantity(self._limit.limit, "%", beside=share_pct)
        return (
            f"{_title(self._limit)}: already {self._count} of {self._n_final}, over the "
            f"limit of {limit_text} even if no other follows."
        )


class _TooManyInARow:
    """The longest run of dropped frames."""

    def __init__(self, limit: Limit) -> None:
        self._limit = limit
        self._current = self._longest = 0

    def update(self, measured: Columns) -> None:
        is_dropped = measured.outcome == Outcome.DROPPED
        kept = np.flatnonzero(~is_dropped)
        if not kept.size:
            self._current += measured.n
            self._longest = max(self._longest, self._current)
            return
        inside = int(np.diff(kept).max(initial=1)) - 1
        self._longest = max(self._longest, self._current + int(kept[0]), inside)
        self._current = measured.n - 1 - int(kept[-1])
        self._longest = max(self._longest, self._current)

    def reason(self) -> str | None:
        if not self._longest > self._limit.limit:
            return None
        return (
            f"{_title(self._limit)}: already {counted(self._longest, 'frame')}, over the "
            f"limit of {quantity(self._limit.limit, self._limit.unit)}."
        )


class _TooLongWithout:
    """The longest time without a decision."""

    def __init__(self, limit: Limit, gap: GrowingGap) -> None:
        self._limit, self._gap = limit, gap

    def update(self, measured: Columns) -> None:
        """Do nothing: the gap sees decisions on warm-up frames as well."""

    def reason(self) -> str | None:
        gap_ms = self._gap.longest_ns / NS_PER_MS
        if not gap_ms > self._limit.limit:
            return None
        gap_text = quantity(gap_ms, "ms", beside=self._limit.limit)
        limit_text = quantity(self._limit.limit, "ms", beside=gap_ms)
        return f"{_title(self._limit)}: already {gap_text}, over the limit of {limit_text}."
