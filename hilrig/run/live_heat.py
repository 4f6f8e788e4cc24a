"""Heat in the live state: every temperature with its limit, with the time throttled so far."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from hilrig.core import channels
from hilrig.core.telemetry import Channel, ChannelKind, ReadingTable
from hilrig.core.units import NS_PER_S

SIGNS: Final = (channels.THROTTLE_TIME, channels.THROTTLE_STATE, channels.THROTTLE_EVENTS)
"""What tells of throttling, the best first: a device's time is taken from the first that it has."""

THERMAL: Final = (channels.CAUSE, channels.CAUSE_THERMAL)


def is_thermal_sign(channel: Channel) -> bool:
    """Return whether a channel tells that something is slowed down for heat."""
    return channel.name in SIGNS and THERMAL in channel.attributes


class ThrottleTime:
    """How long each device throttled for heat, as well as its channels can tell.

    A counter of time is exact. A state counts from a reading that shows it to the next, a counter of episodes from
    the reading before its growth: an upper bound, a second or so too much for each.
    """

    def __init__(self, sampled: Sequence[Channel]) -> None:
        signs = [(number, channel) for number, channel in enumerate(sampled) if is_thermal_sign(channel)]
        self._channels = dict(sorted(signs, key=lambda sign: SIGNS.index(sign[1].name)))
        self._last: dict[int, tuple[int, float]] = {}
        self._throttled_ns: dict[int, float] = {}

    def update(self, readings: ReadingTable, *, since_ns: int) -> None:
        """Take in readings in their order; what was before `since_ns` is not counted."""
        for number, channel in self._channels.items():
            rows = readings[(readings["channel"] == number) & (readings["reason"] == 0)]
            for t_ns, value in zip(rows["t_ns"].tolist(), rows["value"].tolist(), strict=True):
                if number in self._last and t_ns > since_ns:
                    self._throttled_ns.setdefault(number, 0.0)
                    self._throttled_ns[number] += _between(channel, self._last[number], (t_ns, value), since_ns)
                self._last[number] = (t_ns, value)

    def seconds(self) -> float | None:
        """Return the time of the device that throttled longest; None while no channel has told."""
        by_device: dict[str, float] = {}
        for number, channel in self._channels.items():
            if number in self._throttled_ns:
                by_device.setdefault(_place(channel), self._throttled_ns[number])
        return round(max(by_device.values()) / NS_PER_S, 1) if by_device else None


class Temperatures:
    """The last temperature of every sensor, the hottest so far, the temperature at which its device slows down."""

    def __init__(self, sampled: Sequence[Channel]) -> None:
        self._names = {
            number: _place(channel)
            for number, channel in enumerate(sampled)
            if channel.name == channels.TEMPERATURE
        }
        self._limits = {
            number: _place(channel)
            for number, channel in enumerate(sampled)
            if channel.name == channels.TEMPERATURE_LIMIT
        }
        self._now_cel: dict[str, float] = {}
        self._hottest_cel: dict[str, float] = {}
        self._limit_cel: dict[str, float] = {}

    def update(self, readings: ReadingTable, *, since_ns: int) -> None:
        """Take in readings in their order; the hottest counts from `since_ns` on.

        A reading without a value takes the temperature away: it holds no longer.
        """
        for number, name in self._names.items():
            rows = readings[readings["channel"] == number]
            for t_ns, value, reason in zip(
                rows["t_ns"].tolist(), rows["value"].tolist(), rows["reason"].tolist(), strict=True
            ):
                self._now_cel.pop(name, None)
                if reason:
                    continue
                self._now_cel[name] = value
                if t_ns >= since_ns:
                    self._hottest_cel[name] = max(value, self._hottest_cel.get(name, value))
        for number, name in self._limits.items():
            values = readings["value"][(readings["channel"] == number) & (readings["reason"] == 0)]
            if values.size:
                lowest = float(values.min())
                self._limit_cel[name] = min(lowest, self._limit_cel.get(name, lowest))

    def snapshot(self) -> list[Mapping[str, Any]]:
        """Return the sensors that have a temperature now, as JSON."""
        return [
            {
                "name": name,
                "now_cel": round(value, 1),
                "hottest_cel": self._hottest_cel.get(name),
                "limit_cel": self._limit_cel.get(name),
            }
            for name, value in self._now_cel.items()
        ]


def _between(channel: Channel, before: tuple[int, float], after: tuple[int, float], since_ns: int) -> float:
    """Return for how many of the nanoseconds between two readings the channel tells of throttling."""
    length_ns = after[0] - max(before[0], since_ns)
    if channel.kind is not ChannelKind.COUNTER:
        return length_ns if before[1] > 0 else 0
    grown = max(0.0, after[1] - before[1])  # a counter that goes back was reset
    return grown if channel.name == channels.THROTTLE_TIME else length_ns * (grown > 0)


def _place(channel: Channel) -> str:
    return dict(channel.attributes).get(channels.HW_ID, "")
