"""Paired statistics: the exact Wilcoxon signed-rank bounds of a difference, with infinities.

The differences of pairs are taken as independent and as symmetric around the true one, nothing else. Of two
neighbouring blocks on one rig, in turns first and second, that holds: what else differs between them is noise that
could as well have come the other way round.

Source: Hollander, Wolfe & Chicken, Nonparametric Statistical Methods, 3.1 to 3.3 (signed-rank distribution,
Hodges-Lehmann estimate, Tukey's interval from the Walsh averages). The distribution is counted in integers.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from hilrig.core.search import ComparisonVerdict, Margin, MarginUnit

ONE_IN: Final = 100
"""Each bound is wrong in at most one of so many comparisons."""

PAIRS_MIN: Final = 7
"""Six pairs all point one way by chance in 1 of 64 comparisons, seven in 1 of 128: the least with a bound."""

PAIRS_FORETOLD_MAX: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedBounds:
    """What differences say of the true one, in their unit; infinite where undecided frames made them so.

    `estimate` is None when infinities of both signs leave no middle; the bounds are None with fewer than 7 pairs.
    """

    n: int
    estimate: float | None
    lower: float | None
    upper: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedVerdict:
    """Bounds held against a margin; `pairs_needed` as in `hilrig.core.search.Comparison`."""

    verdict: ComparisonVerdict
    pairs_needed: int | None


def signed_rank_counts(n: int) -> list[int]:
    """Return how many of the 2^n sign patterns of ranks 1..n give each rank sum 0..n(n+1)/2."""
    counts = [1]
    for rank in range(1, n + 1):
        grown = counts + [0] * rank
        for total, ways in enumerate(counts):
            grown[total + rank] += ways
        counts = grown
    return counts


def bound_rank(n: int) -> int | None:
    """Return which Walsh average, counted from either end, is the one-sided 99 % bound; None when none is.

    The largest k for which P(T+ < k) is at most 1 %.
    """
    ways, total = 0, 1 << n
    for k, count in enumerate(signed_rank_counts(n)):
        ways += count
        if ways * ONE_IN > total:
            return k or None
    return None  # not reached: the whole distribution is more than 1 %


def paired_bounds(differences: Sequence[float]) -> PairedBounds:
    """Return Hodges-Lehmann estimate and one-sided 99 % bounds of the true difference.

    The mean of two opposite infinities is taken as the worse one for each bound, so that neither claims too much.
    """
    n = len(differences)
    high, low = (_walsh_averages(differences, clash=clash) for clash in (math.inf, -math.inf))
    rank = bound_rank(n)
    return PairedBounds(
        n=n,
        estimate=_median(high) if n and _median(high) == _median(low) else None,
        lower=None if rank is None else low[rank - 1],
        upper=None if rank is None else high[-rank],
    )


def hold_margin(bounds: PairedBounds, margin: float | None) -> PairedVerdict:
    """Return NON_INFERIOR if the upper bound is within the margin, INFERIOR if the lower one is over it."""
    if margin is None or bounds.lower is None or bounds.upper is None:
        missing = max(0, PAIRS_MIN - bounds.n) or None
        return PairedVerdict(verdict=ComparisonVerdict.INCONCLUSIVE, pairs_needed=missing)
    if bounds.upper <= margin:
        return PairedVerdict(verdict=ComparisonVerdict.NON_INFERIOR, pairs_needed=None)
    if bounds.lower > margin:
        return PairedVerdict(verdict=ComparisonVerdict.INFERIOR, pairs_needed=None)
    return PairedVerdict(verdict=ComparisonVerdict.INCONCLUSIVE, pairs_needed=pairs_needed(bounds, margin))


def pairs_needed(bounds: PairedBounds, margin: float) -> int | None:
    """Return about how many more pairs would decide if they are like those so far.

    The interval narrows with the square root of the pairs, and has to fit between estimate and margin. None when
    the estimate is on the margin, infinite, or would need more than 10,000 pairs.
    """
    if bounds.estimate is None or bounds.lower is None or bounds.upper is None:
        return None
    room = margin - bounds.estimate
    reach = bounds.upper - bounds.estimate if room >= 0 else bounds.lower - bounds.estimate
    if not (math.isfinite(room) and math.isfinite(reach)) or abs(room) * PAIRS_FORETOLD_MAX <= abs(reach):
        return None
    n_needed = math.ceil(bounds.n * (reach / room) * (reach / room))
    return max(1, n_needed - bounds.n) if n_needed <= PAIRS_FORETOLD_MAX else None


def margin_ms(margin: Margin, champion_p99_ms: Sequence[float]) -> float | None:
    """Return a margin in milliseconds; None for a share of a median that is infinite or does not exist."""
    if margin.unit is MarginUnit.MS:
        return margin.value
    if not champion_p99_ms:
        return None
    share_ms = _median(sorted(champion_p99_ms)) * margin.value / 100
    return share_ms if math.isfinite(share_ms) else None


def _walsh_averages(differences: Sequence[float], *, clash: float) -> list[float]:
    """Return the means of all pairs of differences, each with itself too, ascending."""
    return sorted(
        _mean(one, other, clash=clash) for index, one in enumerate(differences) for other in differences[index:]
    )


def _mean(one: float, other: float, *, clash: float) -> float:
    total = one + other
    return clash if math.isnan(total) else total / 2


def _median(ascending: Sequence[float]) -> float:
    """Return the middle of a non-empty sorted sequence; NaN between opposite infinities."""
    below, above = ascending[(len(ascending) - 1) // 2], ascending[len(ascending) // 2]
    return below if below == above else (below + above) / 2
