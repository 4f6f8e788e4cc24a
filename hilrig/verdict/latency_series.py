"""Latency over time, in at most 600 buckets whose extremes are those of the raw frames."""

from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hilrig.core.frame import Outcome
from hilrig.core.units import NS_PER_MS, NS_PER_S
from hilrig.core.verdict import SeriesPoint
from hilrig.verdict.measure import PERMILLE
from hilrig.verdict.statistics.percentile_bounds import nearest_rank
from hilrig.verdict.window import INTENDED, NEVER, Window

N_BUCKETS_MAX: Final = 600


def latency_series(window: Window) -> tuple[SeriesPoint, ...]:
    """Return the band of latency over the measured part: buckets of equally many consecutive frames.

    For looking only: checks are held against all raw frames at once.
    """
    n_buckets = min(N_BUCKETS_MAX, window.n)
    edges = [index * window.n // n_buckets for index in range(n_buckets + 1)] if n_buckets else []
    return tuple(_point(window, first, end) for first, end in pairwise(edges))


def _point(window: Window, first: int, end: int) -> SeriesPoint:
    outcome = window.measured.outcome[first:end]
    ordered_ns = np.sort(window.latency_ns[first:end])
    decided_ns = ordered_ns[: np.searchsorted(ordered_ns, NEVER)]
    since_start_ns = int(window.measured.stamps_ns[INTENDED, first]) - window.start_ns
    return SeriesPoint(
        t_s=since_start_ns / NS_PER_S,
        n=end - first,
        min_ms=_at(decided_ns, 0),
        p50_ms=_at(decided_ns, PERMILLE["p50"]),
        p99_ms=_at(decided_ns, PERMILLE["p99"]),
        max_ms=_at(decided_ns, 1000),
        n_dropped=int(np.count_nonzero(outcome == Outcome.DROPPED)),
        n_failed=int(np.count_nonzero(outcome == Outcome.FAILED)),
    )


def _at(ordered_ns: NDArray[np.int64], permille: int) -> float | None:
    if not ordered_ns.size:
        return None
    return int(ordered_ns[max(0, nearest_rank(ordered_ns.size, permille) - 1)]) / NS_PER_MS
