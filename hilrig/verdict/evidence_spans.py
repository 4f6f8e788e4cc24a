"""Evidence that lasts: times in which something is known to have gone on.

It has a beginning and an end.
"""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from hilrig.core.run import RunEvent
from hilrig.verdict.telemetry.channels import Series

TimesNs = NDArray[np.int64]


class Spans:
    """Stretches of time, merged where they touch.

    Args:
        begin_ns: when each begins, CLOCK_MONOTONIC, in any order.
        end_ns: when each ends, not before it begins.
    """

    def __init__(self, begin_ns: TimesNs, end_ns: TimesNs) -> None:
        order = np.argsort(begin_ns, kind="stable")
        begin_ns, reach_ns = begin_ns[order], np.maximum.accumulate(end_ns[order])
        is_first = np.concatenate((np.ones(min(1, begin_ns.size), np.bool_), begin_ns[1:] > reach_ns[:-1]))
        is_last = np.concatenate((is_first[1:], np.ones(min(1, begin_ns.size), np.bool_)))
        self.begin_ns, self.end_ns = begin_ns[is_first], reach_ns[is_last]
        self._before_ns = np.concatenate((np.zeros(1, np.int64), np.cumsum(self.end_ns - self.begin_ns)))

    def overlap_ns(self, begin_ns: TimesNs, end_ns: TimesNs) -> TimesNs:
        """Return how much of each asked stretch is covered, in nanoseconds."""
        return self._covered_ns(end_ns) - self._covered_ns(begin_ns)

    def _covered_ns(self, until_ns: TimesNs) -> TimesNs:
        """Return how much is covered before each moment."""
        n_begun = np.searchsorted(self.begin_ns, until_ns)
        if not self.begin_ns.size:
            return np.zeros(until_ns.size, np.int64)
        not_yet_ns = np.maximum(0, self.end_ns[n_begun - 1] - until_ns)
        covered_ns: TimesNs = self._before_ns[n_begun] - np.where(n_begun > 0, not_yet_ns, 0)
        return covered_ns


def spans_of_lengths(found: Iterable[Series]) -> Spans:
    """Return the spans of channels whose readings are a start and a length in ns: stalls, collections."""
    return _joined((one.t_ns, one.t_ns + one.value.astype(np.int64)) for one in map(Series.valued, found))


def spans_of_state(found: Iterable[Series]) -> Spans:
    """Return when a state other than 0 can have held: from the reading before one that saw it to the one after."""
    return _joined(_around(one.t_ns, one.value != 0) for one in map(Series.valued, found))


def spans_of_growth(found: Iterable[Series]) -> Spans:
    """Return between which readings counters grew."""
    return _joined(_grown(one.t_ns, np.diff(one.value) > 0) for one in map(Series.valued, found))


def spans_of_elapsed(found: Iterable[Series]) -> Spans:
    """Return when counters of elapsed ns were at work; one that moves only as an episode ends reaches back."""
    return _joined(_reaching_back(one) for one in map(Series.valued, found))


def spans_of_service(events: Iterable[RunEvent]) -> dict[str, Spans]:
    """Return by name when each co-resident service was active; one that never stopped is active to the end."""
    began: dict[str, int] = {}
    active: dict[str, list[tuple[int, int]]] = {}
    for event in events:
        if event.kind != "co_resident":
            continue
        name = str(event.detail.get("name"))
        if event.detail.get("state") == "start":
            began.setdefault(name, event.t_ns)
        elif name in began:
            active.setdefault(name, []).append((began.pop(name), event.t_ns))
    for name, begin_ns in began.items():
        active.setdefault(name, []).append((begin_ns, np.iinfo(np.int64).max))
    return {name: Spans(*np.array(stretches, np.int64).T) for name, stretches in active.items()}


def _around(t_ns: TimesNs, is_seen: NDArray[np.bool_]) -> tuple[TimesNs, TimesNs]:
    seen = np.flatnonzero(is_seen)
    return t_ns[np.maximum(seen - 1, 0)], t_ns[np.minimum(seen + 1, t_ns.size - 1)]


def _grown(t_ns: TimesNs, has_grown: NDArray[np.bool_]) -> tuple[TimesNs, TimesNs]:
    before = np.flatnonzero(has_grown)
    return t_ns[before], t_ns[before + 1]


def _reaching_back(series: Series) -> tuple[TimesNs, TimesNs]:
    grown_ns = np.diff(series.value)
    begin_ns, end_ns = _grown(series.t_ns, grown_ns > 0)
    return np.minimum(begin_ns, end_ns - grown_ns[grown_ns > 0].astype(np.int64)), end_ns


def _joined(parts: Iterator[tuple[TimesNs, TimesNs]]) -> Spans:
    begins_ns, ends_ns = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for begin_ns, end_ns in parts:
        begins_ns.append(begin_ns)
        ends_ns.append(end_ns)
    return Spans(np.concatenate(begins_ns), np.concatenate(ends_ns))
