import math
import random
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilrig.core.search import ComparisonVerdict, Margin, MarginUnit
from hilrig.verdict.statistics.paired import (
    PairedBounds,
    bound_rank,
    hold_margin,
    margin_ms,
    paired_bounds,
    signed_rank_counts,
)

NON_INFERIOR, INFERIOR = ComparisonVerdict.NON_INFERIOR, ComparisonVerdict.INFERIOR
INCONCLUSIVE = ComparisonVerdict.INCONCLUSIVE
N_SIMULATED = 4000
"""A true rate of 1 % shows as 40 of these, give or take 6: 60 is three standard deviations more."""

AT_MOST_1_PCT = 60
INF = math.inf


def bounds_of(lower, estimate, upper, n=8):
    return PairedBounds(n=n, estimate=estimate, lower=lower, upper=upper)


@pytest.mark.parametrize("n", range(11))
def test_the_distribution_is_that_of_all_sign_patterns(n):
    """Counted by brute force over the 2^n patterns."""
    sums = [sum(rank for rank, sign in enumerate(signs, 1) if sign) for signs in product((0, 1), repeat=n)]
    assert signed_rank_counts(n) == [sums.count(total) for total in range(n * (n + 1) // 2 + 1)]


def test_the_ranks_are_those_of_the_published_tables():
    """Critical values of the signed-rank test, one-sided 1 %, are one less (Hollander & Wolfe, table A.4)."""
    critical = {7: 0, 8: 1, 9: 3, 10: 5, 12: 9, 15: 19, 20: 43, 25: 76, 30: 120}
    assert {n: bound_rank(n) - 1 for n in critical} == critical


@pytest.mark.parametrize("n", range(7))
def test_fewer_than_seven_pairs_have_no_bound(n):
    """All of six point one way by chance in more than 1 %."""
    bounds = paired_bounds([1.0] * n)
    assert (bounds.lower, bounds.upper) == (None, None)
    held = hold_margin(bounds, 1e9)
    assert held.verdict is INCONCLUSIVE
    assert held.pairs_needed == 7 - n


def test_the_bounds_of_seven_pairs_are_their_extremes():
    """1 of 128: the first and the last Walsh average are the smallest and the largest difference."""
    bounds = paired_bounds([3.0, -1.0, 2.0, 5.0, 0.5, 1.0, 4.0])
    assert (bounds.lower, bounds.upper) == (-1.0, 5.0)
    assert bounds.estimate == 2.0


@given(
    st.lists(st.integers(-1000, 1000), min_size=1, max_size=14),
    st.integers(-1000, 1000),
    st.randoms(use_true_random=False),
)
def test_shift_order_and_sign_change_the_bounds_as_they_must(differences, shift, source):
    """Shifted differences shift the bounds, order does not matter, opposite signs swap them."""
    bounds = paired_bounds([float(one) for one in differences])
    shuffled = [float(one + shift) for one in differences]
    source.shuffle(shuffled)
    moved = paired_bounds(shuffled)
    turned = paired_bounds([-float(one) for one in differences])
    assert moved.estimate == bounds.estimate + shift
    assert turned.estimate == -bounds.estimate
    if bounds.lower is not None:
        assert (moved.lower, moved.upper) == (bounds.lower + shift, bounds.upper + shift)
        assert (turned.lower, turned.upper) == (-bounds.upper, -bounds.lower)
        assert bounds.lower <= bounds.estimate <= bounds.upper


def test_one_infinite_difference_of_many_is_no_verdict_by_itself():
    """An infinite block of the challenger is the largest difference: with seven pairs it is the upper bound."""
    finite = [1.0, 2.0, 3.0, 1.5, 2.5, 0.5]
    assert paired_bounds([*finite, INF]).upper == INF
    assert math.isfinite(paired_bounds([*finite, *finite, *finite, INF]).upper)


def test_infinite_blocks_of_the_champion_never_help_it():
    """-infinite differences pull the lower bound, not the upper one beyond what was seen."""
    bounds = paired_bounds([-INF, 1.0, 2.0, 3.0, 1.5, 2.5, 0.5])
    assert (bounds.lower, bounds.upper) == (-INF, 3.0)


def test_opposite_infinities_are_taken_for_the_worse_on_each_side():
    """Four blocks of each side infinite: nobody can tell, and no bound claims anything."""
    bounds = paired_bounds([INF, -INF] * 4)
    assert (bounds.lower, bounds.estimate, bounds.upper) == (-INF, None, INF)
    assert hold_margin(bounds, 5.0).verdict is INCONCLUSIVE
    assert hold_margin(bounds, 5.0).pairs_needed is None


def test_all_infinite_is_inferior():
    """A challenger that drops more than 1 % of frames in every block is slower than any margin."""
    assert hold_margin(paired_bounds([INF] * 7), 100.0).verdict is INFERIOR


@pytest.mark.parametrize(
    ("lower", "upper", "expected"),
    [
        (-3.0, 5.0, NON_INFERIOR),
        (-3.0, 5.0001, INCONCLUSIVE),
        (5.0, 9.0, INCONCLUSIVE),
        (5.0001, 9.0, INFERIOR),
        (-9.0, -5.0, NON_INFERIOR),
        (-INF, INF, INCONCLUSIVE),
    ],
)
def test_the_verdict_is_where_the_interval_lies(lower, upper, expected):
    """Within the margin of 5: non-inferior; wholly over it: inferior; else nobody can tell."""
    assert hold_margin(bounds_of(lower, (lower + upper) / 2, upper), 5.0).verdict is expected


def test_an_unknown_margin_decides_nothing():
    """5 % of infinity is no number."""
    assert hold_margin(bounds_of(-1.0, 0.0, 1.0), None).verdict is INCONCLUSIVE


def test_the_pairs_needed_follow_the_square_root():
    """The upper bound is four from the estimate, the margin two: four times the pairs."""
    assert hold_margin(bounds_of(-4.0, 0.0, 4.0), 2.0).pairs_needed == 24
    assert hold_margin(bounds_of(0.0, 4.0, 8.0), 2.0).pairs_needed == 24
    assert hold_margin(bounds_of(-4.0, 2.0, 8.0), 2.0).pairs_needed is None


def test_a_share_is_of_the_champions_median():
    """5 % of the median of 10, 20 and infinity is 1 ms; of an infinite median nothing."""
    five_pct = Margin(value=5.0, unit=MarginUnit.PCT)
    assert margin_ms(five_pct, [INF, 10.0, 20.0]) == 1.0
    assert margin_ms(five_pct, [INF, INF, 20.0]) is None
    assert margin_ms(five_pct, []) is None
    assert margin_ms(Margin(value=3.0, unit=MarginUnit.MS), []) == 3.0


def simulated(source, n_pairs, *, slower_ms, drift_ms=0.0):
    """Return differences of pairs AB BA AB BA on a rig that gets slower from block to block.

    A block's p99 is 20 ms with a noise of 1 ms that now and then is ten times as large.
    """
    differences = []
    for index in range(n_pairs):
        noise = [source.gauss(0, 1) * (10 if source.random() < 0.1 else 1) for _ in range(2)]
        first, second = (20 + (2 * index + place) * drift_ms + noise[place] for place in range(2))
        differences.append(slower_ms + (second - first if index % 2 == 0 else first - second))
    return differences


@pytest.mark.parametrize("n_pairs", [7, 8, 16])
def test_a_challenger_at_the_margin_passes_in_one_of_a_hundred_at_most(n_pairs):
    """Type-I error of non-inferiority where it is largest: the true difference is the margin."""
    source = random.Random(11)
    passed = sum(
        hold_margin(paired_bounds(simulated(source, n_pairs, slower_ms=1.0)), 1.0).verdict is NON_INFERIOR
        for _ in range(N_SIMULATED)
    )
    assert passed <= AT_MOST_1_PCT


def test_each_bound_covers_the_truth_in_99_of_100():
    """Both sides, with heavy tails; at 8 pairs the exact rate is 2 of 256 each."""
    source = random.Random(12)
    found = [paired_bounds(simulated(source, 8, slower_ms=0.7)) for _ in range(N_SIMULATED)]
    too_low, too_high = sum(one.upper < 0.7 for one in found), sum(one.lower > 0.7 for one in found)
    assert max(too_low, too_high) <= AT_MOST_1_PCT
    assert min(too_low, too_high) >= 12  # exact, not timid: 31 are expected, less 3 standard deviations


def test_a_drift_common_to_both_cancels():
    """The rig gets slower by 2 ms from block to block; the estimates stay at the true 1 ms."""
    source = random.Random(13)
    estimates = sorted(
        paired_bounds(simulated(source, 8, slower_ms=1.0, drift_ms=2.0)).estimate for _ in range(500)
    )
    assert estimates[250] == pytest.approx(1.0, abs=0.2)


def test_a_drift_does_not_make_a_bad_challenger_pass():
    """With the same drift, a challenger at the margin still passes in at most one of a hundred."""
    source = random.Random(14)
    passed = sum(
        hold_margin(paired_bounds(simulated(source, 8, slower_ms=1.0, drift_ms=2.0)), 1.0).verdict is NON_INFERIOR
        for _ in range(N_SIMULATED)
    )
    assert passed <= AT_MOST_1_PCT


def test_a_clear_difference_is_found():
    """5 ms slower against a margin of 1 ms is inferior in most comparisons of 16 pairs: the test has power."""
    source = random.Random(15)
    found = [hold_margin(paired_bounds(simulated(source, 16, slower_ms=5.0)), 1.0).verdict for _ in range(200)]
    assert found.count(INFERIOR) > 150
    assert found.count(NON_INFERIOR) == 0
