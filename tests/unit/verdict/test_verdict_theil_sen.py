"""Theil-Sen slopes and their interval."""

import math
from itertools import combinations
from statistics import median

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilrig.verdict.statistics.theil_sen import n_outside, theil_sen, variance_of_s

WHOLE = st.integers(-1000, 1000).map(float)


@given(values=st.lists(WHOLE, min_size=2, max_size=40))
def test_slope_is_the_median_of_all_pairs(values: list[float]) -> None:
    """The vectorised slope equals the median of the slopes of a plain loop, and lies within its interval."""
    slopes = [(values[j] - values[i]) / (j - i) for i, j in combinations(range(len(values)), 2)]
    slope = theil_sen(np.arange(len(values), dtype=np.float64), np.array(values))
    assert slope.value == pytest.approx(median(slopes))
    assert slope.lower <= slope.value <= slope.upper


@given(values=st.lists(WHOLE, min_size=12, max_size=30), tilt=st.integers(-50, 50))
def test_interval_moves_with_the_slope(values: list[float], tilt: int) -> None:
    """Adding a straight line moves value and bounds by its slope: the width does not depend on the trend."""
    x, distinct = np.arange(len(values), dtype=np.float64), np.array(values) + np.linspace(0, 0.01, len(values))
    flat, tilted = theil_sen(x, distinct), theil_sen(x, distinct + tilt * x)
    assert tilted.value == pytest.approx(flat.value + tilt, abs=1e-6)
    assert tilted.upper - tilted.lower == pytest.approx(flat.upper - flat.lower, abs=1e-6) or math.isinf(
        flat.upper
    )


def test_wild_values_do_not_bend_the_slope() -> None:
    """A fifth of the values a thousand times too large leaves the slope where it was."""
    x = np.arange(50, dtype=np.float64)
    y = 2 * x
    y[::5] += 1e6
    assert theil_sen(x, y).value == 2


def test_constant_values_have_a_slope_of_exactly_zero() -> None:
    """Equal values are no evidence of any slope, up or down: the ties take the variance away."""
    slope = theil_sen(np.arange(20, dtype=np.float64), np.full(20, 7.0))
    assert (slope.value, slope.lower, slope.upper) == (0, 0, 0)


def test_two_values_bound_nothing() -> None:
    """Where the ranks of the bounds fall outside the slopes, there is no bound."""
    slope = theil_sen(np.array([0.0, 1.0]), np.array([5.0, 6.0]))
    assert (slope.value, slope.lower, slope.upper) == (1, -math.inf, math.inf)


def test_variance_of_s_is_kendalls() -> None:
    """It is n (n - 1) (2 n + 5) / 18 without ties; a group of equal values takes its own share away."""
    assert variance_of_s(10, []) == 125
    assert variance_of_s(10, [3]) == 125 - 3 * 2 * 11 / 18
    assert n_outside(45, 125) == 7  # (45 - 2.576 * 11.18) / 2 = 8.1: the eighth from either end


def test_interval_holds_the_true_slope_as_often_as_promised() -> None:
    """Of 400 noisy lines at most 8 leave the true slope outside (1 % are expected, 4 of 400)."""
    rng = np.random.default_rng(31)
    x = np.arange(30, dtype=np.float64)
    slopes = [theil_sen(x, 0.5 * x + rng.standard_normal(30)) for _ in range(400)]
    assert sum(not slope.lower <= 0.5 <= slope.upper for slope in slopes) <= 8


def test_values_that_hang_together_count_less() -> None:
    """A slowly wandering series (correlation 0.8 from one value to the next) still rarely shows a slope."""
    rng = np.random.default_rng(32)
    n_false = 0
    for _ in range(200):
        noise = rng.standard_normal(90)
        for index in range(1, 90):
            noise[index] += 0.8 * noise[index - 1]
        slope = theil_sen(np.arange(90, dtype=np.float64), noise)
        n_false += not slope.lower <= 0 <= slope.upper
    assert n_false <= 10  # 5 %; 35 % without the correction
