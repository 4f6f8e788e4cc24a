"""The charts of a report, as its templates write them: data blocks, descriptions, what zooming can show."""

from dataclasses import dataclass

from markupsafe import Markup

from hilrig.core.document import Document
from hilrig.report.blocks import block
from hilrig.report.raw_frames import RawFrames, encode
from hilrig.report.timeline import Timeline, timeline
from hilrig.report.values import number


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineChart:
    """The latency over time: `blocks` is the data that its script reads, `zoom_note` says how fine that is."""

    timeline: Timeline
    zoom_note: str
    blocks: Markup


def timeline_chart(document: Document) -> TimelineChart:
    """Return the chart of a run; the raw frames are packed here, a second or so for a shift's."""
    raw = encode(document.frames) if document.frames else None
    shown = timeline(document)
    blocks = [block("timeline-data", shown.value), *([block("raw-frames", raw.value)] if raw else [])]
    return TimelineChart(timeline=shown, zoom_note=_zoom_note(document, raw), blocks=Markup("\n").join(blocks))


def _zoom_note(document: Document, raw: RawFrames | None) -> str:
    n_buckets = len(document.result.judgement.latency_series)
    if raw is not None:
        return (
            f"All {raw.n:,} measured frames are in this page: zooming cuts them anew and hides none. Latencies "
            f"are in steps of {number(raw.step_us)} µs, rounded up; the slowest frames are exact."
        )
    if document.frames is not None and document.frames.due_ns.size:
        return (
            f"{document.frames.due_ns.size:,} measured frames do not fit into a page: zooming shows the same "
            f"{n_buckets:,} buckets, each with all of its frames. `hilrig export` gives the frames themselves."
        )
    return (
        f"This page was made without the raw frames: zooming shows the same {n_buckets:,} buckets, each with all "
        "of its frames."
    )
