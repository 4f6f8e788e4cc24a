"""When the hardware throttled, as stretches of the measured part.

It is for looking, and for the chart to shade.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hilrig.core import channels
from hilrig.core.units import NS_PER_S
from hilrig.core.verdict import ThrottleWindow
from hilrig.verdict.evidence_spans import Spans, spans_of_elapsed, spans_of_growth, spans_of_state
from hilrig.verdict.telemetry.channels import Series, Telemetry
from hilrig.verdict.telemetry.metric_channels import cause_of, hw_id_of
from hilrig.verdict.throttling.asked_devices import THROTTLE_NAMES
from hilrig.verdict.window import Window

N_WINDOWS_MAX: Final = 200
"""About 20 kB of result.json, and more stretches than a chart 1000 pixels wide can tell apart."""

COUNTED: Final = "counted"
SEEN: Final = "seen in its state"

NEVER_MERGED_NS: Final = int(np.iinfo(np.int64).max)
"""Between the last window of one device and the first of the next."""


class _Stretches:
    """All windows of one device and cause, in the order of time."""

    def __init__(self, cause: str, hw_id: str, found: Sequence[Series], window: Window) -> None:
        self.cause, self.hw_id = cause, hw_id
        counted = _counted(found)
        both = _union(counted, spans_of_state(_named(found, channels.THROTTLE_STATE)))
        begin_ns = np.maximum(both.begin_ns, window.start_ns)
        end_ns = np.minimum(both.end_ns, window.end_ns)
        is_inside = begin_ns < end_ns
        self.begin_ns, self.end_ns = begin_ns[is_inside], end_ns[is_inside]
        self._counted, self._start_ns = counted, window.start_ns

    def gaps_ns(self) -> NDArray[np.int64]:
        """Return how far each window is from the one before it."""
        before = self.begin_ns[1:] - self.end_ns[:-1]
        return np.append(np.full(min(1, self.begin_ns.size), NEVER_MERGED_NS, np.int64), before)

    def merged(self, is_merged: NDArray[np.bool_]) -> Iterator[ThrottleWindow]:
        """Yield the windows, those of `is_merged` as one with the window before them."""
        is_last = np.append(~is_merged, True)[1:]
        begin_ns, end_ns = self.begin_ns[~is_merged], self.end_ns[is_last]
        is_counted = self._counted.overlap_ns(begin_ns, end_ns) > 0
        for begin, end, counted in zip(begin_ns.tolist(), end_ns.tolist(), is_counted.tolist(), strict=True):
            yield ThrottleWindow(
                begin_s=(begin - self._start_ns) / NS_PER_S,
                end_s=(end - self._start_ns) / NS_PER_S,
                cause=self.cause,
                hw_id=self.hw_id,
                evidence=COUNTED if counted else SEEN,
            )


def throttle_windows(telemetry: Telemetry, window: Window) -> tuple[ThrottleWindow, ...]:
    """Return the stretches in which devices throttled, by their begin; an empty `hw_id` is the CPU.

    A stretch reaches from the reading before it was noticed to the one after. Where there are more than 200, the
    closest neighbours of one device and cause become one. Peaks of current are left out: sound boards have them.
    """
    groups: dict[tuple[str, str], tuple[Series, ...]] = {}
    for series in telemetry.series:
        if series.channel.name in THROTTLE_NAMES and cause_of(series) != channels.CAUSE_CURRENT_PEAK:
            place = (cause_of(series), hw_id_of(series))
            groups[place] = (*groups.get(place, ()), series)
    stretches = [_Stretches(cause, hw_id, found, window) for (cause, hw_id), found in groups.items()]
    windows = [one for each, merged in _few_enough(stretches) for one in each.merged(merged)]
    return tuple(sorted(windows, key=lambda one: (one.begin_s, one.end_s, one.cause, one.hw_id)))


def _few_enough(stretches: Sequence[_Stretches]) -> Iterator[tuple[_Stretches, NDArray[np.bool_]]]:
    """Yield which windows are one with the window before them, so that no more than 200 are left of all."""
    gaps_ns = [one.gaps_ns() for one in stretches]
    joined_ns = np.concatenate([np.zeros(0, np.int64), *gaps_ns])
    n_merged = max(0, joined_ns.size - N_WINDOWS_MAX)
    is_merged = np.zeros(joined_ns.size, np.bool_)
    is_merged[np.argsort(joined_ns, kind="stable")[:n_merged]] = True
    is_merged &= joined_ns != NEVER_MERGED_NS
    ends = np.cumsum([gaps.size for gaps in gaps_ns], dtype=np.int64)[:-1]
    yield from zip(stretches, np.split(is_merged, ends), strict=True) if stretches else ()


def _counted(found: Sequence[Series]) -> Spans:
    events = spans_of_growth(_named(found, channels.THROTTLE_EVENTS))
    return _union(events, spans_of_elapsed(_named(found, channels.THROTTLE_TIME)))


def _named(found: Sequence[Series], name: str) -> list[Series]:
    return [series for series in found if series.channel.name == name]


def _union(one: Spans, other: Spans) -> Spans:
    return Spans(np.concatenate((one.begin_ns, other.begin_ns)), np.concatenate((one.end_ns, other.end_ns)))
