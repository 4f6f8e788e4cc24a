"""Latency over time with everything that happened beside it, as data for the page's chart."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from operator import attrgetter
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hilrig.core.analysis import Episode, EpisodeKind
from hilrig.core.document import Document
from hilrig.core.result import Result
from hilrig.core.units import NS_PER_S
from hilrig.core.verdict import ChangePoint, Check, SeriesPoint, ThrottleWindow, WorstFrame
from hilrig.report.scale import bucket_edges_s, latency_limits
from hilrig.report.telemetry_panels import Panel, telemetry_panels
from hilrig.report.values import number, one_line
from hilrig.report.wording import limit_text

LANES_MAX: Final = 6
"""Throttling devices and causes, and co-resident services: more than that are in the tables only."""

_LABEL_CHARS_MAX: Final = 48

_AFTER_S: Final = 0.001
"""The axis ends that much after the last frame at least, so that it is on it."""

_SAME_MOMENT_S: Final = 1e-6
"""Moments in a result are rounded; no two frames are that near to each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A stretch of a lane, in seconds after the start of the measured part; `text` says what it was."""

    begin_s: float
    end_s: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One row below the latency: `kind` decides how its spans are drawn."""

    label: str
    kind: str
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """What the chart shows.

    Args:
        end_s: end of the measured part.
        series: the buckets that the chart falls back to where the page has no raw frames.
        lanes: what happened, one row for each kind of it; dropped and failed frames are not among them.
        first_frame_id: id of the first measured frame, so that the chart can name each; None when that is not
            certain.
    """

    end_s: float
    series: tuple[SeriesPoint, ...]
    limits: tuple[Check, ...]
    lanes: tuple[Lane, ...]
    panels: tuple[Panel, ...]
    result: Result
    first_frame_id: int | None

    @property
    def description(self) -> str:
        """Return what a screen reader says of the latency."""
        slowest_ms = max((point.max_ms for point in self.series if point.max_ms is not None), default=None)
        slowest = "no frame was decided" if slowest_ms is None else f"slowest frame {number(slowest_ms)} ms"
        limits = "".join(f", {_limit_label(check)}" for check in self.limits)
        return one_line(f"Latency over time: {slowest}{limits}. The tables of this page hold the numbers.")

    @property
    def lanes_description(self) -> str:
        """Return what a screen reader says of the lanes."""
        n_dropped = sum(point.n_dropped for point in self.series)
        n_failed = sum(point.n_failed for point in self.series)
        others = "".join(f", {lane.label}: {len(lane.spans):,} times" for lane in self.lanes)
        return one_line(f"What happened when: {n_dropped:,} frames dropped, {n_failed:,} failed{others}.")

    @property
    def value(self) -> dict[str, Any]:
        """Return the data block of the chart."""
        return {
            "end_s": self.end_s,
            "first_frame_id": self.first_frame_id,
            "coarse": _columns(self.series),
            "limits": [{"label": _limit_label(check), "value": check.limit} for check in self.limits],
            "lanes": [asdict(lane) for lane in self.lanes],
            "changes": [
                {"at_s": at_s, "label": _change_label(next(changes))}  # the others of that moment are in the table
                for at_s, changes in groupby(self.result.judgement.change_points, key=attrgetter("t_s"))
            ],
            "panels": [asdict(panel) for panel in self.panels],
        }


def timeline(document: Document) -> Timeline:
    """Return what the chart of a run shows."""
    judgement = document.result.judgement
    edges_s = bucket_edges_s(judgement.latency_series)
    last_ns = document.frames.due_ns[-1:].tolist() if document.frames else []
    return Timeline(
        end_s=max([*edges_s[-1:], *(due_ns / NS_PER_S + _AFTER_S for due_ns in last_ns)], default=0.0) or 1.0,
        series=judgement.latency_series,
        limits=tuple(latency_limits(judgement.checks)),
        lanes=(*_throttle_lanes(judgement.throttle_windows), *_episode_lanes(judgement.episodes)),
        panels=telemetry_panels(judgement),
        result=document.result,
        first_frame_id=_first_frame_id(document),
    )


def _columns(series: Sequence[SeriesPoint]) -> dict[str, list[Any]]:
    return {
        "edges_s": bucket_edges_s(series),
        "n": [point.n for point in series],
        "min": [point.min_ms for point in series],
        "p50": [point.p50_ms for point in series],
        "p99": [point.p99_ms for point in series],
        "max": [point.max_ms for point in series],
        "dropped": [point.n_dropped for point in series],
        "failed": [point.n_failed for point in series],
    }


def _change_label(change: ChangePoint) -> str:
    return one_line(f"{_quantile(change.metric)} {number(change.before_ms)} → {number(change.after_ms)} ms")


def _quantile(metric: str) -> str:
    """Return `p99.9` of `latency_p99_9_ms`."""
    return metric.removeprefix("latency_").removesuffix("_ms").replace("_", ".")


def _limit_label(check: Check) -> str:
    return _short(f"{_quantile(check.metric)} limit {limit_text(check)}")


def _throttle_lanes(windows: Sequence[ThrottleWindow]) -> Iterator[Lane]:
    """Return a lane for each device and cause, in the order in which they first throttled."""
    ordered = sorted(windows, key=lambda window: (window.begin_s, window_name(window)))
    for name in list(dict.fromkeys(window_name(window) for window in ordered))[:LANES_MAX]:
        spans = [
            Span(begin_s=one.begin_s, end_s=one.end_s, text=f"{name}, {one.evidence}")
            for one in ordered
            if window_name(one) == name
        ]
        yield Lane(label=f"throttled, {_short(name)}", kind="throttled", spans=tuple(spans))


def window_name(window: ThrottleWindow) -> str:
    """Return who throttled and why: `gpu0: thermal`; a window without a device is the CPU's."""
    return one_line(f"{window.hw_id or 'CPU'}: {window.cause.replace('_', ' ')}")


def _episode_lanes(episodes: Sequence[Episode]) -> Iterator[Lane]:
    for kind in EpisodeKind:
        spans = [
            Span(begin_s=one.begin_s, end_s=one.end_s, text=one_line(one.text))
            for one in episodes
            if one.kind is kind
        ]
        if spans:
            yield Lane(label=_EPISODES[kind], kind=kind.value, spans=tuple(spans))


_EPISODES: Final = {
    EpisodeKind.HOST_STALL: "host stalled",
    EpisodeKind.GARBAGE_COLLECTION: "garbage collection",
    EpisodeKind.CO_RESIDENT: "co-resident service",
}


def _first_frame_id(document: Document) -> int | None:
    """Return the id of the first measured frame, if the worst frames lie where counting on from it puts them."""
    if document.frames is None:
        return None
    first_id, due_ns = document.result.n_warmup_frames_cut, document.frames.due_ns
    return (
        first_id if all(_is_at(one, first_id, due_ns) for one in document.result.judgement.worst_frames) else None
    )


def _is_at(frame: WorstFrame, first_id: int, due_ns: NDArray[np.int64]) -> bool:
    index = frame.frame_id - first_id
    return 0 <= index < due_ns.size and abs(int(due_ns[index]) / NS_PER_S - frame.t_s) < _SAME_MOMENT_S


def _short(text: str) -> str:
    line = one_line(text)
    return line if len(line) <= _LABEL_CHARS_MAX else line[: _LABEL_CHARS_MAX - 1] + "…"
