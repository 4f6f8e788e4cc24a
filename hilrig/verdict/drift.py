"""Whether the latency at the end of a run is that of its beginning: the medians of the outer quarters."""

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hilrig.core.units import NS_PER_S, S_PER_MIN
from hilrig.verdict.estimate import Estimate, Estimated, TooLittle, Unknown
from hilrig.verdict.measure import NO_FRAMES
from hilrig.verdict.statistics.percentile_bounds import (
    FEW_BATCHES,
    batch_means,
    lower_rank,
    nearest_rank,
    upper_rank,
)
from hilrig.verdict.window import NEVER, Window

N_FRAMES_MIN: Final = 400
"""A hundred frames in either quarter: batches of three still show whether neighbours are alike."""

MEDIAN: Final = 500  # per mille
_WIDTH_FALLS_WITH: Final = 1  # of a median: with the square root of the duration


def latency_drift(window: Window) -> Estimated:
    """Return by how many per cent the last quarter's median latency is over that of the first.

    Frames without a decision count as infinitely late. The bounds divide the 99 % bounds of the two medians by
    each other, the last one's lower by the first one's upper and the other way round: independent medians stray
    that far together in fewer than 0.1 % of runs. The bounds of a median count neighbouring frames on one side of
    it as alike (batch means, 30 batches a quarter).
    """
    if not window.n:
        return Unknown(reason=NO_FRAMES)
    if window.n < N_FRAMES_MIN:
        missing_ns = (N_FRAMES_MIN - window.n) * window.plan.period_ns
        reason = f"{window.n} frames say nothing about drift, {N_FRAMES_MIN} are the least"
        return TooLittle(reason=reason, n=window.n, minutes_needed=missing_ns / (NS_PER_S * S_PER_MIN))
    n = window.n // 4
    first, last = _median(window.latency_ns[:n]), _median(window.latency_ns[window.n - n :])
    if math.isinf(first.value_ns):
        return Unknown(reason="half of the first quarter's frames or more got no decision")
    if first.value_ns <= 0:
        return Unknown(reason="the first quarter's median latency is not above 0")
    return _estimate(window, first, last)


class _Median(NamedTuple):
    """A median with its 99 % bounds; infinite for an undecided frame, or where nothing bounds it."""

    lower_ns: float
    value_ns: float
    upper_ns: float


def _estimate(window: Window, first: _Median, last: _Median) -> Estimate:
    return Estimate(
        value=_over_pct(last.value_ns, first.value_ns),
        lower=_over_pct(last.lower_ns, first.upper_ns),
        upper=_over_pct(last.upper_ns, first.lower_ns) if first.lower_ns > 0 else math.inf,
        n=window.n // 4 * 2,
        basis=f"{window.n // 4} frames at either end",
        measured_min=window.duration_ns / (NS_PER_S * S_PER_MIN),
        width_falls_with=_WIDTH_FALLS_WITH,
        is_whole=window.n >= window.n_final,
    )


def _over_pct(later_ns: float, earlier_ns: float) -> float:
    if math.isinf(earlier_ns):
        return -math.inf
    return 100 * (later_ns - earlier_ns) / earlier_ns


def _median(latency_ns: NDArray[np.int64]) -> _Median:
    ordered_ns, n = latency_ns.copy(), latency_ns.size
    rank = nearest_rank(n, MEDIAN)
    ordered_ns.partition(rank - 1)
    deff = max(1.0, batch_means(latency_ns > ordered_ns[rank - 1], FEW_BATCHES))
    lower, upper = lower_rank(n, MEDIAN, deff), upper_rank(n, MEDIAN, deff)
    ordered_ns.partition([one - 1 for one in (lower, rank, upper) if one is not None])
    return _Median(
        lower_ns=-math.inf if lower is None else _at(ordered_ns, lower),
        value_ns=_at(ordered_ns, rank),
        upper_ns=math.inf if upper is None else _at(ordered_ns, upper),
    )


def _at(ordered_ns: NDArray[np.int64], rank: int) -> float:
    latency_ns = int(ordered_ns[rank - 1])
    return math.inf if latency_ns == NEVER else float(latency_ns)
