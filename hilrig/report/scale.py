"""The axes of a latency chart: range, ticks, positions."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from math import ceil, floor, log10
from typing import Final, Literal

from hilrig.core.units import S_PER_MIN
from hilrig.core.verdict import Check, SeriesPoint

LOG_FROM_RATIO: Final = 12.0
"""A slowest frame this many times over limits and medians would flatten them on a linear axis."""

N_TICKS_MAX: Final = 10
_S_PER_H: Final = 60 * S_PER_MIN
_TIME_STEPS_S: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800)


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyAxis:
    """A range of latencies in milliseconds, linear from 0 or logarithmic."""

    kind: Literal["linear", "log"]
    lowest_ms: float
    highest_ms: float

    def position(self, latency_ms: float) -> float:
        """Return where a latency lies: 0 at the bottom, 1 at the top, clipped to the range."""
        inside_ms = min(max(latency_ms, self.lowest_ms), self.highest_ms)
        if self.kind == "linear":
            return (inside_ms - self.lowest_ms) / (self.highest_ms - self.lowest_ms)
        return log10(inside_ms / self.lowest_ms) / log10(self.highest_ms / self.lowest_ms)

    def ticks_ms(self) -> list[float]:
        """Return round latencies within the range."""
        if self.kind == "log":
            powers = range(floor(log10(self.lowest_ms)), ceil(log10(self.highest_ms)) + 1)
            candidates = [digit * 10.0**power for power in powers for digit in (1, 2, 5)]
            return [tick for tick in candidates if self.lowest_ms <= tick <= self.highest_ms]
        step_ms = _round_step(self.highest_ms - self.lowest_ms)
        return [index * step_ms for index in range(floor(self.highest_ms / step_ms + 1e-9) + 1)]


def latency_axis(series: Sequence[SeriesPoint], limits_ms: Sequence[float]) -> LatencyAxis:
    """Return the axis on which the slowest frame, every median and every limit can be read.

    The tightest limit decides its kind: a loose one must not make that one unreadable.
    """
    tops = [point.max_ms for point in series if point.max_ms]
    floors = [point.min_ms for point in series if point.min_ms and point.min_ms > 0]
    ordinary = [point.p50_ms for point in series if point.p50_ms]
    highest_ms = max(chain(tops, limits_ms, [1.0])) * 1.08
    if highest_ms < LOG_FROM_RATIO * max(chain(ordinary, sorted(limits_ms)[:1], [1.0])):
        return LatencyAxis(kind="linear", lowest_ms=0.0, highest_ms=highest_ms)
    return LatencyAxis(kind="log", lowest_ms=min(chain(floors, limits_ms)) * 0.8, highest_ms=highest_ms)


def latency_limits(checks: Sequence[Check]) -> list[Check]:
    """Return the checks that limit a latency percentile, the tightest first: what a latency chart can show."""
    chosen = [check for check in checks if check.metric.startswith("latency_") and check.limit > 0]
    return sorted(chosen, key=lambda check: check.limit)


def bucket_edges_s(series: Sequence[SeriesPoint]) -> list[float]:
    """Return where each bucket starts, and where the last one ends; a lone bucket is taken as one second."""
    starts_s = [point.t_s for point in series]
    if not starts_s:
        return []
    width_s = starts_s[-1] - starts_s[-2] if len(starts_s) > 1 else 1.0
    return [*starts_s, starts_s[-1] + width_s]


def time_ticks_s(start_s: float, end_s: float) -> list[float]:
    """Return round times within a span, at most about ten."""
    wide_enough = (step for step in _TIME_STEPS_S if (end_s - start_s) / step <= N_TICKS_MAX)
    step_s = next(wide_enough, ceil((end_s - start_s) / N_TICKS_MAX / _S_PER_H) * _S_PER_H)
    return [float(index * step_s) for index in range(ceil(start_s / step_s), floor(end_s / step_s) + 1)]


def time_label(t_s: float, end_s: float) -> str:
    """Return a time on an axis that ends at `end_s`: `40 s`, `6 min`, `2:30 h`."""
    if end_s >= 2 * _S_PER_H:
        hours, rest_s = divmod(round(t_s), _S_PER_H)
        return f"{hours}:{rest_s // S_PER_MIN:02d} h"
    if end_s >= 2 * S_PER_MIN:
        return f"{t_s / S_PER_MIN:g} min"
    return f"{t_s:g} s"


def _round_step(span: float) -> float:
    rough = span / 6
    power = 10.0 ** floor(log10(rough))
    return next(digit * power for digit in (1, 2, 5, 10) if digit * power >= rough)
