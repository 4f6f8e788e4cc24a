"""Evidence from readings at intervals: what grew, or how low something fell, around a stretch of time.

A stretch is bracketed by the last reading at or before its beginning and the first one at or after its end.
Where the record has no such reading the nearest one stands in: a counter then says too little, never too much.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from hilrig.verdict.statistics.typical import LOWER_QUARTILE, MEDIAN, typical
from hilrig.verdict.telemetry.channels import Series

TimesNs = NDArray[np.int64]
Numbers = NDArray[np.float64]


def grown(found: Iterable[Series], begin_ns: TimesNs, end_ns: TimesNs) -> Numbers:
    """Return by how much counters grew around each stretch beyond what they usually do, summed, in their unit."""
    total = np.zeros(begin_ns.size)
    for series in map(Series.valued, found):
        total += _grown(series, begin_ns, end_ns)
    return total


def lowest_share(found: Sequence[Series], begin_ns: TimesNs, end_ns: TimesNs) -> Numbers:
    """Return the lowest reading around each stretch, as a share of the run's median; 1 without readings.

    Of several channels that are read together the highest one counts: which CPU the target was on is not known,
    but it cannot have been faster than the fastest.
    """
    t_ns, value = _fastest([series.valued() for series in found])
    if not t_ns.size:
        return np.ones(begin_ns.size)
    first, last = _bracket(t_ns, begin_ns, end_ns)
    # `reduceat` takes pairs of edges; what lies between two pairs is computed in vain.
    edges = np.stack((first, last + 1), axis=1).ravel()
    lowest = np.minimum.reduceat(np.append(value, np.inf), edges)[::2]
    share: Numbers = lowest / max(float(typical(value, MEDIAN)), np.finfo(np.float64).tiny)
    return share


def _grown(series: Series, begin_ns: TimesNs, end_ns: TimesNs) -> Numbers:
    if series.t_ns.size < 2:  # noqa: PLR2004 - growth is between two readings
        return np.zeros(begin_ns.size)
    first, last = _bracket(series.t_ns, begin_ns, end_ns)
    usual = _usual_rate(series) * (series.t_ns[last] - series.t_ns[first])
    growth: Numbers = np.maximum(0, series.value[last] - series.value[first] - usual)
    return growth


def _usual_rate(series: Series) -> float:
    """Return growth per nanosecond in quiet times, the lower quartile: half of a run may be disturbed.

    A counter that was reset did not shrink.
    """
    rates = np.maximum(0, np.diff(series.value)) / np.maximum(1, np.diff(series.t_ns))
    return float(typical(rates, LOWER_QUARTILE))


def _bracket(t_ns: TimesNs, begin_ns: TimesNs, end_ns: TimesNs) -> tuple[TimesNs, TimesNs]:
    first = np.maximum(0, np.searchsorted(t_ns, begin_ns, side="right") - 1)
    last = np.minimum(t_ns.size - 1, np.searchsorted(t_ns, end_ns))
    return first, np.maximum(first, last)


def _fastest(found: Sequence[Series]) -> tuple[TimesNs, Numbers]:
    """Return the highest value of all channels at each moment at which one was read."""
    if not found:
        return np.zeros(0, np.int64), np.zeros(0)
    t_ns, place = np.unique(np.concatenate([series.t_ns for series in found]), return_inverse=True)
    highest = np.full(t_ns.size, -np.inf)
    np.maximum.at(highest, place, np.concatenate([series.value for series in found]))
    return t_ns, highest
