"""The numbers that telemetry gives: memory, utilisation, throttling."""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hilrig.core.metrics import METRICS
from hilrig.core.units import NS_PER_S, bytes_to_mib
from hilrig.core.verdict import Measurement
from hilrig.verdict.channels import Series, Telemetry, growth, last_at_end, over_measured_part
from hilrig.verdict.measure import unmeasured
from hilrig.verdict.window import Window

SUSTAINED_NS: Final = 30 * NS_PER_S
AT_THE_END: Final = "no reading at the end of the measured part"


def measure_resources(telemetry: Telemetry, window: Window) -> Iterator[Measurement]:
    """Yield every measurement that needs telemetry."""
    yield _host_memory(telemetry, window)
    yield _gpu_memory(telemetry, window)
    yield _gpu_utilisation(telemetry, window)
    yield _throttling(telemetry, window)
    yield _missing("power_loss_recovered", "the power-loss test is a run of its own")


def _host_memory(telemetry: Telemetry, window: Window) -> Measurement:
    """Return the exact peak of the target's own memory.

    That is the kernel's mark at the end of the measured part, at whose start it was reset, less what was shared at
    that start: the frames are the instrument's. Frames that were touched only later stay counted, so that the
    number is never too low.
    """
    metric = "host_memory_peak_mib"
    found = _found(telemetry, metric)
    peaks_bytes = [last_at_end(series, window) for series in found]
    seen_bytes = [peak for peak in peaks_bytes if peak is not None]
    if not seen_bytes:
        return _missing(metric, _why(metric, found, AT_THE_END))
    return _memory(metric, max(seen_bytes) - _shared_bytes(telemetry, window), n=len(seen_bytes))


def _shared_bytes(telemetry: Telemetry, window: Window) -> float:
    """Return how much of the target's memory was shared when the measured part began; 0 where nobody told."""
    parts = [over_measured_part(series, window) for series in telemetry.named("hilrig.process.memory.shared")]
    return max((float(part[0]) for part in parts if part is not None), default=0.0)


def _gpu_memory(telemetry: Telemetry, window: Window) -> Measurement:
    """Return the largest sample of the process's GPU memory, else the device's; of several GPUs, the fullest."""
    metric = "gpu_memory_peak_mib"
    for need in METRICS[metric].needs:
        values = [series.valued().within(window).value for series in telemetry.meeting(need)]
        n = sum(value.size for value in values)
        if n:
            return _memory(metric, max(float(value.max()) for value in values if value.size), n=n)
    return _missing(metric, _why(metric, _found(telemetry, metric), "no reading in the measured part"))


def _memory(metric: str, peak_bytes: float, *, n: int) -> Measurement:
    if peak_bytes <= 0:
        return _missing(metric, "the source reads 0 bytes, which a running target cannot use")
    return Measurement(metric=metric, unit="MiB", value=bytes_to_mib(peak_bytes), n=n)


def _gpu_utilisation(telemetry: Telemetry, window: Window) -> Measurement:
    """Return the largest mean over 30 s, of several GPUs the busiest.

    A GPU that never did anything while frames were decided was not read, or is not what did the work.
    """
    metric = "gpu_util_sustained_pct"
    found = _found(telemetry, metric)
    inside = [series.valued().within(window) for series in found]
    means = [sustained(series.t_ns, series.value) for series in inside]
    seen = [mean for mean in means if mean is not None]
    if not seen:
        return _missing(metric, _why(metric, found, "the readings span less than 30 s of the measured part"))
    if max(seen) <= 0:
        return _missing(metric, "the source never rose above 0 while frames were decided")
    return Measurement(metric=metric, unit="%", value=100 * max(seen), n=sum(one.t_ns.size for one in inside))


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


def _throttling(telemetry: Telemetry, window: Window) -> Measurement:
    """Return by how much the cumulative thermal counters grew: what happened between two samples counts too."""
    metric = "thermal_throttle_events"
    found = list(telemetry.meeting(METRICS[metric].needs[0]))
    readable = [series for series in found if series.capability.reason is None]
    events = growth(readable, window)
    if events is None:
        return _missing(metric, _why(metric, found, "no reading at both edges of the measured part"))
    if events < 0:
        return _missing(metric, "the counter went back during the run: its source was reset")
    return Measurement(metric=metric, unit="events", value=events, n=len(readable))


def _found(telemetry: Telemetry, metric: str) -> list[Series]:
    return [series for need in METRICS[metric].needs for series in telemetry.meeting(need)]


def _missing(metric: str, reason: str) -> Measurement:
    return unmeasured(metric, METRICS[metric].unit, reason)


def _why(metric: str, found: Sequence[Series], otherwise: str) -> str:
    """Return why a metric has no value: no such channel, channels without values, or `otherwise`."""
    if not found:
        return f"this rig has no channel {' or '.join(map(str, METRICS[metric].needs))}"
    if any(series.valued().t_ns.size for series in found):
        return otherwise
    return "; ".join(series.why_empty() for series in found)
