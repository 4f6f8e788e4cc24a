"""What stood beside the frames: stalls of the host, the target's garbage collections, co-resident services."""

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np

from hilrig.core.analysis import Episode, EpisodeKind
from hilrig.core.run import RunEvent
from hilrig.core.telemetry import GC_PAUSE, HOST_STALL
from hilrig.core.units import NS_PER_MS, NS_PER_S, format_duration
from hilrig.verdict.evidence_spans import Spans, spans_of_lengths, spans_of_service
from hilrig.verdict.telemetry.channels import Telemetry
from hilrig.verdict.window import Window
from hilrig.verdict.wording import quantity

N_EPISODES_MAX: Final = 300
"""About 40 kB of result.json, and more than a chart 1000 pixels wide can show apart."""

COLLECTION_NS_MIN: Final = NS_PER_MS
"""A shorter collection makes no frame late that anybody would ask about."""

_WORDS: Final = {
    EpisodeKind.HOST_STALL: "host stall",
    EpisodeKind.GARBAGE_COLLECTION: "garbage collection",
}


class _Stretch(NamedTuple):
    """An episode as it was, not yet cut to the measured part; `name` is that of a co-resident service."""

    kind: EpisodeKind
    begin_ns: int
    end_ns: int
    name: str = ""


def episodes(telemetry: Telemetry, window: Window, events: tuple[RunEvent, ...]) -> tuple[Episode, ...]:
    """Return the episodes that reach into the measured part, cut to it, by their begin: at most the 300 longest.

    The text of a stall or a collection has its whole length, that of a service its time in the measured part.
    """
    stalls = spans_of_lengths(telemetry.named(HOST_STALL))
    collections = spans_of_lengths(telemetry.named(GC_PAUSE))
    found = [
        *_longest(EpisodeKind.HOST_STALL, stalls, window),
        *_longest(EpisodeKind.GARBAGE_COLLECTION, collections, window, at_least_ns=COLLECTION_NS_MIN),
    ]
    for name, spans in spans_of_service(events).items():
        found += _longest(EpisodeKind.CO_RESIDENT, spans, window, name=name)
    longest = sorted(found, key=lambda one: (-_inside_ns(one, window), one.begin_ns))[:N_EPISODES_MAX]
    return tuple(_episode(one, window) for one in sorted(longest, key=lambda one: (one.begin_ns, one.end_ns)))


def _longest(
    kind: EpisodeKind, spans: Spans, window: Window, *, name: str = "", at_least_ns: int = 1
) -> Iterator[_Stretch]:
    """Yield the spans that reach furthest into the measured part, the earlier one of equals first."""
    inside_ns = np.minimum(spans.end_ns, window.end_ns) - np.maximum(spans.begin_ns, window.start_ns)
    counts = np.flatnonzero((inside_ns > 0) & (spans.end_ns - spans.begin_ns >= at_least_ns))
    for index in counts[np.argsort(-inside_ns[counts], kind="stable")[:N_EPISODES_MAX]].tolist():
        yield _Stretch(kind, int(spans.begin_ns[index]), int(spans.end_ns[index]), name)


def _inside_ns(one: _Stretch, window: Window) -> int:
    return min(one.end_ns, window.end_ns) - max(one.begin_ns, window.start_ns)


def _episode(one: _Stretch, window: Window) -> Episode:
    return Episode(
        kind=one.kind,
        begin_s=(max(one.begin_ns, window.start_ns) - window.start_ns) / NS_PER_S,
        end_s=(min(one.end_ns, window.end_ns) - window.start_ns) / NS_PER_S,
        text=_text(one, window),
    )


def _text(one: _Stretch, window: Window) -> str:
    if one.kind is EpisodeKind.CO_RESIDENT:
        return f"co-resident {one.name} at work for {format_duration(_inside_ns(one, window) / NS_PER_S)}"
    length = quantity((one.end_ns - one.begin_ns) / NS_PER_MS, "ms")
    return f"{_WORDS[one.kind]} of {length}"
