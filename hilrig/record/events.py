"""The events of a run: one JSON line each, on the disk before the call returns."""

import hashlib
import io
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from hilrig.config.noun_json import from_json
from hilrig.core import files
from hilrig.core.canonical import canonical_json
from hilrig.core.errors import RecordError
from hilrig.core.run import RunEvent
from hilrig.core.units import BYTES_PER_MIB
from hilrig.record.loss import Loss
from hilrig.record.run_directory import create_file, write_all
from hilrig.record.untrusted_file import read_untrusted

EVENTS_MAX_BYTES: Final = 16 * BYTES_PER_MIB
EVENT_MAX_BYTES: Final = BYTES_PER_MIB


def event_line(event: RunEvent) -> bytes:
    """Return an event as it stands in events.jsonl.

    Raises:
        RecordError: its detail is not JSON, or is too large.
    """
    try:
        line = canonical_json(asdict(event)) + b"\n"
    except (ValueError, TypeError) as error:
        raise RecordError(f"the detail of event {event.kind} should be JSON: {error}") from error
    if len(line) > EVENT_MAX_BYTES:
        raise RecordError(f"event {event.kind} should have at most {EVENT_MAX_BYTES} bytes, found {len(line)}")
    return line


class EventWriter:
    """A new events.jsonl. Used by one thread.

    Raises:
        OSError: the file exists or cannot be made.
    """

    def __init__(self, folder: Path) -> None:
        self._fd = create_file(folder / files.EVENTS)
        self._n_events = self._n_bytes = 0
        self._digest = hashlib.sha256()

    def append(self, kind: str, detail: Mapping[str, Any], *, t_ns: int, at_utc: str) -> None:
        """Append an event; when it returns, a power cut cannot take the event any more.

        Raises:
            RecordError: `detail` is not JSON.
            OSError: the disk is full or broken; the file keeps no part of the event.
        """
        line = event_line(RunEvent(seq=self._n_events, t_ns=t_ns, at_utc=at_utc, kind=kind, detail=dict(detail)))
        try:
            write_all(self._fd, line, self._n_bytes)
            os.fdatasync(self._fd)
        except OSError:
            with suppress(OSError):  # a torn last line is what `read_events` counts
                os.ftruncate(self._fd, self._n_bytes)
            raise
        self._n_events += 1
        self._n_bytes += len(line)
        self._digest.update(line)

    @property
    def sha256(self) -> str:
        """Return the digest of all that was appended."""
        return self._digest.hexdigest()

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventLog:
    """The whole events before the first line that is torn or out of order.

    Args:
        data: the bytes of the whole lines.
        tail: the bytes behind them.
    """

    events: tuple[RunEvent, ...]
    data: bytes
    tail: bytes
    loss: Loss


def read_events(folder: Path) -> EventLog:
    """Return the events of a run directory, as far as they are whole.

    Raises:
        RecordError: the file is a link, is no regular file, is too large, or cannot be read.
    """
    data = read_untrusted(folder / files.EVENTS, max_bytes=EVENTS_MAX_BYTES)
    if data is None:
        return _log([], b"", b"", f"{files.EVENTS} is missing")
    events: list[RunEvent] = []
    n_bytes = 0
    for line in io.BytesIO(data):
        event, problem = _parse(line, seq=len(events))
        if event is None:
            return _log(events, data[:n_bytes], data[n_bytes:], problem)
        events.append(event)
        n_bytes += len(line)
    return _log(events, data, b"", "")


def _parse(line: bytes, *, seq: int) -> tuple[RunEvent | None, str]:
    if not line.endswith(b"\n"):
        return None, "the last line is torn"
    if len(line) > EVENT_MAX_BYTES:
        return None, f"expected at most {EVENT_MAX_BYTES} bytes in a line, found {len(line)}"
    try:
        event = from_json(RunEvent, line, what=f"{files.EVENTS}:{seq + 1}")
    except RecordError as error:
        return None, error.message
    return (event, "") if event.seq == seq else (None, f"expected seq {seq}, found {event.seq}")


def _log(events: list[RunEvent], data: bytes, tail: bytes, problem: str) -> EventLog:
    loss = Loss(
        stream="events",
        n_batches_kept=len(events),
        n_rows_kept=len(events),
        n_lines_dropped=len(tail.splitlines()),
        n_line_bytes_dropped=len(tail),
        where=f"{files.EVENTS}:{len(events) + 1}" if problem else "",
        why=problem,
    )
    return EventLog(events=tuple(events), data=data, tail=tail, loss=loss)
