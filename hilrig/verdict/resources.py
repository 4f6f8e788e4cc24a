"""The numbers that telemetry gives: memory, load, clocks, temperature, power, throttling."""

from collections.abc import Iterator
from typing import Final

from hilrig.core.units import bytes_to_mib
from hilrig.core.verdict import Measurement
from hilrig.verdict.gpu_resources import measure_gpu
from hilrig.verdict.power_mean import power_mean
from hilrig.verdict.telemetry.channels import Telemetry, last_at_end, over_measured_part
from hilrig.verdict.telemetry.metric_channels import channels_of, missing, why_missing
from hilrig.verdict.telemetry.sampling import evidence_of
from hilrig.verdict.telemetry.temperature_headroom import temperature_headroom
from hilrig.verdict.throttling.questions import measure_throttling
from hilrig.verdict.window import Window

AT_THE_END: Final = "no reading at the end of the measured part"


def measure_resources(telemetry: Telemetry, window: Window) -> Iterator[Measurement]:
    """Yield every measurement that needs telemetry."""
    yield _host_memory(telemetry, window)
    yield from measure_gpu(telemetry, window)
    yield temperature_headroom(telemetry, window)
    yield power_mean(telemetry, window)
    yield from measure_throttling(telemetry, window)


def _host_memory(telemetry: Telemetry, window: Window) -> Measurement:
    """Return the exact peak of the target's own memory.

    That is the kernel's mark at the end of the measured part, at whose start it was reset, less what was shared at
    that start: the frames are the instrument's. Frames that were touched only later stay counted, so that the
    number is never too low.
    """
    metric = "host_memory_peak_mib"
    found = channels_of(telemetry, metric)
    read = [(series, last_at_end(series, window)) for series in found]
    peaks = [(peak, series) for series, peak in read if peak is not None]
    if not peaks:
        return missing(metric, why_missing(metric, found, AT_THE_END))
    peak_bytes, series = max(peaks, key=lambda pair: pair[0])
    own_bytes = peak_bytes - _shared_bytes(telemetry, window)
    if own_bytes <= 0:
        return missing(metric, "the source reads 0 bytes, which a running target cannot use")
    evidence = evidence_of(series, window.plan)
    return Measurement(metric=metric, unit="MiB", value=bytes_to_mib(own_bytes), n=len(peaks), evidence=evidence)


def _shared_bytes(telemetry: Telemetry, window: Window) -> float:
    """Return how much of the target's memory was shared when the measured part began; 0 where nobody told."""
    parts = [over_measured_part(series, window) for series in telemetry.named("hilrig.process.memory.shared")]
    return max((float(part[0]) for part in parts if part is not None), default=0.0)
