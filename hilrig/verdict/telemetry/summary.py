"""Each telemetry channel over the measured part, in one row."""

import numpy as np
from numpy.typing import NDArray

from hilrig.core.telemetry import ChannelKind, Tier
from hilrig.core.verdict import ChannelSummary
from hilrig.verdict.telemetry.channels import Series, Telemetry, growth, last_at_end
from hilrig.verdict.telemetry.sampling import evidence_of, sampled_at
from hilrig.verdict.window import Window


def summarise(telemetry: Telemetry, window: Window) -> tuple[ChannelSummary, ...]:
    """Return a row for every channel, in the order of the probe; missing ones with their reason."""
    return tuple(_row(series, window) for series in telemetry.series)


def _row(series: Series, window: Window) -> ChannelSummary:
    values = _values(series, window)
    n = int(values.size)
    delta = growth([series], window) if series.channel.kind is ChannelKind.COUNTER else None
    return ChannelSummary(
        key=series.channel.key,
        unit=series.channel.unit,
        kind=series.channel.kind.value,
        source=series.channel.source,
        n=n,
        minimum=float(values.min()) if n else None,
        mean=float(np.cumsum(values)[-1]) / n if n else None,  # cumsum adds in order: the same on every machine
        maximum=float(values.max()) if n else None,
        delta=delta,
        reason="" if n else series.why_empty(),
        evidence=_evidence(series, window, delta) if n else "",
    )


def _evidence(series: Series, window: Window, delta: float | None) -> str:
    """Return what the row can claim; a counter that was not read at both edges has no more than its samples."""
    if series.channel.kind is ChannelKind.COUNTER and delta is None:
        return sampled_at(series.channel.tier, window.plan)
    return evidence_of(series, window.plan)


def _values(series: Series, window: Window) -> NDArray[np.float64]:
    """Return the values of the measured part; of a channel read at its edges only, the one at the end."""
    if series.channel.tier is not Tier.EDGE:
        return series.valued().within(window).value
    last = last_at_end(series, window)
    return np.array([] if last is None else [last], np.float64)
