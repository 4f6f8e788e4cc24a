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
from hilrig.verdict.channels import Series, Telemetry
from hilrig.verdict.metric_channels import cause_of
from hilrig.verdict.window import INTENDED, Window
from hilrig.verdict.wording import counted, quantity

COUNTERS: Final = (channels.THROTTLE_EVENTS, channels.THROTTLE_TIME)
CLOCK_UNIT: Final = "Hz"
CLOCK_SHIFT_MIN: Final = 0.1
"""Governors move a clock by a few per cent all the time."""

ROUTINE_EVENTS: Final = frozenset({"clock", "schedule", "run_created", "child_ready"})
_HZ_PER_MHZ: Final = 1_000_000


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
        for series in self._counters:
            values = _between(series, begin_ns, end_ns)
            if values.size and values[-1] > values[0]:
                yield f"{series.channel.key} grew by {_grown(series, float(values[-1] - values[0]))}"
        for series in self._states:
            if _between(series, begin_ns, end_ns).any():
                yield f"{series.channel.key} was seen"

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
                changes.append((_mean_mhz(before), _mean_mhz(after), series.channel.key))
        moved = [change for change in changes if abs(change[1] - change[0]) > CLOCK_SHIFT_MIN * change[0]]
        if moved:
            before_mhz, after_mhz, key = max(moved, key=lambda change: (abs(change[1] - change[0]), change[2]))
            from_to = f"{quantity(before_mhz, 'MHz')} to {quantity(after_mhz, 'MHz')}"
            yield f"{counted(len(moved), 'clock')} changed, {key} from {from_to}"


def _grown(series: Series, growth: float) -> str:
    if series.channel.name == channels.THROTTLE_TIME:
        return quantity(growth / NS_PER_MS, "ms")
    return quantity(growth, series.channel.unit.strip("{}"))


def _between(series: Series, begin_ns: int, end_ns: int) -> NDArray[np.float64]:
    first, end = np.searchsorted(series.t_ns, [begin_ns, end_ns]).tolist()
    return series.value[first:end]


def _mean_mhz(values_hz: NDArray[np.float64]) -> float:
    return float(np.cumsum(values_hz / values_hz.size)[-1]) / _HZ_PER_MHZ
