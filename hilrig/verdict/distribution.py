"""The shape of the latency.

It is a histogram in integer nanoseconds, and the percentiles as far as the frames go.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

import numpy as np

from hilrig.core.analysis import Distribution
from hilrig.core.units import NS_PER_MS
from hilrig.verdict.window import NEVER, Window

N_BINS_MAX: Final = 96
"""As many bars as a chart half a page wide can show apart."""

FINEST: Final = 14
"""At most 2^14 parts of an octave: about a microsecond at 20 ms, finer than the clock is worth there."""

PERCENT_PARTS: Final = ((0, 1), (1, 4), (1, 2), (3, 4))
"""The percentiles below the tail, as exact fractions."""

HALVINGS: Final = (1, 2, 4)
"""In each decade of the tail: 99, 99.5, 99.75. The next would be finer than the first of the next decade."""


def distribution(window: Window) -> Distribution | None:
    """Return histogram and percentile curve of all measured frames; None when none of them was decided.

    Bins are those of HdrHistogram: each octave of nanoseconds (from one power of two to the next) in 2^k equal
    parts. Over a wide range they grow with the latency like those of a logarithmic axis; within an octave they are
    equally wide. k is the largest that needs no more than 96 bins (and no more than 14). So every edge is an exact
    integer, and no rounding decides where a frame falls.

    The curve has 0, 25, 50, 75, then 90, 95, 97.5, 99, 99.5, 99.75, 99.9 and so on, as long as at least one frame
    lies beyond, then 100: nearest rank on the raw latencies, frames without a decision as the longest.
    """
    if not window.n_decided:
        return None
    decided_ns = window.sorted_latency_ns[: window.n_decided]
    edges_ns = _edges_ns(int(decided_ns[0]), int(decided_ns[-1]))
    below = np.searchsorted(decided_ns, edges_ns[1:-1])
    points = list(_points(window.n))
    return Distribution(
        edges_ms=tuple(edge_ns / NS_PER_MS for edge_ns in edges_ns),
        counts=tuple(end - first for first, end in pairwise((0, *below.tolist(), window.n_decided))),
        n_undecided=window.n - window.n_decided,
        percentiles=tuple(percentile for percentile, _ in points),
        latency_ms=tuple(_ms(window.latency_at(rank)) for _, rank in points),
    )


def _edges_ns(lowest_ns: int, highest_ns: int) -> list[int]:
    """Return the edges from the lowest latency to the highest one with the finest division that is allowed.

    What no clock can have measured (0 or less) falls into the first bin. One part of an octave always suffices:
    there are 63 octaves.
    """
    for n_halvings in range(FINEST, -1, -1):
        edges_ns = _divided(max(1, lowest_ns), max(1, highest_ns), n_halvings)
        if len(edges_ns) <= N_BINS_MAX + 1:
            break
    return [min(lowest_ns, edges_ns[0]), *edges_ns[1:-1], min(edges_ns[-1], NEVER)]


def _divided(lowest_ns: int, highest_ns: int, n_halvings: int) -> list[int]:
    """Return the edges around a range with octaves in 2^n parts; those of one division too many suffice."""
    edges_ns = [lowest_ns - lowest_ns % _width_ns(lowest_ns, n_halvings)]
    while edges_ns[-1] <= highest_ns and len(edges_ns) <= N_BINS_MAX + 1:
        edges_ns.append(edges_ns[-1] + _width_ns(edges_ns[-1], n_halvings))
    return edges_ns


def _width_ns(value_ns: int, n_halvings: int) -> int:
    """Return how wide the bin is that holds a value: its octave in 2^n parts, at least a nanosecond."""
    return 1 << max(0, value_ns.bit_length() - 1 - n_halvings)


def _points(n: int) -> Iterator[tuple[float, int]]:
    """Yield percentiles in per cent and their 1-based nearest ranks, ascending, the last one 100."""
    for part, parts in (*PERCENT_PARTS, *_tail(n)):
        rank = max(1, -(-n * part // parts))
        if rank < n or not part:
            yield 100 * part / parts, rank
    yield 100.0, n


def _tail(n: int) -> Iterator[tuple[int, int]]:
    """Yield 90, 95, 97.5, 99 ... per cent as fractions, as far as `n` frames may have one beyond."""
    decade = 10
    while decade <= n:
        yield from ((decade * halving - 1, decade * halving) for halving in HALVINGS)
        decade *= 10


def _ms(latency_ns: int | None) -> float | None:
    return None if latency_ns is None else latency_ns / NS_PER_MS
