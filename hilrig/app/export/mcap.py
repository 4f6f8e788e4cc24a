"""A stretch of a run as an MCAP file, beside a robot's own recordings.

Foxglove reads it, and so does what else reads such recordings. Messages are JSON with a JSON schema. `log_time`
is UTC, so that they lie beside what other machines recorded.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO, Final

import pandas as pd
from mcap.writer import CompressionType, Writer

from hilrig.app.export.run_tables import events_table, frames_table, readings_table, start_ns
from hilrig.app.export.tables import Progress
from hilrig.app.export.window import Span
from hilrig.core.run import RunRecord
from hilrig.core.units import NS_PER_S

FRAMES, EVENTS, TELEMETRY = "/frames", "/events", "/telemetry/"
_NUMBER: Final[Mapping[str, Any]] = {"type": ["number", "null"]}
_ANY: Final[Mapping[str, Any]] = {}
_TEXT: Final[Mapping[str, Any]] = {"type": ["string", "null"]}
READING: Final = {"value": _NUMBER, "unit": _TEXT, "reason": _TEXT}
EVENT: Final = {"at_utc": _TEXT, "kind": _TEXT, "detail": {"type": "object"}}

Message = tuple[str, int, Mapping[str, Any]]
"""Topic, UTC in ns, content."""


def write_mcap(
    record: RunRecord, spans: Sequence[Span], file: BinaryIO, *, said: Mapping[str, str], progress: Progress
) -> None:
    """Write some stretches of a run.

    Args:
        record: the run.
        spans: apart from each other, ascending.
        file: at its beginning, opened for writing.
        said: what a person reads of the file as a whole; stands in its metadata.
        progress: told how many of how many messages are written.
    """
    messages = sorted(_messages(record, spans), key=lambda one: one[1])
    writer = Writer(file, compression=CompressionType.ZSTD)
    writer.start(profile="", library="hilrig")
    writer.add_metadata("hilrig", dict(said))
    channels: dict[str, int] = {}
    for n_written, (topic, utc_ns, content) in enumerate(messages, start=1):
        if topic not in channels:
            channels[topic] = _register(writer, topic, content)
        data = json.dumps(content, allow_nan=False, separators=(",", ":")).encode()
        writer.add_message(channels[topic], log_time=utc_ns, publish_time=utc_ns, data=data)
        if n_written % 10_000 == 0 or n_written == len(messages):
            progress(n_written, len(messages))
    writer.finish()  # type: ignore[no-untyped-call] # the library leaves its types out


def _register(writer: Writer, topic: str, content: Mapping[str, Any]) -> int:
    known = {FRAMES: dict.fromkeys(content, _ANY), EVENTS: EVENT}.get(topic, READING)
    name = {FRAMES: "hilrig.frame", EVENTS: "hilrig.event"}.get(topic, "hilrig.reading")
    schema = json.dumps({"type": "object", "properties": known}).encode()
    schema_id = writer.register_schema(name=name, encoding="jsonschema", data=schema)
    return writer.register_channel(topic=topic, message_encoding="json", schema_id=schema_id)


def _messages(record: RunRecord, spans: Sequence[Span]) -> Iterator[Message]:
    base_ns = start_ns(record) + _utc_offset_ns(record)
    for table, topic in ((frames_table(record), FRAMES), (events_table(record), EVENTS)):
        for row in _rows(table, spans):
            yield topic, _utc_ns(base_ns, row["t_s"]), row
    for row in _rows(readings_table(record), spans):
        yield TELEMETRY + row.pop("channel"), _utc_ns(base_ns, row.pop("t_s")), row


def _rows(table: pd.DataFrame, spans: Sequence[Span]) -> Iterator[dict[str, Any]]:
    """Yield the rows of the spans as JSON objects, None where nothing is known."""
    for span in spans:
        inside = table[table["t_s"].between(span.begin_s, span.end_s, inclusive="left")]
        for row in inside.astype(object).where(inside.notna(), None).to_dict("records"):
            yield {str(key): value for key, value in row.items()}


def _utc_ns(base_ns: int, t_s: float) -> int:
    return base_ns + round(t_s * NS_PER_S)


def _utc_offset_ns(record: RunRecord) -> int:
    """Return UTC less CLOCK_MONOTONIC at the first reading of both; 0 in a record without one."""
    for event in record.events:
        if event.kind == "clock":
            return int(event.detail["realtime_ns"]) - int(event.detail["monotonic_ns"])
    return 0
