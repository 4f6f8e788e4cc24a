"""Moments from which on the latency was another one: for explaining a run, never for judging it."""

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hilrig.core.units import NS_PER_MS, NS_PER_S
from hilrig.core.verdict import ChangePoint
from hilrig.verdict.nearby import Nearby
from hilrig.verdict.statistics.percentile_bounds import nearest_rank
from hilrig.verdict.window import INTENDED, NEVER, Window

BUCKET_NS: Final = 10 * NS_PER_S
N_BUCKETS_MAX: Final = 3_000
"""Eight hours of 10 s; longer runs get longer buckets."""

CHANCE: Final = 0.01
"""So many runs whose latency never changes may show a change, over both metrics together."""

SHIFT_MIN: Final = 0.05
"""A smaller change of the metric, however certain, is nothing to look at."""

N_PER_METRIC_MAX: Final = 5
METRICS_PERMILLE: Final = {"latency_p50_ms": 500, "latency_p99_ms": 990}


def change_points(window: Window, nearby: Nearby) -> tuple[ChangePoint, ...]:
    """Return at most ten changes of the median or the p99 of the decided frames of 10 s, in the order of time.

    Circular binary segmentation (Olshen et al. 2004, Biostatistics 5) over ranks, see `_splits`. To be told from
    chance, a change must last for a minute and a half, a slow stretch in the middle of a run for two minutes.
    `before_ms` and `after_ms` are medians up to the next change.
    """
    bucket_ns, starts_ns, values_ns = _series(window)
    found = [
        (starts_ns[first], metric, before_ns, after_ns)
        for metric, column in zip(METRICS_PERMILLE, values_ns, strict=True)
        for first, before_ns, after_ns in _changes(column)
    ]
    return tuple(
        ChangePoint(
            t_s=start_ns / NS_PER_S,
            metric=metric,
            before_ms=before_ns / NS_PER_MS,
            after_ms=after_ns / NS_PER_MS,
            nearby=nearby.around(window.start_ns + start_ns, bucket_ns),
        )
        for start_ns, metric, before_ns, after_ns in sorted(found)
    )


def _series(window: Window) -> tuple[int, list[int], NDArray[np.int64]]:
    """Return the buckets' length, starts after that of the measured part, and one row of values for each metric.

    Buckets without a decided frame are left out, and so is a last one that the end cut short.
    """
    n_whole = max(0, window.duration_ns // BUCKET_NS)
    bucket_ns = BUCKET_NS * max(1, -(-n_whole // N_BUCKETS_MAX))
    starts_ns = [index * bucket_ns for index in range(n_whole * BUCKET_NS // bucket_ns + 1)]
    moments_ns = np.array([min(window.start_ns + start_ns, NEVER) for start_ns in starts_ns], np.int64)
    edges = np.searchsorted(window.measured.stamps_ns[INTENDED], moments_ns)
    kept: list[int] = []
    rows: list[tuple[int, ...]] = []
    for start_ns, (first, end) in zip(starts_ns, pairwise(edges.tolist()), strict=False):
        ordered_ns = np.sort(window.latency_ns[first:end])
        n = int(np.searchsorted(ordered_ns, NEVER))
        if n:
            kept.append(start_ns)
            rows.append(tuple(int(ordered_ns[nearest_rank(n, q) - 1]) for q in METRICS_PERMILLE.values()))
    return bucket_ns, kept, np.array(rows, np.int64).reshape(-1, len(METRICS_PERMILLE)).T


def _changes(values_ns: NDArray[np.int64]) -> Iterator[tuple[int, float, float]]:
    """Yield the first bucket after each change, with the level before and after it."""
    n = values_ns.size
    strongest = sorted(_splits(values_ns, 0), reverse=True)[:N_PER_METRIC_MAX]
    edges = [0, *sorted(first for _, first in strongest), n]
    for index in range(1, len(edges) - 1):
        first, split, end = edges[index - 1 : index + 2]
        edges[index] = first + _border(values_ns[first:end], split - first)
    levels_ns = [float(_median(values_ns[first:end])) for first, end in pairwise(edges)] if n else []
    for first, (before_ns, after_ns) in zip(edges[1:-1], pairwise(levels_ns), strict=True):
        if abs(after_ns - before_ns) > SHIFT_MIN * abs(before_ns):
            yield first, before_ns, after_ns


def _border(values_ns: NDArray[np.int64], split: int) -> int:
    """Return where the two levels around a split really meet: with the fewest values on the other level's side.

    Ranks tell that there is a change better than where: their own order within a level pulls the split inwards.
    """
    before_ns, after_ns = _median(values_ns[:split]), _median(values_ns[split:])
    is_later = (2 * values_ns > before_ns + after_ns) == (after_ns > before_ns)
    wrong_before = np.cumsum(is_later)  # of the values up to each place
    wrong_after = np.cumsum(~is_later[::-1])[::-1]
    return int((wrong_before[:-1] + wrong_after[1:]).argmin()) + 1


def _splits(values_ns: NDArray[np.int64], offset: int) -> Iterator[tuple[float, int]]:
    """Yield how strong each change in a stretch is and where; every piece is searched again.

    The stretch is split where the ranks before and after differ most, else where those inside and outside of an
    arc do. The squared statistic (the maximally selected Wilcoxon statistic with the variance of all permutations)
    must be over the penalty 2 ln(m / chance) for m places: Bonferroni's bound with the Chernoff bound of the
    normal tail, P(|Z| > z) <= exp(-z^2 / 2) (Lausen & Schumacher 1992, Biometrics 48). There are n splits and
    n^2 / 2 arcs; splits and arcs of either metric have a quarter of the chance each. Ranks make it hold for every
    distribution, also for the heavy tail of a p99.
    """
    n = values_ns.size
    ranks, spread = _ranks(values_ns)
    for search, n_places in ((_best_split, n), (_best_arc, n * n // 2)):
        weight, edges = search(ranks)
        strength = weight * n * (n - 1) / spread if spread else 0.0
        if edges and strength > 2 * math.log(2 * len(METRICS_PERMILLE) * n_places / CHANCE):
            yield from ((strength, offset + edge) for edge in edges)
            for first, end in pairwise([0, *edges, n]):
                yield from _splits(values_ns[first:end], offset + first)
            return


def _ranks(values_ns: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
    """Return doubled midranks less their mean, as whole numbers, and the sum of their squares."""
    _, inverse, counts = np.unique(values_ns, return_inverse=True, return_counts=True)
    ranks: NDArray[np.int64] = (2 * np.cumsum(counts) - counts - values_ns.size)[inverse.reshape(-1)]
    return ranks, sum(rank * rank for rank in ranks.tolist())


def _best_split(ranks: NDArray[np.int64]) -> tuple[float, tuple[int, ...]]:
    """Return the split that differs most: its squared sum over the product of both lengths, and where it is."""
    before = np.arange(1, ranks.size)
    if not before.size:
        return 0.0, ()
    sums = np.cumsum(ranks)[:-1].astype(np.float64)
    weights = sums * sums / (before * (ranks.size - before))
    best = int(weights.argmax())
    return float(weights[best]), (best + 1,)


def _best_arc(ranks: NDArray[np.int64]) -> tuple[float, tuple[int, ...]]:
    """Return the same for a stretch inside: its first value, and the first one after it."""
    sums = np.concatenate(([0], np.cumsum(ranks)))
    best: float = 0.0
    edges: tuple[int, ...] = ()
    for length in range(1, ranks.size - 1):
        inside = np.abs(sums[length + 1 : -1] - sums[1 : -length - 1])
        if inside.size and (weight := float(inside.max()) ** 2 / (length * (ranks.size - length))) > best:
            first = int(inside.argmax()) + 1
            best, edges = weight, (first, first + length)
    return best, edges


def _median(values_ns: NDArray[np.int64]) -> int:
    index = nearest_rank(values_ns.size, METRICS_PERMILLE["latency_p50_ms"]) - 1
    return int(np.partition(values_ns, index)[index])
