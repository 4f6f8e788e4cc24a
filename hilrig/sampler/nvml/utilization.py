"""How busy a GPU was: the driver's own samples, all of them; else its latest rate.

"Busy" is the share of time in which at least one kernel ran. The driver measures it over 1/6 s to 1 s, however
often it is asked, and keeps the results in a ring: reading that misses none and counts none twice.
"""

from collections.abc import Sequence
from typing import Any, Final

from hilrig.core.channels import GPU_UTILIZATION
from hilrig.core.clock import Clock
from hilrig.core.telemetry import Reason, Tier
from hilrig.core.units import NS_PER_S
from hilrig.sampler.nvml.calls import NOT_FOUND, RefusedError, member
from hilrig.sampler.nvml.source import CallSource, Device

_RATES: Final = "nvmlDeviceGetUtilizationRates"
_SAMPLES: Final = "nvmlDeviceGetSamples"
_GPU_UTILIZATION_SAMPLES: Final = 1
_HELD_NS: Final = NS_PER_S
"""The driver's longest window: a value that is older says nothing of now."""

_HELD_US: Final = 1_000_000
_PCT: Final = 100


def utilization_source(device: Device, clock: Clock) -> CallSource:
    """Return the source of the utilisation: the ring where it has samples now, else the rate."""
    ring = SampleRing(device, clock)
    has_ring = _answers(ring)
    channel = device.channel(GPU_UTILIZATION, "1", Tier.FAST, _SAMPLES if has_ring else _RATES)
    return CallSource((channel,), lambda: (ring.mean() if has_ring else _rate(device),))


def _answers(ring: "SampleRing") -> bool:
    try:
        ring.mean()
    except RefusedError:
        return False
    return True


class SampleRing:
    """The driver's ring of utilisation samples, as far as it has been read."""

    def __init__(self, device: Device, clock: Clock) -> None:
        self._device = device
        self._clock = clock
        self._newest_us = 0
        self._taken_ns = 0
        self._mean: float | None = None

    def mean(self) -> float:
        """Return the mean of the samples since the last call, 0 to 1; the last one while it is young.

        Raises:
            RefusedError: NVML refuses, or there is no sample from the last second (STALE).
        """
        value_type, samples = self._samples()
        fresh = [one for one in samples if one.timeStamp > max(self._newest_us, self._begin_us(samples))]
        if fresh:
            self._mean = _share(sum(member(one.sampleValue, value_type) for one in fresh) / len(fresh), _SAMPLES)
            self._newest_us = max(one.timeStamp for one in fresh)
            self._taken_ns = self._clock.monotonic_ns()
        if self._mean is None or self._clock.monotonic_ns() - self._taken_ns >= _HELD_NS:
            raise RefusedError(Reason.STALE, f"{_SAMPLES}: no new sample for a second")
        return self._mean

    def _samples(self) -> tuple[int, Sequence[Any]]:
        try:
            value_type, samples = self._device.ask(_SAMPLES, _GPU_UTILIZATION_SAMPLES, self._newest_us)
        except RefusedError as refused:
            if refused.status == NOT_FOUND:  # how NVML says that nothing is newer
                return 0, ()
            raise
        return value_type, samples

    def _begin_us(self, samples: Sequence[Any]) -> int:
        """Return where the first reading begins: the ring holds many seconds from before anybody asked."""
        if self._newest_us or not samples:
            return 0
        return max(int(one.timeStamp) for one in samples) - _HELD_US


def _rate(device: Device) -> float:
    return _share(device.ask(_RATES).gpu, _RATES)


def _share(pct: float, call: str) -> float:
    if not 0 <= pct <= _PCT:
        raise RefusedError(Reason.ERROR, f"{call}: {pct:g} % is no utilisation")
    return pct / _PCT
