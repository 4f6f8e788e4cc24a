"""Self-check of the target: it works for its answers, on frames that it has seen as on those that it has not.

The idea is MLPerf's compliance test 04 (repeated samples must not be over 10 % faster), held all through the run:
fresh frames come between repeated ones, so drift and load cancel in each pair.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from hilrig.core.frame import FLAG_FRESH
from hilrig.core.units import NS_PER_MS
from hilrig.core.verdict import SelfCheck
from hilrig.verdict.self_checks.self_check import stated
from hilrig.verdict.statistics.percentile_bounds import nearest_rank
from hilrig.verdict.window import DECIDED, DEQUEUE, Window
from hilrig.verdict.wording import counted, quantity

FASTER_PCT_MAX: Final = 10
"""By how much repeated frames may be faster: MLPerf inference, compliance TEST04."""

SAVED_NS_MIN: Final = 200_000
"""Less than this is what a processor's own caches make of pixels just written; no model is skipped for it."""

N_PAIRS_MIN: Final = 7
"""Fewer pairs have no 99 % bound of their median: 2^-7 is the first below 0.01."""


def check_caching(window: Window) -> SelfCheck:
    """Return whether repeated frames were answered as slowly as fresh ones.

    Each fresh frame is paired with the decided frame right before it. The check fails when the median difference
    of their service times is, with 99 % confidence, both over 10 % of a fresh frame's and over 0.2 ms.
    """
    fresh_ns, repeated_ns = _pairs(window)
    if fresh_ns.size < N_PAIRS_MIN:
        return _stated(observed=f"{counted(int(fresh_ns.size), 'fresh frame')}: too few to tell", ok=True)
    typical_ns = _median(fresh_ns)
    saved_ns = _lower_bound_of_median(fresh_ns - repeated_ns)
    limit_ns = max(SAVED_NS_MIN, FASTER_PCT_MAX * typical_ns // 100)
    saved = quantity(max(0, _median(fresh_ns - repeated_ns)) / NS_PER_MS, "ms")
    observed = (
        f"repeated frames {saved} faster than {counted(int(fresh_ns.size), 'fresh one')}, "
        f"which take {quantity(typical_ns / NS_PER_MS, 'ms')}"
    )
    return _stated(observed=observed, ok=saved_ns <= limit_ns)


def _pairs(window: Window) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the service times of fresh frames, and of the repeated frames right before them, in nanoseconds."""
    measured = window.measured
    is_fresh = (measured.flags & FLAG_FRESH) != 0
    decided = measured.is_decided
    at = np.flatnonzero(is_fresh[1:] & ~is_fresh[:-1] & decided[1:] & decided[:-1]) + 1
    service_ns = measured.stamps_ns[DECIDED] - measured.stamps_ns[DEQUEUE]
    return service_ns[at], service_ns[at - 1]


def _median(values_ns: NDArray[np.int64]) -> int:
    return int(np.sort(values_ns)[nearest_rank(values_ns.size, 500) - 1])


def _lower_bound_of_median(values_ns: NDArray[np.int64]) -> int:
    """Return the one-sided 99 % lower bound of the median: the order statistic that a sign test leaves.

    The rank is the largest k with P(Bin(n, 1/2) < k) <= 1 %, by exact integer counting up to 1000 pairs; beyond
    them the normal approximation with its continuity correction is off by less than one rank.
    """
    n = int(values_ns.size)
    return int(np.sort(values_ns)[_sign_test_rank(n) - 1])


def _sign_test_rank(n: int) -> int:
    if n > 1000:  # noqa: PLR2004 - see above
        return int(n / 2 - 2.326348 * (n**0.5) / 2)
    term, tail, rank = 1, 1, 0
    while tail * 100 <= 1 << n:
        rank += 1
        term = term * (n - rank + 1) // rank
        tail += term
    return rank


def _stated(*, observed: str, ok: bool) -> SelfCheck:
    return stated(
        "target.caching",
        ok=ok,
        observed=observed,
        limit=f"at most {FASTER_PCT_MAX} % faster",
        holds=f"The target works for every answer: {observed}.",
        broken=f"The target seems to keep its answers: {observed}. On the line no frame comes twice.",
        advice="Switch off what caches results in the pipeline, or feed more distinct frames (feed.pool_frames).",
    )
