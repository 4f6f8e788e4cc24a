"""Looking at the desired state at intervals, to tell whether it is another one."""

import email.message
import random
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final, Protocol

from hilrig.attest.dsse import MAX_ENVELOPE_BYTES
from hilrig.node.agent.errors import DownloadError
from hilrig.node.agent.places import STALL_S, asked, is_web, open_regular, whole_body

JITTER: Final = 0.2
"""A fleet that was switched on at once would otherwise ask at once for ever."""


class Watch(Protocol):
    """A desired state that somebody else replaces now and then."""

    def look(self) -> bytes | None:
        """Return its bytes; None when it is surely the same as at the last look that returned bytes.

        Raises:
            DownloadError: it is not there or cannot be read.
        """


def watch(location: str) -> Watch:
    """Return the watch over a path or an http(s) URL."""
    return WebWatch(location) if is_web(location) else FileWatch(Path(location))


def jittered(period_s: float, draw: Callable[[], float] = random.random) -> float:
    """Return a pause of about `period_s`; `draw` gives numbers from 0 to 1."""
    return period_s * (1 + JITTER * (2 * draw() - 1))


class FileWatch:
    """A file: the same while its change time, size and inode are."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, ...] = ()

    def look(self) -> bytes | None:
        """Return the bytes of a file that was replaced or written to."""
        with open_regular(self._path) as file:
            found = self._path.stat()
            stamp = (found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino)
            if stamp == self._seen:
                return None
            data = file.read(MAX_ENVELOPE_BYTES + 1)
        self._seen = stamp
        return data


@dataclass(frozen=True, slots=True)
class _Validators:
    """What a server gave to ask by next time (RFC 9110, 8.8)."""

    etag: str = ""
    last_modified: str = ""

    @staticmethod
    def of(headers: email.message.Message) -> "_Validators":
        return _Validators(headers.get("ETag", ""), headers.get("Last-Modified", ""))

    def headers(self) -> dict[str, str]:
        asked_by = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {name: value for name, value in asked_by.items() if value}


class WebWatch:
    """A URL, asked for with the conditions that its last answer gave."""

    def __init__(self, url: str, *, stall_s: float = STALL_S) -> None:
        self._url = url
        self._stall_s = stall_s
        self._validators = _Validators()

    def look(self) -> bytes | None:
        """Return the body; None where the server says that it is the same."""
        with asked(self._url, self._validators.headers(), stall_s=self._stall_s) as answer:
            if answer.status == HTTPStatus.NOT_MODIFIED:
                return None
            if answer.status != HTTPStatus.OK:
                raise DownloadError(f"{self._url}: status {answer.status}", hint="look at the server's log")
            data = whole_body(self._url, answer, max_bytes=MAX_ENVELOPE_BYTES, stall_s=self._stall_s)
            self._validators = _Validators.of(answer.headers)
        return data
