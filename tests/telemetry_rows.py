"""Rows and series of telemetry as a page shows them, in invented figures."""

import math
from collections.abc import Callable

from hilrig.core.verdict import ChannelSummary, TelemetrySeries

DURATION_S = 600.0
N_BUCKETS = 120
HOT_S = ((320.0, 362.0), (471.2, 473.1))
"""When both machines throttle: once for long, once for two seconds."""

Shape = Callable[[float], float]


def is_hot(t_s: float) -> bool:
    """Return whether a moment is one of throttling."""
    return any(begin_s <= t_s < end_s for begin_s, end_s in HOT_S)


def warming(low: float, high: float) -> Shape:
    """Return a quantity that climbs towards `high`, with a ripple."""
    return lambda t_s: low + (high - low) * (1 - math.exp(-t_s / 150)) + 0.4 * math.sin(t_s / 7)


def dropping(level: float, throttled: float) -> Shape:
    """Return a quantity that is lower while throttled."""
    return lambda t_s: throttled if is_hot(t_s) else level


def make_telemetry_series(
    key: str, unit: str, shape: Shape, *, spread: float, silent: range = range(0)
) -> TelemetrySeries:
    """Return a channel in 120 buckets, `spread` to both sides of its mean; None in the `silent` buckets."""
    times_s = [index * DURATION_S / N_BUCKETS for index in range(N_BUCKETS)]
    means = [None if index in silent else shape(t_s) for index, t_s in enumerate(times_s)]
    return TelemetrySeries(
        key=key,
        unit=unit,
        t_s=tuple(times_s),
        minimum=tuple(None if mean is None else mean - spread for mean in means),
        mean=tuple(means),
        maximum=tuple(None if mean is None else mean + spread for mean in means),
    )


def summarised(series: TelemetrySeries, *, source: str, rate_hz: int) -> ChannelSummary:
    """Return the row of a channel that has a series."""
    means = [value for value in series.mean if value is not None]
    return ChannelSummary(
        key=series.key,
        unit=series.unit,
        kind="gauge",
        source=source,
        n=int(DURATION_S * rate_hz),
        minimum=min(value for value in series.minimum if value is not None),
        mean=math.fsum(means) / len(means),
        maximum=max(value for value in series.maximum if value is not None),
        delta=None,
        reason="",
        evidence=f"sampled at {rate_hz} Hz",
    )


def make_row(
    key: str,
    unit: str,
    *,
    value: float | None = None,
    delta: float | None = None,
    kind: str = "gauge",
    source: str = "test",
    reason: str = "",
) -> ChannelSummary:
    """Return the row of a channel that read one value, grew by `delta`, or gave nothing for `reason`."""
    return ChannelSummary(
        key=key,
        unit=unit,
        kind=kind,
        source=source,
        n=0 if reason else 600,
        minimum=value,
        mean=value,
        maximum=None if value is None else value + (delta or 0.0),
        delta=delta,
        reason=reason,
        evidence="" if reason else ("exact" if delta is None else "counted over the whole run"),
    )
