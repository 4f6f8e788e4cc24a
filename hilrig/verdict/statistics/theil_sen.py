"""Slopes that a few wild values cannot bend: the median over all pairs, with bounds from ranks alone.

Sources: Sen 1968, "Estimates of the regression coefficient based on Kendall's tau", J. Am. Stat. Assoc. 63;
Kendall, Rank Correlation Methods, for the variance of S with ties. Plain IEEE arithmetic in a fixed order.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Z_99_PCT: Final = 2.5758293035489004
"""Quantile of the normal distribution that leaves 0.5 % on either side: both bounds together hold at 99 %."""

CORRELATION_MAX: Final = 0.99
"""More would make the variance infinite; at this one no run has an interval anyway."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slope:
    """A slope per unit of x with its 99 % interval; a bound is infinite where `n` values cannot give one."""

    value: float
    lower: float
    upper: float
    n: int


def theil_sen(x: NDArray[np.float64], y: NDArray[np.float64]) -> Slope:
    """Return the slope of at least two values; `x` ascends strictly.

    The interval is Sen's: Kendall's S of `y` against `x` has a known variance when there is no trend, so the
    pairwise slopes between two ranks enclose the true one. That variance is for independent values. Where the
    residuals are correlated from one to the next, it is widened by (1 + r) / (1 - r), the ratio in which a
    first-order process of correlation r is worth fewer values (Bayley & Hammersley 1946).
    """
    slopes = _pairwise(x, y)
    middle = [(slopes.size - 1) // 2, slopes.size // 2]
    slopes.partition(middle)
    value = float(slopes[middle[0]] + slopes[middle[1]]) / 2
    variance = variance_of_s(y.size, _ties(y)) * _widening(y - value * x)
    skipped = n_outside(slopes.size, variance)
    if skipped is None:
        return Slope(value=value, lower=-math.inf, upper=math.inf, n=y.size)
    edges = [skipped, slopes.size - 1 - skipped]
    slopes.partition(edges)
    return Slope(value=value, lower=float(slopes[edges[0]]), upper=float(slopes[edges[1]]), n=y.size)


def variance_of_s(n: int, ties: list[int]) -> float:
    """Return the variance of Kendall's S over `n` values without trend; `ties` are the sizes of equal groups."""
    whole = n * (n - 1) * (2 * n + 5) - sum(size * (size - 1) * (2 * size + 5) for size in ties)
    return whole / 18


def n_outside(n_slopes: int, variance: float) -> int | None:
    """Return how many of the ascending slopes lie beyond each end of the 99 % interval; None without an end."""
    if not variance:  # all values are equal, and so are all slopes
        return 0
    outside = math.floor((n_slopes - Z_99_PCT * math.sqrt(variance)) / 2) - 1
    return None if outside < 0 else outside


def _pairwise(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.concatenate([(y[lag:] - y[:-lag]) / (x[lag:] - x[:-lag]) for lag in range(1, y.size)])


def _ties(y: NDArray[np.float64]) -> list[int]:
    sizes: list[int] = np.unique(y, return_counts=True)[1].tolist()
    return sizes


def _widening(residuals: NDArray[np.float64]) -> float:
    centred = residuals - math.fsum(residuals.tolist()) / residuals.size
    spread = math.fsum((centred * centred).tolist())
    if not spread:
        return 1.0
    correlation = math.fsum((centred[1:] * centred[:-1]).tolist()) / spread
    correlation = min(max(correlation, 0.0), CORRELATION_MAX)
    return (1 + correlation) / (1 - correlation)
