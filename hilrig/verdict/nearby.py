"""What else happened around a moment of the run, in words."""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hilrig.core import channels
from hilrig.core.frame import Outcome
from hilrig.core.run import RunEvent
from hilrig.core.telemetry import HOST_STALL
from hilrig.core.units import NS_PER_MS
from hilrig.verdict.telemetry.channels import Series, Telemetry
from hilrig.verdict.telemetry.metric_channels import cause_of
from hilrig.verdict.window import INTENDED, Window
from hilrig.verdict.wording import counted, quantity

COUNTERS: Final = (channels.THROTTLE_TIME, channels.THROTTLE_EVENTS)
"""A length says more than a count."""

CLOCK_UNIT: Final = "Hz"
CLOCK_SHIFT_MIN: Final = 0.1
"""Governors move a clock by a few per cent all the time."""

ROUTINE_EVENTS: Final = frozenset({"clock", "schedule", "run_created", "pool_written", "child_ready"})
_HZ_PER_MHZ: Final = 1_000_000
_CLOCK_WORDS: Final = {
    channels.CPU_FREQUENCY: "CPU clock",
    channels.GPU_CLOCK: "GPU clock",
    channels.MEMORY_CLOCK: "memory clock",
}


class Nearby:
    """Looks up what the record has around a moment: throttling, stalls, lost frames, clocks, events of the run."""

    def __init__(self, window: Window, telemetry: Telemetry, events: tuple[RunEvent, ...]) -> None:
        self._window: Final = window
        self._events: Final = tuple(event for event in events if event.kind not in ROUTINE_EVENTS)
        series = [one.valued() for one in telemetry.series]
        slowing = [one for one in series if cause_of(one) != channels.CAUSE_CURRENT_PEAK]
        self._counters: Final = [one for one in slowing if one.channel.name in COUNTERS]
        self._states: Final = [one for one in slowing if one.channel.name == channels.THROTTLE_STATE]
        self._clocks: Final = [one for one in series if one.channel.unit == CLOCK_UNIT]
        self._stalls: Final = [one for one in series if one.channel.name == HOST_STALL]

    def around(self, moment_ns: int, reach_ns: int) -> tuple[str, ...]:
        """Return texts on what happened at most `reach_ns` before or after `moment_ns` (CLOCK_MONOTONIC)."""
        begin_ns, end_ns = moment_ns - reach_ns, moment_ns + reach_ns
        return (
            *self._throttled(begin_ns, end_ns),
            *self._stalled(begin_ns, end_ns),
            *self._lost(begin_ns, end_ns),
            *self._clocked(begin_ns, moment_ns, end_ns),
            *(f"event {event.kind}" for event in self._events if begin_ns <= event.t_ns <= end_ns),
        )

    def _throttled(self, begin_ns: int, end_ns: int) -> Iterator[str]:
        """Yield one text for each device and cause, however many channels tell of it: by the best of them."""
        told: dict[str, str] = {}
        for name in COUNTERS:
            counters = [one for one in self._counters if one.channel.name == name]
            grown = [(_growth(_between(one, begin_ns, end_ns)), one) for one in counters]
            for growth, series in sorted(grown, key=lambda pair: -pair[0]):
                if growth > 0:
                    told.setdefault(_throttled_what(series), _grown(series, growth))
        for series in self._states:
            if _between(series, begin_ns, end_ns).any():
                told.setdefault(_throttled_what(series), "seen in its state")
        yield from (f"{what}: {how}" for what, how in told.items())

    def _stalled(self, begin_ns: int, end_ns: int) -> Iterator[str]:
        lengths = [_between(series, begin_ns, end_ns) for series in self._stalls]
        stalls_ns = np.concatenate(lengths) if lengths else np.zeros(0)
        if stalls_ns.size:
            longest = quantity(float(stalls_ns.max()) / NS_PER_MS, "ms")
            yield f"{counted(stalls_ns.size, 'stall')} of the host, the longest {longest}"

    def _lost(self, begin_ns: int, end_ns: int) -> Iterator[str]:
        measured = self._window.measured
        first, end = np.searchsorted(measured.stamps_ns[INTENDED], [begin_ns, end_ns]).tolist()
        for outcome in (Outcome.DROPPED, Outcome.FAILED):
            n = int(np.count_nonzero(measured.outcome[first:end] == outcome))
            if n:
                yield f"{counted(n, 'frame')} {outcome.name.lower()}"

    def _clocked(self, begin_ns: int, moment_ns: int, end_ns: int) -> Iterator[str]:
        """Yield the clock that changed most, and how many did."""
        changes = []
        for series in self._clocks:
            before, after = _between(series, begin_ns, moment_ns), _between(series, moment_ns, end_ns)
            if before.size and after.size:
                changes.append((_mean_mhz(before), _mean_mhz(after), _clock_name(series)))
        moved = [change for change in changes if abs(change[1] - change[0]) > CLOCK_SHIFT_MIN * change[0]]
        if moved:
            before_mhz, after_mhz, clock = max(moved, key=lambda change: (abs(change[1] - change[0]), change[2]))
            from_to = f"{quantity(before_mhz, 'MHz')} to {quantity(after_mhz, 'MHz')}"
            others = f", {counted(len(moved) - 1, 'other clock')} changed too" if len(moved) > 1 else ""
            yield f"{clock} from {from_to}{others}"


def _throttled_what(series: Series) -> str:
    """Return `gpu0 throttled (thermal)`."""
    attributes = dict(series.channel.attributes)
    cause = cause_of(series)
    return f"{attributes.get(channels.HW_ID, 'CPU')} throttled" + (
        f" ({cause.replace('_', ' ')})" if cause else ""
    )


def _growth(values: NDArray[np.float64]) -> float:
    return float(values[-1] - values[0]) if values.size else 0.0


def _grown(series: Series, growth: float) -> str:
    if series.channel.name == channels.THROTTLE_TIME:
        return f"its counter grew by {quantity(growth / NS_PER_MS, 'ms')}"
    return f"counted {counted(round(growth), 'time')}"


def _clock_name(series: Series) -> str:
    """Return `GPU clock gpu0`; the key's own name for a clock that has no other."""
    channel = series.channel
    attributes = dict(channel.attributes)
    which = attributes.get(channels.HW_ID) or attributes.get("cpu.logical_number") or ""
    return f"{_CLOCK_WORDS.get(channel.name, channel.name)} {which}".rstrip()


def _between(series: Series, begin_ns: int, end_ns: int) -> NDArray[np.float64]:
    first, end = np.searchsorted(series.t_ns, [begin_ns, end_ns]).tolist()
    return series.value[first:end]


def _mean_mhz(values_hz: NDArray[np.float64]) -> float:
    return float(np.cumsum(values_hz / values_hz.size)[-1]) / _HZ_PER_MHZ
