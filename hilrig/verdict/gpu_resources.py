"""What the GPU was used for: memory, load, clock."""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hilrig.core import channels
from hilrig.core.metrics import METRICS
from hilrig.core.units import NS_PER_S, bytes_to_mib
from hilrig.core.verdict import Measurement
from hilrig.verdict.telemetry.channels import Series, Telemetry, last_at_end
from hilrig.verdict.telemetry.metric_channels import channels_of, missing, why_missing
from hilrig.verdict.telemetry.sampling import evidence_of
from hilrig.verdict.window import Window

SUSTAINED_NS: Final = 30 * NS_PER_S
PCT_DIGITS: Final = 6
"""Sources tell hundredths or thousandths. Behind the sixth digit there is only the rounding of a long sum, which
must not break a limit that the reading just reaches."""

NOTHING_READ: Final = "no reading in the measured part"
SWITCHED_OFF_OR_UNKNOWN: Final = "the GPU was switched off, or its source answers 0 for what it does not know"
_HZ_PER_MHZ: Final = 1e6


def measure_gpu(telemetry: Telemetry, window: Window) -> Iterator[Measurement]:
    """Yield the GPU's memory peak, sustained utilisation and lowest clock."""
    yield _memory(telemetry, window)
    yield _utilisation(telemetry, window)
    yield _lowest_clock(telemetry, window)


def _memory(telemetry: Telemetry, window: Window) -> Measurement:
    """Return the peak of the process's GPU memory, else of the device's; of several GPUs, the fullest.

    Where the driver keeps the process's true peak, no sample of it is higher.
    """
    metric = "gpu_memory_peak_mib"
    *process, device = METRICS[metric].needs
    for needs in (process, [device]):
        found = [(one, _in_use(one, window)) for need in needs for one in telemetry.meeting(need)]
        read = [(one, used) for one, used in found if used.size]
        if read:
            fullest, used = max(read, key=lambda pair: float(pair[1].max()))  # of equal ones the exact peak
            return _peak(fullest, float(used.max()), window, n=sum(used.size for _, used in read))
    return missing(metric, why_missing(metric, channels_of(telemetry, metric), NOTHING_READ))


def _in_use(series: Series, window: Window) -> NDArray[np.float64]:
    """Return the bytes that say something of the measured part: a kept peak only as it is read at the end."""
    if series.channel.name != channels.PROCESS_GPU_MEMORY_PEAK:
        return series.valued().within(window).value
    peak = last_at_end(series, window)
    return np.array([] if peak is None else [peak], np.float64)


def _peak(series: Series, peak_bytes: float, window: Window, *, n: int) -> Measurement:
    metric = "gpu_memory_peak_mib"
    if peak_bytes <= 0:
        return missing(metric, "the source reads 0 bytes, which a running target cannot use")
    return Measurement(
        metric=metric, unit="MiB", value=bytes_to_mib(peak_bytes), n=n, evidence=_whose(series, window)
    )


def _whose(series: Series, window: Window) -> str:
    how = evidence_of(series, window.plan)
    is_device = series.channel.name == channels.GPU_MEMORY
    whose = f"whole device, {how}, other processes included" if is_device else f"process, {how}"
    is_unified = channels.UNIFIED in series.channel.attributes
    return f"{whose}; unified memory: also counted as host memory" if is_unified else whose


def _utilisation(telemetry: Telemetry, window: Window) -> Measurement:
    """Return the largest mean over 30 s, of several GPUs the busiest.

    A GPU that never did anything while frames were decided was not read, or is not what did the work.
    """
    metric = "gpu_util_sustained_pct"
    found = channels_of(telemetry, metric)
    inside = [series.valued().within(window) for series in found]
    means = [sustained(series.t_ns, series.value) for series in inside]
    seen = [(mean, series) for mean, series in zip(means, found, strict=True) if mean is not None]
    if not seen:
        reason = why_missing(metric, found, "the readings span less than 30 s of the measured part")
        return missing(metric, reason)
    mean, busiest = max(seen, key=lambda pair: pair[0])
    if mean <= 0:
        return missing(metric, "the source never rose above 0 while frames were decided")
    return Measurement(
        metric=metric,
        unit="%",
        value=round(100 * mean, PCT_DIGITS),
        n=sum(one.t_ns.size for one in inside),
        evidence=evidence_of(busiest, window.plan),
    )


def sustained(t_ns: NDArray[np.int64], value: NDArray[np.float64]) -> float | None:
    """Return the largest time-weighted mean over any 30 s; None when the readings span less.

    A value holds until the next reading. The mean over a sliding window changes direction only where one of its
    ends passes a reading, so those positions are enough.
    """
    if t_ns.size < 2 or t_ns[-1] - t_ns[0] < SUSTAINED_NS:  # noqa: PLR2004 - a span needs two ends
        return None
    area = np.concatenate(([0.0], np.cumsum(value[:-1] * np.diff(t_ns))))

    def area_until(moment_ns: NDArray[np.int64]) -> NDArray[np.float64]:
        index = np.searchsorted(t_ns, moment_ns, side="right") - 1
        until: NDArray[np.float64] = area[index] + value[index] * (moment_ns - t_ns[index])
        return until

    begins_ns = np.concatenate((t_ns, t_ns - SUSTAINED_NS))
    begins_ns = begins_ns[(begins_ns >= t_ns[0]) & (begins_ns + SUSTAINED_NS <= t_ns[-1])]
    return float((area_until(begins_ns + SUSTAINED_NS) - area_until(begins_ns)).max()) / SUSTAINED_NS


def _lowest_clock(telemetry: Telemetry, window: Window) -> Measurement:
    """Return the lowest clock that was read, of several GPUs the slowest; no GPU at work runs at 0 Hz."""
    metric = "gpu_clock_lowest_mhz"
    found = channels_of(telemetry, metric)
    read = [(series, series.valued().within(window).value) for series in found]
    read = [(series, clocks_hz) for series, clocks_hz in read if clocks_hz.size]
    if not read:
        return missing(metric, why_missing(metric, found, NOTHING_READ))
    n, n_zero = (sum(map(count, (hz for _, hz in read))) for count in (np.size, _n_zero))
    if n_zero:
        return missing(metric, f"{n_zero} of {n} readings are 0 Hz: {SWITCHED_OFF_OR_UNKNOWN}")
    slowest, clocks_hz = min(read, key=lambda pair: float(pair[1].min()))
    value = float(clocks_hz.min()) / _HZ_PER_MHZ
    return Measurement(metric=metric, unit="MHz", value=value, n=n, evidence=evidence_of(slowest, window.plan))


def _n_zero(clocks_hz: NDArray[np.float64]) -> int:
    return int(np.count_nonzero(clocks_hz <= 0))
