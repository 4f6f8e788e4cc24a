"""Telemetry over time, in at most 120 buckets of equal length: what stands under the latency on one time axis."""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from hilrig.core import channels
from hilrig.core.telemetry import Channel, ChannelKind, Tier
from hilrig.core.units import NS_PER_S
from hilrig.core.verdict import TelemetrySeries
from hilrig.verdict.telemetry.channels import Series, Telemetry
from hilrig.verdict.time_buckets import Trace, bucketed, grid_of
from hilrig.verdict.window import Window

N_PER_NAME_MAX: Final = 12
"""A machine of 64 cores has 64 core temperatures: those with the highest readings are kept."""

SHOWN: Final = (
    channels.TEMPERATURE,
    channels.GPU_CLOCK,
    channels.CPU_FREQUENCY,
    channels.POWER,
    channels.GPU_UTILIZATION,
    channels.GPU_MEMORY,
    channels.PROCESS_GPU_MEMORY,
    "process.memory.usage",
    "system.memory.usage",
)
"""Channels that are worth seeing over time."""


def telemetry_series(telemetry: Telemetry, window: Window) -> tuple[TelemetrySeries, ...]:
    """Return the channels worth seeing over time that have a value, in the order of the probe.

    All of them share one grid over the measured part. The clocks of several CPUs are one series, from the slowest
    CPU to the fastest, under the key of a CPU with the number `*`. A device that counts energy and does not tell
    its power has a power series of the differences; its key says `from=hw.energy`.
    """
    if window.duration_ns <= 0:
        return ()
    grid = grid_of(window)
    traces = [trace for trace in _traces(telemetry, window) if trace.value.size]
    return tuple(bucketed(trace, grid) for trace in _highest(traces))


def _traces(telemetry: Telemetry, window: Window) -> Iterator[Trace]:
    cpus = telemetry.named(channels.CPU_FREQUENCY)
    for series in telemetry.series:
        channel = series.channel
        if channel.name == channels.CPU_FREQUENCY and len(cpus) > 1:
            if series is cpus[0]:
                yield _all_cpus(cpus, window)
        elif channel.name in SHOWN and channel.kind is ChannelKind.GAUGE and channel.tier is not Tier.EDGE:
            yield _trace(series, window)
        elif channel.name == channels.ENERGY and not _has_power(telemetry, channel, window):
            yield _power(series, window)


def _trace(series: Series, window: Window) -> Trace:
    inside = series.valued().within(window)
    channel = series.channel
    return Trace(name=channel.name, key=channel.key, unit=channel.unit, t_ns=inside.t_ns, value=inside.value)


def _all_cpus(cpus: Sequence[Series], window: Window) -> Trace:
    traces = [_trace(series, window) for series in cpus]
    return Trace(
        name=channels.CPU_FREQUENCY,
        key=f"{channels.CPU_FREQUENCY}{{cpu.logical_number=*}}",
        unit=traces[0].unit,
        t_ns=np.concatenate([trace.t_ns for trace in traces]),
        value=np.concatenate([trace.value for trace in traces]),
    )


def _has_power(telemetry: Telemetry, energy: Channel, window: Window) -> bool:
    """Return whether a power channel of the device that `energy` counts for gave a value."""
    devices = [pair for pair in energy.attributes if pair[0] == channels.HW_ID]
    found = telemetry.named(channels.POWER, *devices)
    return any(series.valued().within(window).value.size for series in found)


def _power(series: Series, window: Window) -> Trace:
    """Return the mean power between readings of energy, at the later one; a counter that fell says nothing."""
    inside = series.valued().within(window)
    lasted_s, spent_j = np.diff(inside.t_ns) / NS_PER_S, np.diff(inside.value)
    is_known = (lasted_s > 0) & (spent_j >= 0) & np.isfinite(spent_j)
    inner = ",".join(f"{name}={value}" for name, value in (*series.channel.attributes, ("from", channels.ENERGY)))
    return Trace(
        name=channels.POWER,
        key=f"{channels.POWER}{{{inner}}}",
        unit="W",
        t_ns=inside.t_ns[1:][is_known],
        value=spent_j[is_known] / lasted_s[is_known],
    )


def _highest(traces: Sequence[Trace]) -> list[Trace]:
    """Return the traces without those of a name that has too many: its lowest ones go."""
    kept: set[str] = set()
    for name in dict.fromkeys(trace.name for trace in traces):
        of_name = sorted((one for one in traces if one.name == name), key=lambda one: -float(one.value.max()))
        kept.update(trace.key for trace in of_name[:N_PER_NAME_MAX])
    return [trace for trace in traces if trace.key in kept]
