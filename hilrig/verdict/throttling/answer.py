"""What one device says of its throttling for one cause, with how it knows.

A counter that was read at both edges misses nothing in between. A state is true only of the moments at which it
was read: a hit is a hit, but none is no proof, unless it was read all along and the clock was never seen below
the one that the profile states.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hilrig.core import channels
from hilrig.core.units import NS_PER_MS
from hilrig.verdict.evidence_spans import Spans
from hilrig.verdict.telemetry.channels import Series, Telemetry, over_measured_part
from hilrig.verdict.telemetry.coverage import holes
from hilrig.verdict.telemetry.devices import CPU
from hilrig.verdict.telemetry.sampling import COUNTED, evidence_of
from hilrig.verdict.throttling.held_clocks import how_held
from hilrig.verdict.window import Window

WENT_BACK: Final = "the counter went back during the run: its source was reset"
NO_EDGES: Final = "no reading at both edges of the measured part"

_PARTS: Final = frozenset({"sw_thermal", "hw_thermal"})
"""Sources of an NVIDIA GPU that are parts of one whole: slowed down by the driver, by the hardware."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One device's number: `value` is None when it is not known, and `reason` says why.

    Args:
        hw_id: the device, `CPU` for the processor.
        value: episodes, or ms.
        n: channels behind it.
        evidence: how it is known.
    """

    hw_id: str
    value: float | None
    n: int = 0
    evidence: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Counter:
    """A counter over the measured part, from its reading at the start to the one at the end."""

    series: Series
    t_ns: NDArray[np.int64]
    value: NDArray[np.float64]

    @property
    def growth(self) -> float:
        return float(self.value[-1] - self.value[0])


def count_episodes(hw_id: str, found: Sequence[Series], telemetry: Telemetry, window: Window) -> Answer:
    """Return how often a device throttled.

    Args:
        hw_id: the device; empty for the CPU.
        found: its throttle channels of one cause.
        telemetry: of the run.
        window: the measured part.
    """
    name, counters, n_hits = hw_id or CPU, _counters(found, window), _n_hits(found, window)
    if any((np.diff(counter.value) < 0).any() for counter in counters):
        return Answer(hw_id=name, value=None, reason=WENT_BACK)
    n_counted = max(_n_events(counters), _n_stretches(counters))
    if n_hits > n_counted:
        states = _states(found)
        return Answer(hw_id=name, value=n_hits, n=len(states), evidence=_seen(states, window))
    if counters:
        return Answer(hw_id=name, value=n_counted, n=len(counters), evidence=COUNTED)
    return _from_silent_states(hw_id, found, telemetry, window)


def time_ms(hw_id: str, found: Sequence[Series], window: Window) -> Answer:
    """Return how long a device throttled; counters of one device tell of the same time, so the largest counts."""
    name = hw_id or CPU
    timers = [counter for counter in _counters(found, window) if _is_time(counter.series)]
    if not timers:
        return Answer(hw_id=name, value=None, reason=_why_silent([one for one in found if _is_time(one)]))
    if any((np.diff(timer.value) < 0).any() for timer in timers):
        return Answer(hw_id=name, value=None, reason=WENT_BACK)
    parts_ns = sum(timer.growth for timer in timers if _source(timer.series) in _PARTS)
    longest_ns = max(parts_ns, *(timer.growth for timer in timers))
    return Answer(hw_id=name, value=longest_ns / NS_PER_MS, n=len(timers), evidence=COUNTED)


def _from_silent_states(hw_id: str, found: Sequence[Series], telemetry: Telemetry, window: Window) -> Answer:
    """Return that states which saw nothing mean no throttling, or why they can't tell."""
    name, states = hw_id or CPU, [one for one in _states(found) if one.valued().within(window).t_ns.size]
    if not states:
        return Answer(hw_id=name, value=None, reason=_why_silent(found))
    thin = [hole for series in states for hole in holes(window, series)]
    sampled, held = evidence_of(states[0], window.plan), how_held(hw_id, telemetry, window)
    if thin:
        reason = f"only its state was read, and that has holes: {thin[0]}"
    elif _is_unexplained(hw_id, telemetry, window):
        reason = "it was seen slowed down for a cause that it does not name"
    elif not held:
        reason = (
            f"only its state was read, {sampled}, and never seen throttled: between two samples it may have; "
            "state the clock that the line needs in resources.gpu_clock_min_mhz"
        )
    else:
        return Answer(hw_id=name, value=0, n=len(states), evidence=f"not seen in its state, {sampled}, {held}")
    return Answer(hw_id=name, value=None, reason=reason)


def _counters(found: Sequence[Series], window: Window) -> list[_Counter]:
    """Return the counters that have a reading at both edges; another of the same device may stand for the rest."""
    counters = []
    for series in found:
        value = None if series.channel.name == channels.THROTTLE_STATE else over_measured_part(series, window)
        if value is not None:
            t_ns = series.valued().t_ns
            first = max(0, int(np.searchsorted(t_ns, window.start_ns, side="right")) - 1)
            counters.append(_Counter(series=series, t_ns=t_ns[first : first + value.size], value=value))
    return counters


def _n_events(counters: Sequence[_Counter]) -> float:
    return sum(counter.growth for counter in counters if not _is_time(counter.series))


def _n_stretches(counters: Sequence[_Counter]) -> int:
    """Return the stretches in which time in throttling grew.

    A counter of events moves as an episode begins, one of time may move as it ends: an episode from before the
    measured part that ended in it is only in the time.
    """
    begins_ns, ends_ns = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for counter in counters:
        if _is_time(counter.series):
            grew = np.flatnonzero(np.diff(counter.value) > 0)
            begins_ns.append(counter.t_ns[grew])
            ends_ns.append(counter.t_ns[grew + 1])
    return int(Spans(np.concatenate(begins_ns), np.concatenate(ends_ns)).begin_ns.size)


def _n_hits(found: Sequence[Series], window: Window) -> int:
    """Return how often a state was seen to begin; one that held from the first reading on counts too."""
    seen = [series.valued().within(window).value != 0 for series in _states(found)]
    return max((int(np.count_nonzero(hit & ~np.append(False, hit[:-1]))) for hit in seen if hit.size), default=0)


def _is_unexplained(hw_id: str, telemetry: Telemetry, window: Window) -> bool:
    place = ((channels.HW_ID, hw_id),) if hw_id else ()
    unknown = (channels.CAUSE, channels.CAUSE_UNKNOWN)
    return _n_hits(telemetry.named(channels.THROTTLE_STATE, unknown, *place), window) > 0


def _states(found: Sequence[Series]) -> list[Series]:
    return [series for series in found if series.channel.name == channels.THROTTLE_STATE]


def _seen(states: Sequence[Series], window: Window) -> str:
    return f"seen in its state, {evidence_of(states[0], window.plan)}"


def _is_time(series: Series) -> bool:
    return series.channel.name == channels.THROTTLE_TIME


def _source(series: Series) -> str:
    return dict(series.channel.attributes).get("source", "")


def _why_silent(found: Sequence[Series]) -> str:
    if not found:
        return "no channel tells of it"
    if any(series.valued().t_ns.size for series in found):
        return NO_EDGES
    return "; ".join(dict.fromkeys(series.why_empty() for series in found))
