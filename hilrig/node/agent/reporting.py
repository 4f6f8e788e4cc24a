"""Telling somebody what became of an update, which never changes anything.

Reports go out in order, by best effort. Mender once rolled a good update back after its commit because the
status report failed (mender PR 827). Here a report is written after the fact, kept on disk while nobody takes
it; the oldest goes when there are too many.
"""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from hilrig.core.canonical import canonical_json
from hilrig.target.http_connection import HttpConnection, read_url
from hilrig.target.outcome import FrameError

MAX_REPORTS: Final = 100
SEND_MS: Final = 3_000.0
_MAX_BYTES: Final = 1 << 20

Send = Callable[[Mapping[str, Any]], bool]
"""Sends a report; False: nobody took it."""


class Reports:
    """Reports that wait in a file, one JSON line each.

    Args:
        path: of the file.
        send: sends one; None: they only wait, for whoever looks into the file.
    """

    def __init__(self, path: Path, send: Send | None) -> None:
        self._path = path
        self._send = send

    def add(self, report: Mapping[str, Any]) -> None:
        """Queue a report, then send what waits; whatever goes wrong stays here."""
        waiting = [*self._read(), dict(report)][-MAX_REPORTS:]
        self._write(waiting)
        self.flush()

    def flush(self) -> None:
        """Send what waits, the oldest first, up to the first that nobody takes."""
        waiting = self._read()
        if self._send is None or not waiting:
            return
        n_sent = 0
        while n_sent < len(waiting) and self._send(waiting[n_sent]):
            n_sent += 1
        if n_sent:
            self._write(waiting[n_sent:])

    def waiting(self) -> list[dict[str, Any]]:
        """Return the reports that nobody has taken yet, the oldest first."""
        return self._read()

    def _read(self) -> list[dict[str, Any]]:
        try:
            with self._path.open("rb") as file:
                lines = file.read(_MAX_BYTES).splitlines()
        except OSError:
            return []
        return [report for line in lines if (report := _parsed(line)) is not None]

    def _write(self, reports: list[dict[str, Any]]) -> None:
        new = self._path.with_name(f"{self._path.name}.new")
        with suppress(OSError):  # a full disk costs a report, nothing else
            new.write_bytes(b"".join(canonical_json(report) + b"\n" for report in reports))
            new.replace(self._path)


def send_to(url: str) -> Send:
    """Return what posts a report to `http://host[:port]/path`; status 200 means that it was taken.

    Raises:
        ValueError: the URL is of another form.
    """
    service = read_url(url)

    def send(report: Mapping[str, Any]) -> bool:
        connection = HttpConnection(service, timeout_ms=SEND_MS)
        try:
            headers = {"Content-Type": "application/json"}
            connection.exchange("POST", "", body=canonical_json(report), headers=headers)
        except FrameError:
            return False
        finally:
            connection.close()
        return True

    return send


def _parsed(line: bytes) -> dict[str, Any] | None:
    """Return a report; None for a line that was cut off."""
    try:
        report = json.loads(line)
    except ValueError:
        return None
    return report if isinstance(report, dict) else None
