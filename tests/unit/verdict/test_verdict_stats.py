"""Percentile ranks, bounds and the correction for clustering."""

from fractions import Fraction
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from hilrig.verdict.statistics.percentile_bounds import (
    bursts,
    design_effect,
    frames_to_pass,
    lower_rank,
    minimum_frames,
    most_refuted,
    nearest_rank,
    upper_rank,
)
from simulated import bursty

P99 = 990


def verdict(over: NDArray[np.bool_], permille: int = P99) -> str:
    """Return what the bounds say of frames over a limit."""
    n, n_over, deff = over.size, int(over.sum()), design_effect(over)
    upper, lower = upper_rank(n, permille, deff), lower_rank(n, permille, deff)
    if upper is not None and n_over <= n - upper:
        return "PASS"
    return "FAIL" if lower is not None and n_over > n - lower else "INCONCLUSIVE"


def tail(t: int, n: int, probability: Fraction) -> Fraction:
    """Return P(Bin(n, probability) <= t) exactly."""
    return sum(
        (comb(n, k) * probability**k * (1 - probability) ** (n - k) for k in range(t + 1)), start=Fraction(0)
    )


@given(values=st.lists(st.integers(), min_size=1, max_size=60), permille=st.integers(1, 999))
def test_nearest_rank_is_the_first_value_that_enough_values_do_not_exceed(
    values: list[int], permille: int
) -> None:
    """At least the wanted share of values is at or below the ranked one, and one rank lower is not enough."""
    rank = nearest_rank(len(values), permille)
    assert rank * 1000 >= len(values) * permille > (rank - 1) * 1000
    assert 1 <= rank <= len(values)


@given(n=st.integers(1, 250), percent=st.sampled_from([1, 5, 10, 50, 90, 99]))
def test_refuted_count_agrees_with_exact_binomial_sums(n: int, percent: int) -> None:
    """The largest refuted count is where the exact tail probability crosses one per cent."""
    probability = Fraction(percent, 100)
    refuted = most_refuted(n, percent / 100)
    assert refuted < 0 or tail(refuted, n, probability) <= Fraction(1, 100)
    assert tail(refuted + 1, n, probability) >= Fraction(1, 100)  # equal only where a float cannot tell


@pytest.mark.parametrize(
    ("n", "n_over"),
    [
        (459, 0),
        (662, 1),
        (838, 2),
        (1307, 5),
        (2010, 10),
        (6898, 50),
        (12_571, 100),
        (18_000, 149),
        (864_000, 8425),
    ],
)
def test_p99_allows_as_many_frames_over_the_limit_as_the_published_tables(n: int, n_over: int) -> None:
    """The counts equal those of SciPy and of LoadGen's early stopping, up to an eight hour run."""
    assert most_refuted(n, 0.01) == n_over
    assert upper_rank(n, P99, 1.0) == n - n_over


def test_refuted_count_is_right_for_three_million_frames() -> None:
    """At n = 3e6 the normal approximation is exact to a fraction of a frame, and the walk agrees with it."""
    n, p = 3_000_000, 0.01
    expected = n * p - 2.3263479 * (n * p * (1 - p)) ** 0.5
    assert abs(most_refuted(n, p) - expected) < 3


@pytest.mark.parametrize(("permille", "n_least"), [(900, 44), (950, 90), (990, 459), (999, 4603)])
def test_fewer_frames_than_the_minimum_have_no_upper_bound(permille: int, n_least: int) -> None:
    """One frame fewer than the computed minimum can never pass, whatever the latencies."""
    assert minimum_frames(permille) == n_least
    assert upper_rank(n_least - 1, permille, 1.0) is None
    assert upper_rank(n_least, permille, 1.0) == n_least


@given(n=st.integers(1, 30_000), permille=st.sampled_from([500, 950, 990, 999]), deff=st.floats(1, 40))
def test_bounds_enclose_the_percentile(n: int, permille: int, deff: float) -> None:
    """The lower bound's rank is at most the percentile's, the upper bound's at least."""
    rank, upper, lower = nearest_rank(n, permille), upper_rank(n, permille, deff), lower_rank(n, permille, deff)
    assert upper is None or rank <= upper <= n
    assert lower is None or 1 <= lower <= rank


@given(n=st.integers(500, 30_000), deff=st.floats(1, 20), more=st.floats(1, 3))
def test_clustering_never_makes_a_bound_more_confident(n: int, deff: float, more: float) -> None:
    """A larger design effect leaves at most as much room, to a rounding of one effective frame."""
    near, far = upper_rank(n, P99, deff), upper_rank(n, P99, deff * more)
    assert far is None or near is None or far >= near - deff * more


@given(n=st.integers(500, 30_000), permille=st.sampled_from([500, 950, 990]), deff=st.floats(1, 20))
def test_ranks_never_claim_more_than_the_effective_frames_allow(n: int, permille: int, deff: float) -> None:
    """As many frames over the limit as a rank stands for are, divided by the design effect, really refuted."""
    n_effective = int(n / deff)
    upper, lower = upper_rank(n, permille, deff), lower_rank(n, permille, deff)
    if upper is not None:
        assert (n - upper) / deff <= most_refuted(n_effective, 1 - permille / 1000) + 1e-9
    if lower is not None:
        assert (n - lower + 1) / deff >= n_effective - most_refuted(n_effective, permille / 1000) - 1e-9


def test_no_frame_over_the_limit_is_no_clustering() -> None:
    """Without frames over the limit the design effect is exactly 1."""
    assert design_effect(np.zeros(1800, np.bool_)) == 1.0


def test_no_frames_have_no_clustering() -> None:
    """An empty or single-frame run does not divide by zero."""
    assert design_effect(np.zeros(0, np.bool_)) == 1.0
    assert design_effect(np.ones(1, np.bool_)) == 1.0


def test_scattered_single_frames_cost_nothing() -> None:
    """Frames over the limit that keep apart from each other count as independent."""
    over = np.zeros(18_000, np.bool_)
    over[90::180] = True
    assert design_effect(over) == 1.0


def test_one_stall_counts_as_one_event_not_as_its_frames() -> None:
    """A single stall of 20 frames among 18000 is worth about one in 900."""
    over = np.zeros(18_000, np.bool_)
    over[5000:5020] = True
    assert 19 < design_effect(over) < 21


def test_stall_split_over_two_batches_is_not_counted_as_two_short_ones() -> None:
    """With few bursts the longest one seen is taken for all: a batch border cannot halve a stall."""
    over = np.zeros(18_000, np.bool_)
    over[170:190] = True
    assert design_effect(over) >= 20


def test_a_burst_that_decides_the_effect_gives_a_float() -> None:
    """An integer would be written as 9 and read back as 9.0: a genuine run would not verify."""
    over = np.zeros(1800, np.bool_)
    over[100:109] = True
    assert type(design_effect(over)) is float


def test_nearby_frames_over_the_limit_are_one_burst() -> None:
    """Frames over the limit with a short pause between them have one cause."""
    over = np.zeros(2000, np.bool_)
    over[[100, 105, 110, 500]] = True
    seen = bursts(over)
    assert (seen.n, seen.longest_frames) == (2, 3)


def test_limit_broken_from_end_to_end_fails() -> None:
    """When every frame is over the limit, no correction for clustering may save it."""
    for n in (20, 459, 1800, 18_000):
        assert verdict(np.ones(n, np.bool_)) == "FAIL"


def test_long_throttled_stretch_fails() -> None:
    """A tenth of a run over a p99 limit in one stretch is a FAIL, not a lack of evidence."""
    over = np.zeros(18_000, np.bool_)
    over[9000:10_800] = True
    assert verdict(over) == "FAIL"


def test_one_stall_in_a_minute_decides_nothing() -> None:
    """One two-second stall in a one-minute run proves neither that the p99 holds nor that it does not."""
    over = np.zeros(1800, np.bool_)
    over[600:660] = True
    assert verdict(over) == "INCONCLUSIVE"


def test_bursty_system_over_the_limit_rarely_passes() -> None:
    """A 1.2 % system in bursts of 20 passes at most 5 % of ten-minute runs (uncorrected: 24 %)."""
    rng = np.random.default_rng(20)
    runs = [verdict(bursty(rng, n=18_000, share=0.012, mean_frames=20)) for _ in range(200)]
    assert runs.count("PASS") <= 10


def test_good_independent_system_passes() -> None:
    """A system with half of the allowed share over the limit, independently, passes a ten-minute run."""
    rng = np.random.default_rng(21)
    runs = [verdict(rng.random(18_000) < 0.005) for _ in range(100)]
    assert runs.count("PASS") >= 99


def test_good_bursty_system_rarely_fails() -> None:
    """A 0.8 % system in bursts may be inconclusive, but is blamed in at most 2 % of runs."""
    rng = np.random.default_rng(22)
    runs = [verdict(bursty(rng, n=n, share=0.008, mean_frames=20)) for n in (1800, 18_000) for _ in range(100)]
    assert runs.count("FAIL") <= 4


def test_bad_independent_system_fails() -> None:
    """A system with twice the allowed share over the limit fails a ten-minute run."""
    rng = np.random.default_rng(23)
    runs = [verdict(rng.random(18_000) < 0.02) for _ in range(100)]
    assert runs.count("FAIL") == 100


def test_system_at_the_limit_is_not_decided_by_luck() -> None:
    """Exactly at the limit, PASS and FAIL each happen in at most about 1 % of runs, as the bounds promise."""
    rng = np.random.default_rng(24)
    runs = [verdict(rng.random(18_000) < 0.01) for _ in range(300)]
    assert runs.count("PASS") <= 9
    assert runs.count("FAIL") <= 9


@given(n=st.integers(30, 20_000), share=st.floats(0, 0.009), deff=st.floats(1, 5))
def test_foretold_frames_are_enough(n: int, share: float, deff: float) -> None:
    """With as many more frames as foretold and the same share over the limit, the bound passes."""
    n_over = int(n * share)
    more = frames_to_pass(n, n_over, permille=P99, deff=deff)
    if more is not None:
        total = n + more
        rank = upper_rank(total, P99, deff)
        assert rank is not None
        assert -(-n_over * total // n) <= total - rank


def test_more_time_cannot_help_a_share_over_what_the_percentile_allows() -> None:
    """From 1 % over the limit on, no number of further frames is foretold."""
    assert frames_to_pass(1000, 10, permille=P99, deff=1.0) is None
    assert frames_to_pass(1000, 400, permille=P99, deff=1.0) is None


def test_spotless_short_run_needs_the_frames_that_are_missing() -> None:
    """Without frames over the limit, 300 frames lack exactly 159."""
    assert frames_to_pass(300, 0, permille=P99, deff=1.0) == 159
