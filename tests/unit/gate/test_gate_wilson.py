import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilrig.gate.wilson import cases_needed, wilson_rate

CASES = st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@pytest.mark.parametrize(
    ("n_hits", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_it_is_the_published_interval(n_hits, n, low, high):
    """Newcombe, Statistics in Medicine 17 (1998) 857-872, table I, method 3: four digits of the interval."""
    rate = wilson_rate(n_hits, n)
    assert (round(rate.low, 4), round(rate.high, 4)) == (low, high)
    assert (rate.value, rate.n) == (n_hits / n, n)


def test_all_of_sixty_one_is_at_least_94_percent():
    """Without a mistake the lower end is n / (n + z^2): the figure that the weld station's report shows."""
    assert wilson_rate(61, 61).low == pytest.approx(61 / (61 + 3.8414588), abs=1e-9)


@given(CASES)
def test_the_share_is_within_its_interval_and_the_interval_within_0_and_1(case):
    """Rounding never puts a share outside, not even at none and all."""
    rate = wilson_rate(*case)
    assert 0 <= rate.low <= rate.value <= rate.high <= 1


@given(CASES)
def test_one_more_hit_never_lowers_an_end(case):
    """The interval is monotone: a better model is never judged worse."""
    n_hits, n = case
    if n_hits < n:
        fewer, more = wilson_rate(n_hits, n), wilson_rate(n_hits + 1, n)
        assert fewer.low <= more.low
        assert fewer.high <= more.high


@given(CASES)
def test_hits_and_misses_are_mirror_images(case):
    """The interval of the misses is that of the hits seen from the other side."""
    n_hits, n = case
    hits, misses = wilson_rate(n_hits, n), wilson_rate(n - n_hits, n)
    assert hits.low == pytest.approx(1 - misses.high, abs=1e-12)


def test_no_cases_have_no_rate():
    """Nothing was seen, so nothing is known: not 0, not 1."""
    assert wilson_rate(0, 0) is None


@pytest.mark.parametrize(("n_hits", "n"), [(-1, 5), (6, 5), (1, 0)])
def test_impossible_counts_are_refused(n_hits, n):
    """More hits than cases is a mistake of the caller."""
    with pytest.raises(ValueError, match="cases"):
        wilson_rate(n_hits, n)


@given(st.floats(0.01, 0.999))
def test_the_cases_that_are_needed_are_enough_and_not_one_too_many(limit):
    """With so many cases and no mistake the limit is kept, with one fewer it is not."""
    n = cases_needed(limit)
    assert wilson_rate(n, n).low >= limit - 1e-12
    assert n == 1 or wilson_rate(n - 1, n - 1).low < limit + 1e-12


def test_no_number_of_cases_proves_perfection():
    """A limit of 1 can't be kept for certain."""
    assert cases_needed(1.0) is None
