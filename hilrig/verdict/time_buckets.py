"""Values over time in buckets of equal length on the time axis of the frames, their extremes kept."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hilrig.core.units import NS_PER_S
from hilrig.core.verdict import TelemetrySeries
from hilrig.verdict.window import Window

N_BUCKETS_MAX: Final = 120
"""Four minutes each in a run of eight hours; about 3.5 kB of result.json a channel."""

BUCKET_NS_MIN: Final = 2 * NS_PER_S
"""Two periods of the slow tier: a bucket is empty only where a reading is missing, not where one came late."""

_MEAN_DIGITS: Final = 6
"""Significant digits of a mean: it is for looking, and 17 digits are most of a page's size."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trace:
    """What becomes one series: values of the measured part, in the order in which they were taken."""

    name: str
    key: str
    unit: str
    t_ns: NDArray[np.int64]
    value: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """The buckets: the same for every series of a run."""

    start_ns: int
    length_ns: int
    n: int


def grid_of(window: Window) -> Grid:
    """Return the buckets of a measured part, which must have a length."""
    n = max(1, min(N_BUCKETS_MAX, window.duration_ns // BUCKET_NS_MIN))
    return Grid(start_ns=window.start_ns, length_ns=-(-window.duration_ns // n), n=n)


def bucketed(trace: Trace, grid: Grid) -> TelemetrySeries:
    """Return lowest, mean and highest value of each bucket; None where it has none."""
    bucket = np.minimum((trace.t_ns - grid.start_ns) // grid.length_ns, grid.n - 1)
    counts = np.bincount(bucket, minlength=grid.n)
    sums = np.bincount(bucket, weights=trace.value, minlength=grid.n)  # adds in order: the same on every machine
    lowest, highest = np.full(grid.n, np.inf), np.full(grid.n, -np.inf)
    np.minimum.at(lowest, bucket, trace.value)
    np.maximum.at(highest, bucket, trace.value)
    rows = [
        _statistics(low, total / n, high) if n else (None, None, None)
        for n, low, total, high in zip(
            counts.tolist(), lowest.tolist(), sums.tolist(), highest.tolist(), strict=True
        )
    ]
    minimum, mean, maximum = zip(*rows, strict=True)
    return TelemetrySeries(
        key=trace.key,
        unit=trace.unit,
        t_s=tuple(index * grid.length_ns / NS_PER_S for index in range(grid.n)),
        minimum=minimum,
        mean=mean,
        maximum=maximum,
    )


def _statistics(low: float, mean: float, high: float) -> tuple[float, float, float]:
    """Return minimum, mean and maximum; the rounded mean stays between the other two."""
    return low, min(max(float(f"{mean:.{_MEAN_DIGITS}g}"), low), high), high
