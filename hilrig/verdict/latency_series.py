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
    if not n_buckets:
        return ()
    edges = np.arange(n_buckets + 1) * window.n // n_buckets
    ordered_ns = window.latency_ns.copy()
    for bucket_ns in np.split(ordered_ns, edges[1:-1]):
        bucket_ns.sort()  # what has no decision comes last
    outcome = window.measured.outcome
    counts = [
        np.add.reduceat(is_counted, edges[:-1], dtype=np.int64).tolist()
        for is_counted in (ordered_ns != NEVER, outcome == Outcome.DROPPED, outcome == Outcome.FAILED)
    ]
    due_ns = window.measured.stamps_ns[INTENDED, edges[:-1]].tolist()
    return tuple(
        SeriesPoint(
            t_s=(first_due_ns - window.start_ns) / NS_PER_S,
            n=end - first,
            **_band(ordered_ns[first : first + n_decided]),
            n_dropped=n_dropped,
            n_failed=n_failed,
        )
        for (first, end), first_due_ns, n_decided, n_dropped, n_failed in zip(
            pairwise(edges.tolist()), due_ns, *counts, strict=True
        )
    )


def _band(decided_ns: NDArray[np.int64]) -> dict[str, float | None]:
    """Return the latencies of a bucket's decided frames, which are in ascending order."""
    return {
        "min_ms": _at(decided_ns, 0),
        "p50_ms": _at(decided_ns, PERMILLE["p50"]),
        "p99_ms": _at(decided_ns, PERMILLE["p99"]),
        "max_ms": _at(decided_ns, 1000),
    }


def _at(ordered_ns: NDArray[np.int64], permille: int) -> float | None:
    if not ordered_ns.size:
        return None
    return int(ordered_ns[max(0, nearest_rank(ordered_ns.size, permille) - 1)]) / NS_PER_MS
