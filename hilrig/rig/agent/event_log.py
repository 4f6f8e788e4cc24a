"""events.jsonl of a run on a rig: numbered lines, each flushed to the disk, read while they are written."""

import json
import os
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from hilrig.rig.agent.disk import sync_folder
from hilrig.rig.agent.seconds import boottime_ns, utc_now

READ_BYTES: Final = 1 << 20
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class EventWriter:
    """A new events.jsonl. What a full disk refuses is kept, and written when there is room again.

    Raises:
        OSError: the file exists or cannot be made.
    """

    OWN: Final = frozenset({"seq", "boottime_ns", "at_utc", "kind"})
    """What an event has of its own; no detail is called so."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, _NEW, 0o644)
        sync_folder(path.parent)
        self._unwritten: deque[dict[str, Any]] = deque()
        self._n_events = self._n_bytes = 0

    @property
    def is_behind(self) -> bool:
        """Return whether something said is not on the disk yet: then nothing that can wait should be added."""
        return bool(self._unwritten)

    def say(self, kind: str, **detail: Any) -> None:
        """Append an event; `detail` is JSON."""
        self._unwritten.append({"boottime_ns": boottime_ns(), "at_utc": utc_now(), "kind": kind, **detail})
        self.flush()

    def flush(self) -> None:
        """Write what is not written yet, as far as the disk takes it."""
        with suppress(OSError):
            while self._unwritten:
                self._append(self._unwritten[0])
                self._unwritten.popleft()

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)

    def _append(self, event: Mapping[str, Any]) -> None:
        data = json.dumps({"seq": self._n_events + 1, **event}, separators=(",", ":")).encode() + b"\n"
        try:
            n_written = os.pwrite(self._fd, data, self._n_bytes)
            while n_written < len(data):
                n_written += os.pwrite(self._fd, data[n_written:], self._n_bytes + n_written)
            os.fdatasync(self._fd)
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._fd, self._n_bytes)
            raise
        self._n_events += 1
        self._n_bytes += len(data)


class LineReader:
    """Reads a file that grows by lines. A line without its end is left until the end is there.

    Args:
        path: the file; it need not be there yet. A link is not followed.
        line_max_bytes: a longer line is passed over, so that memory stays bounded.
    """

    def __init__(self, path: Path, *, line_max_bytes: int) -> None:
        self._path = path
        self._line_max_bytes = line_max_bytes
        self._offset = 0
        self._fd = -1

    def lines(self) -> Iterator[bytes]:
        """Yield the whole lines that came since the last call, without their ends."""
        while data := self._read():
            end = data.rfind(b"\n") + 1
            if end:
                self._offset += end
                yield from data[: end - 1].split(b"\n")
            elif len(data) > self._line_max_bytes:
                self._offset += len(data)  # what follows up to its end is no JSON
            else:
                return

    def close(self) -> None:
        """Close the file."""
        if self._fd >= 0:
            os.close(self._fd)

    def _read(self) -> bytes:
        if self._fd < 0:
            try:
                self._fd = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            except OSError:
                return b""
        if os.fstat(self._fd).st_size <= self._offset:
            return b""
        return os.pread(self._fd, max(READ_BYTES, self._line_max_bytes + 1), self._offset)
