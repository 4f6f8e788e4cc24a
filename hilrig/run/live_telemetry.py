"""The telemetry part of the live state: last readings, the target's memory, whether the rig throttles."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from hilrig.core.telemetry import Capability, ChannelKind, ReadingTable
from hilrig.core.thermal_state import ThermalState
from hilrig.core.units import NS_PER_S, bytes_to_mib
from hilrig.run.live_heat import Temperatures, ThrottleTime, is_thermal_sign

RECENT_NS: Final = 5 * NS_PER_S
"""How long after its last sign a rig still counts as throttling: counters are read once a second."""

NOT_YET_NS: Final = (1 << 63) - 1
"""Before the measured part: nothing counts for it."""

MEMORY: Final = "process.memory.usage"


class LiveTelemetry:
    """The last value of every channel. A reading without a value takes the last one away: it holds no longer."""

    def __init__(self, capabilities: Sequence[Capability]) -> None:
        self._channels = [capability.channel for capability in capabilities]
        self._value = np.full(len(capabilities), np.nan)
        self._signs = [number for number, channel in enumerate(self._channels) if is_thermal_sign(channel)]
        self._memory = [number for number, channel in enumerate(self._channels) if channel.name == MEMORY]
        self._peak_bytes: float | None = None
        self._measured_peak_bytes: float | None = None
        self._temperatures = Temperatures(self._channels)
        self._throttle_time = ThrottleTime(self._channels)
        self._sign_ns: int | None = None
        self._newest_ns = 0
        self._measured_since_ns = NOT_YET_NS

    def measure_from(self, t_ns: int) -> None:
        """Take note of when the measured part begins: peaks and times that limits refer to count from there."""
        self._measured_since_ns = t_ns

    def update(self, readings: ReadingTable) -> None:
        """Take in readings, in the order in which they were taken."""
        if not len(readings):
            return
        self._newest_ns = int(readings["t_ns"].max())
        self._look_for_signs(readings)
        self._temperatures.update(readings, since_ns=self._measured_since_ns)
        self._throttle_time.update(readings, since_ns=self._measured_since_ns)
        self._value[readings["channel"]] = readings["value"]  # of several the last one stays
        self._keep_peaks(readings)

    def snapshot(self) -> Mapping[str, Any]:
        """Return the state as JSON: `telemetry` by channel key, without the channels that have no value."""
        return {
            "peak_ram_mb": _mib(self._peak_bytes),
            "measured_peak_ram_mib": _mib(self._measured_peak_bytes),
            "thermal_state": self._thermal_state().value,
            "throttled_s": self._throttle_time.seconds(),
            "temperatures": self._temperatures.snapshot(),
            "telemetry": {
                channel.key: {"value": value, "unit": channel.unit}
                for channel, value in zip(self._channels, self._value.tolist(), strict=True)
                if np.isfinite(value)
            },
        }

    def _keep_peaks(self, readings: ReadingTable) -> None:
        used = readings[np.isin(readings["channel"], self._memory) & (readings["reason"] == 0)]
        if used.size:
            self._peak_bytes = max(self._peak_bytes or 0.0, float(used["value"].max()))
        measured = used["value"][used["t_ns"] >= self._measured_since_ns]
        if measured.size:
            self._measured_peak_bytes = max(self._measured_peak_bytes or 0.0, float(measured.max()))

    def _thermal_state(self) -> ThermalState:
        if self._sign_ns is not None and self._newest_ns - self._sign_ns <= RECENT_NS:
            return ThermalState.THROTTLED
        is_known = bool(np.isfinite(self._value[self._signs]).any())
        return ThermalState.NOMINAL if is_known else ThermalState.UNKNOWN

    def _look_for_signs(self, readings: ReadingTable) -> None:
        for number in self._signs:
            rows = readings[(readings["channel"] == number) & (readings["reason"] == 0)]
            before = self._value[number]
            for t_ns, value in zip(rows["t_ns"].tolist(), rows["value"].tolist(), strict=True):
                is_counter = self._channels[number].kind is ChannelKind.COUNTER
                if value > before if is_counter else value > 0:  # nothing is above NaN: a first count is no sign
                    self._sign_ns = t_ns
                before = value


def _mib(n_bytes: float | None) -> float | None:
    return None if n_bytes is None else round(bytes_to_mib(n_bytes), 1)
