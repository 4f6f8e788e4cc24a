"""The telemetry part of the live state: last readings, the target's memory, whether the rig throttles."""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, Final

import numpy as np

from hilrig.core import channels
from hilrig.core.telemetry import Capability, ChannelKind, ReadingTable
from hilrig.core.units import NS_PER_S, bytes_to_mib

RECENT_NS: Final = 5 * NS_PER_S
"""How long after its last sign a rig still counts as throttling: counters are read once a second."""

SIGNS: Final = (channels.THROTTLE_EVENTS, channels.THROTTLE_TIME, channels.THROTTLE_STATE)


class ThermalState(str, Enum):
    """What the thermal throttle channels said last."""

    NOMINAL = "nominal"
    THROTTLED = "throttled"
    UNKNOWN = "unknown"  # no such channel has answered


class LiveTelemetry:
    """The last value of every channel. A reading without a value takes the last one away: it holds no longer."""

    def __init__(self, capabilities: Sequence[Capability]) -> None:
        self._channels = [capability.channel for capability in capabilities]
        self._value = np.full(len(capabilities), np.nan)
        self._signs = [
            number
            for number, channel in enumerate(self._channels)
            if channel.name in SIGNS and (channels.CAUSE, channels.CAUSE_THERMAL) in channel.attributes
        ]
        self._memory = [
            number for number, channel in enumerate(self._channels) if channel.name == "process.memory.usage"
        ]
        self._peak_bytes: float | None = None
        self._sign_ns: int | None = None
        self._newest_ns = 0

    def update(self, readings: ReadingTable) -> None:
        """Take in readings, in the order in which they were taken."""
        if not len(readings):
            return
        self._newest_ns = int(readings["t_ns"].max())
        self._look_for_signs(readings)
        self._value[readings["channel"]] = readings["value"]  # of several the last one stays
        used = readings["value"][np.isin(readings["channel"], self._memory) & (readings["reason"] == 0)]
        if used.size:
            self._peak_bytes = max(self._peak_bytes or 0.0, float(used.max()))

    def snapshot(self) -> Mapping[str, Any]:
        """Return the state as JSON: `telemetry` by channel key, without the channels that have no value."""
        return {
            "peak_ram_mb": None if self._peak_bytes is None else round(bytes_to_mib(self._peak_bytes), 1),
            "thermal_state": self._thermal_state().value,
            "telemetry": {
                channel.key: {"value": value, "unit": channel.unit}
                for channel, value in zip(self._channels, self._value.tolist(), strict=True)
                if np.isfinite(value)
            },
        }

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
