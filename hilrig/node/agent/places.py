"""Where desired states are found, their releases too: a folder or a web server, nowhere else.

A redirect is not followed: it could lead from a web server into this machine's own files or services.
"""

import http.client
import os
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

from hilrig.core.errors import TrustError
from hilrig.node.agent.errors import DownloadError

STALL_S: Final = 20.0
"""A server that sends nothing for so long has lost us; the next try goes on where this one ended."""

DRIP_BYTES: Final = 1 << 14
"""Fewer bytes in STALL_S are no download: at this rate a model of 20 MiB would take seven hours."""
CHUNK_BYTES: Final = 1 << 18

_SCHEMES: Final = ("http", "https")


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A file that is being read.

    Args:
        chunks: its bytes from `offset` on, as they come.
        offset: where they begin: 0 where the place cannot begin later.
        n_bytes: that there should be; None where the server does not say.
    """

    chunks: Iterator[bytes]
    offset: int
    n_bytes: int | None


class FolderPlace:
    """A folder on this machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __str__(self) -> str:
        return str(self._folder)

    @contextmanager
    def opened(self, path: str, *, offset: int) -> Iterator[Opened]:
        """Open a regular file; a link, a pipe or a device is refused."""
        with open_regular(self._folder / path) as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(min(offset, size))
            chunks = iter(lambda: file.read(CHUNK_BYTES), b"")
            yield Opened(chunks=chunks, offset=file.tell(), n_bytes=size - file.tell())


class WebPlace:
    """A folder of a web server."""

    def __init__(self, url: str, *, stall_s: float = STALL_S) -> None:
        self._url = url.rstrip("/") + "/"
        self._stall_s = stall_s

    def __str__(self) -> str:
        return self._url

    @contextmanager
    def opened(self, path: str, *, offset: int) -> Iterator[Opened]:
        """Ask for a file, with a Range where it should begin later; a server may begin at its start."""
        headers = {"Range": f"bytes={offset}-"} if offset else {}
        with asked(self._url + path, headers, stall_s=self._stall_s) as answer:
            if answer.status not in {HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT}:
                raise DownloadError(f"{self._url}{path}: status {answer.status}", hint="look at the server's log")
            begins = _range_start(answer) if answer.status == HTTPStatus.PARTIAL_CONTENT else 0
            if begins not in {0, offset}:
                raise DownloadError(
                    f"{self._url}{path}: asked for byte {offset} on, the answer begins at {begins}"
                )
            chunks = _chunks(self._url + path, answer, stall_s=self._stall_s)
            yield Opened(chunks=chunks, offset=begins, n_bytes=answer.length)


def place_of_release(release_url: str, *, found_at: str) -> FolderPlace | WebPlace:
    """Return where a release is, by what a desired state says and where that itself was found.

    Raises:
        TrustError: it is neither a path nor an http(s) URL, or walks out with `..`.
    """
    parts = _split(release_url)
    if parts.scheme and parts.scheme not in _SCHEMES:
        raise TrustError(f"release_url {release_url[:80]!a} is neither a path nor an http(s) URL")
    if ".." in PurePosixPath(unquote(parts.path)).parts or "\\" in release_url:
        raise TrustError(f"release_url {release_url[:80]!a} walks out of its folder")
    if parts.scheme or is_web(found_at):
        joined = urljoin(found_at, release_url) if is_web(found_at) else release_url
        return WebPlace(_web_url(joined))
    return FolderPlace(Path(found_at).parent / release_url)


def is_web(location: str) -> bool:
    """Return whether a location is a URL of a web server rather than a path."""
    return urlsplit(location).scheme in _SCHEMES


@contextmanager
def asked(url: str, headers: Mapping[str, str], *, stall_s: float) -> Iterator[http.client.HTTPResponse]:
    """Ask a web server for `url` and hand out its answer, whose body is not read yet.

    Raises:
        DownloadError: it does not answer, breaks off, or points elsewhere.
    """
    parts = urlsplit(_web_url(url))
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=stall_s)
    try:
        with _lost_as_download_error(url, stall_s=stall_s):
            connection.request("GET", parts.path or "/", headers={"Accept-Encoding": "identity", **headers})
            answer = connection.getresponse()
        _refuse_redirect(url, answer)
        yield answer
    finally:
        connection.close()


def whole_body(url: str, answer: http.client.HTTPResponse, *, max_bytes: int, stall_s: float) -> bytes:
    """Return the body of an answer.

    Raises:
        DownloadError: it is longer than `max_bytes`, breaks off or only drips.
    """
    return joined(url, _chunks(url, answer, stall_s=stall_s), max_bytes=max_bytes)


def joined(name: str, chunks: Iterator[bytes], *, max_bytes: int) -> bytes:
    """Return the chunks of a small file that messages call `name`.

    Raises:
        DownloadError: there are more than `max_bytes`: the rest is not read.
    """
    data = bytearray()
    for chunk in chunks:
        data += chunk
        if len(data) > max_bytes:
            raise DownloadError(f"{name} is longer than {max_bytes} bytes")
    return bytes(data)


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file for reading.

    Raises:
        DownloadError: it is missing, a link, a pipe or anything else.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe would block
    except OSError as error:
        raise DownloadError(f"{path} cannot be read: {error.strerror}", hint="look at what lies there") from error
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise DownloadError(f"{path} should be a regular file, found something else")
    return os.fdopen(fd, "rb")


@contextmanager
def _lost_as_download_error(url: str, *, stall_s: float) -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise DownloadError(f"{url}: nothing came for {stall_s:g} s", hint="look at the network") from error
    except (OSError, http.client.HTTPException) as error:
        raise DownloadError(f"{url}: {error or type(error).__name__}", hint="look at the network") from error


def _chunks(url: str, answer: http.client.HTTPResponse, *, stall_s: float) -> Iterator[bytes]:
    """Yield what comes, as it comes; a server that only drips is given up like one that is silent."""
    began_s, n_bytes = time.monotonic(), 0
    while True:
        with _lost_as_download_error(url, stall_s=stall_s):
            chunk = answer.read1(CHUNK_BYTES)
        if not chunk:
            return
        yield chunk
        n_bytes += len(chunk)
        if time.monotonic() - began_s > stall_s:
            if n_bytes < DRIP_BYTES:
                raise DownloadError(f"{url}: only {n_bytes} bytes came in {stall_s:g} s")
            began_s, n_bytes = time.monotonic(), 0


def _refuse_redirect(url: str, answer: http.client.HTTPResponse) -> None:
    is_redirect = HTTPStatus.MULTIPLE_CHOICES <= answer.status < HTTPStatus.BAD_REQUEST
    if is_redirect and answer.status != HTTPStatus.NOT_MODIFIED:
        raise DownloadError(
            f"{url} points to {answer.headers.get('Location', 'elsewhere')[:120]!a}: redirects are not followed",
            hint="sign a desired state with the final address",
        )


def _range_start(answer: http.client.HTTPResponse) -> int:
    unit, _, rest = answer.headers.get("Content-Range", "").partition(" ")
    start = rest.partition("-")[0]
    return int(start) if unit == "bytes" and start.isascii() and start.isdigit() else -1


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError as error:
        raise TrustError(f"{url[:80]!a} is no address: {error}") from error


def _web_url(url: str) -> str:
    parts = _split(url)
    try:
        _ = parts.port
    except ValueError as error:
        raise TrustError(f"{url[:80]!a} is no address: {error}") from error
    if not parts.hostname or "@" in parts.netloc or parts.query or parts.fragment or not url.isascii():
        raise TrustError(f"{url[:80]!a} should be http(s)://host[:port]/path")
    return url
