"""A stretch of a run as trace events, for Perfetto (ui.perfetto.dev) or chrome://tracing.

Format: Trace Event Format, Google, 2016. Time is in microseconds after the start of the measured part. Frames that
overlap within a stage lie on lanes of their own, since slices of one track must nest.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np

from hilrig.app.export.run_tables import start_ns
from hilrig.app.export.window import Span
from hilrig.core import channels
from hilrig.core.decision import found_labels, labels_of_bits
from hilrig.core.frame import Outcome, OutcomeReason
from hilrig.core.run import RunRecord
from hilrig.core.units import NS_PER_S, NS_PER_US
from hilrig.core.verdict import ThrottleWindow
from hilrig.verdict.telemetry.channels import Series, Telemetry
from hilrig.verdict.throttling.windows import throttle_windows
from hilrig.verdict.window import STAMPS, cut

PROCESS: Final = 1
SPANS, THROTTLE, FEEDER, QUEUE, WORKER = 1, 2, 10_000, 20_000, 30_000
"""Numbers of the tracks; those of a stage's lanes count on from its own: a camera that hung has hundreds."""

TITLES: Final = {
    SPANS: "what this trace holds",
    THROTTLE: "throttling",
    FEEDER: "feeder",
    QUEUE: "queue",
    WORKER: "worker",
}
STAGES: Final = (
    ("preprocess", "t_dequeue_ns", "t_preprocessed_ns"),
    ("infer", "t_preprocessed_ns", "t_inferred_ns"),
    ("decide", "t_inferred_ns", "t_decided_ns"),
)
COUNTERS: Final = frozenset(
    {
        channels.TEMPERATURE,
        channels.GPU_CLOCK,
        channels.MEMORY_CLOCK,
        channels.CPU_FREQUENCY,
        channels.POWER,
        channels.GPU_UTILIZATION,
    }
)
"""Channels that a person holds against slow frames."""

READABLE: Final = {"Hz": ("MHz", 1e-6), "Cel": ("°C", 1.0), "1": ("%", 100.0)}
"""Unit and factor, where a person reads another one."""

Event = dict[str, Any]


def trace_json(record: RunRecord, spans: Sequence[Span], *, said: Mapping[str, str]) -> bytes:
    """Return the trace of some stretches of a run.

    Args:
        record: the run.
        spans: apart from each other, ascending.
        said: what a person reads of the trace as a whole: run, profile, signature.
    """
    events = [*_names(record), *sorted(_events(record, spans), key=_place)]
    document = {"displayTimeUnit": "ms", "otherData": dict(said), "traceEvents": [*_lane_names(events), *events]}
    return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _place(event: Event) -> tuple[int, float, float]:
    """Return where an event stands: by track, then time; of slices that begin together the longest is outside."""
    return event["tid"], event["ts"], -event.get("dur", 0.0)


def _events(record: RunRecord, spans: Sequence[Span]) -> Iterator[Event]:
    base_ns, telemetry = start_ns(record), Telemetry(record)
    windows = throttle_windows(telemetry, cut(record))
    for span in spans:
        yield _slice(SPANS, f"{span.begin_s:.1f} s to {span.end_s:.1f} s", _us(span.begin_s), _us(span.end_s))
        yield from _throttled(windows, span)
    for series in telemetry.series:
        if series.channel.name in COUNTERS:
            yield from _counter(series.valued(), spans, base_ns)
    yield from _frames(record, spans, base_ns)


def _frames(record: RunRecord, spans: Sequence[Span], base_ns: int) -> Iterator[Event]:
    lanes = {track: _Lanes(track) for track in (FEEDER, QUEUE, WORKER)}
    labels = labels_of_bits(record.plan.model.labels, record.plan.pipeline.decide.thresholds)
    for span in spans:
        first, end = np.searchsorted(record.frames["t_intended_ns"], _ns(span, base_ns)).tolist()
        for row in record.frames[first:end]:
            stamps = {name: int(row[name]) - base_ns if row[name] else None for name in STAMPS}
            yield from _frame(row, stamps, labels, lanes)


def _frame(
    row: Any, stamps: Mapping[str, int | None], labels: Sequence[str], lanes: Mapping[int, "_Lanes"]
) -> Iterator[Event]:
    """Yield what became of one frame: a slice on each track that it reached."""
    name, args = f"frame {row['frame_id']}", _args(row, stamps, labels)
    due, released, taken = stamps["t_intended_ns"], stamps["t_release_ns"], stamps["t_dequeue_ns"]
    done = max((stamp for stamp in stamps.values() if stamp is not None), default=0)
    if due is not None and released is not None:
        yield _slice(lanes[FEEDER].free(due, released), name, due / NS_PER_US, released / NS_PER_US, args)
    if released is not None and taken is not None:
        yield _slice(lanes[QUEUE].free(released, taken), name, released / NS_PER_US, taken / NS_PER_US)
    if taken is not None:
        lane = lanes[WORKER].free(taken, done)
        yield _slice(lane, name, taken / NS_PER_US, done / NS_PER_US, args)
        for stage, begin, end in STAGES:
            if stamps[begin] is not None and stamps[end] is not None:
                yield _slice(lane, stage, (stamps[begin] or 0) / NS_PER_US, (stamps[end] or 0) / NS_PER_US)
    if row["outcome"] in (Outcome.DROPPED, Outcome.FAILED):
        track = QUEUE if row["outcome"] == Outcome.DROPPED else WORKER
        yield {**_event("i", track, f"{name} {args['outcome']}", done / NS_PER_US, args), "s": "p"}


def _args(row: Any, stamps: Mapping[str, int | None], labels: Sequence[str]) -> dict[str, Any]:
    """Return what stands beside a frame's slice; what is not known is not there."""
    args: dict[str, Any] = {"frame_id": int(row["frame_id"]), "outcome": _name(Outcome, row["outcome"])}
    if row["reason"]:
        args["reason"] = _name(OutcomeReason, row["reason"])
    due, decided = stamps["t_intended_ns"], stamps["t_decided_ns"]
    if row["outcome"] == Outcome.DECIDED and due is not None and decided is not None:
        args["latency_ms"] = round((decided - due) / 1e6, 6)
        args["found"] = list(found_labels(int(row["defects"]), labels))
    return args


def _name(names: type[Outcome] | type[OutcomeReason], code: int) -> str:
    return names(code).name.lower() if code in {int(one) for one in names} else f"unknown ({code})"


class _Lanes:
    """The lanes of a stage: a slice takes the first one that is free when it begins."""

    def __init__(self, track: int) -> None:
        self._track = track
        self._ends: list[int] = []

    def free(self, begin: int, end: int) -> int:
        """Return the track for a slice, which is taken until its end."""
        lane = next((lane for lane, taken_until in enumerate(self._ends) if taken_until <= begin), len(self._ends))
        self._ends[lane : lane + 1] = [end]
        return self._track + lane


def _throttled(windows: Iterable[ThrottleWindow], span: Span) -> Iterator[Event]:
    """Yield the throttling of a stretch, cut to it; the whole of it stands in the arguments."""
    lanes = _Lanes(THROTTLE)
    for window in windows:
        begin_s, end_s = max(span.begin_s, window.begin_s), min(span.end_s, window.end_s)
        if begin_s < end_s:
            args = {"begin_s": window.begin_s, "end_s": window.end_s, "evidence": window.evidence}
            track = lanes.free(round(begin_s * NS_PER_S), round(end_s * NS_PER_S))
            yield _slice(track, f"{window.hw_id or 'CPU'} {window.cause}", _us(begin_s), _us(end_s), args)


def _counter(valued: Series, spans: Sequence[Span], base_ns: int) -> Iterator[Event]:
    """Yield a channel's readings in each stretch, and as its first the one that stood when it began."""
    unit, factor = READABLE.get(valued.channel.unit, (valued.channel.unit, 1.0))
    for span in spans:
        begin_ns, end_ns = _ns(span, base_ns)
        first, end = np.searchsorted(valued.t_ns, [begin_ns, end_ns]).tolist()
        for at in range(max(0, first - 1), end):
            ts = (max(begin_ns, int(valued.t_ns[at])) - base_ns) / NS_PER_US
            args = {unit: round(float(valued.value[at]) * factor, 3)}
            yield _event("C", 0, f"{valued.channel.key} [{unit}]", ts, args)


def _ns(span: Span, base_ns: int) -> tuple[int, int]:
    return base_ns + round(span.begin_s * NS_PER_S), base_ns + round(span.end_s * NS_PER_S)


def _us(s: float) -> float:
    return round(s * 1e6, 3)


def _slice(track: int, name: str, begin_us: float, end_us: float, args: Mapping[str, Any] | None = None) -> Event:
    duration_us = round(max(0.0, end_us - begin_us), 3)
    return {**_event("X", track, name, begin_us, args), "dur": duration_us}


def _event(phase: str, track: int, name: str, ts_us: float, args: Mapping[str, Any] | None = None) -> Event:
    event = {"ph": phase, "pid": PROCESS, "tid": track, "name": name, "ts": round(ts_us, 3)}
    return {**event, "args": dict(args)} if args else event


def _names(record: RunRecord) -> Iterator[Event]:
    plan = record.plan
    yield {
        "ph": "M",
        "pid": PROCESS,
        "name": "process_name",
        "args": {"name": f"{plan.profile_name} {plan.run_id}"},
    }


def _lane_names(events: Iterable[Event]) -> Iterator[Event]:
    """Yield the title and the order of every track that has an event."""
    for track in sorted({event["tid"] for event in events if event.get("tid")}):
        base = max(number for number in TITLES if number <= track)
        title = TITLES[base] if track == base else f"{TITLES[base]} {track - base + 1}"
        yield {"ph": "M", "pid": PROCESS, "tid": track, "name": "thread_name", "args": {"name": title}}
        yield {"ph": "M", "pid": PROCESS, "tid": track, "name": "thread_sort_index", "args": {"sort_index": track}}
