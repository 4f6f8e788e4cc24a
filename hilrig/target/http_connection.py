"""One kept HTTP/1.1 connection to a service, with one deadline for the whole of each exchange.

The standard library's client speaks the protocol. What is added here is what a measurement needs: a service that
sends a byte now and then cannot stretch the timeout, a late answer is never taken for that of the next frame, and
nothing is asked twice: a second try would hide a failure, and might have a part decided twice.
"""

import http.client
import io
import select
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.message import Message
from http import HTTPStatus
from typing import Any, Final, NamedTuple, TypeVar
from urllib.parse import SplitResult, urlsplit

from hilrig.core.frame import OutcomeReason
from hilrig.target.outcome import FrameError, bad_answer

ANSWER_BYTES_MAX: Final = 1 << 20
"""A decision is a few numbers; who sends more than a MiB sends no decision, and must not fill our memory."""
HTTP_PORT: Final = 80
QUOTED_CHARACTERS: Final = 200
TIMEOUT_MS_MAX: Final = 10_000.0
"""Below half of what a run waits for its last frames: a service that hangs is not taken for a fault of ours."""
N_PROBES: Final = 5
"""A cold model may miss a tight deadline at first; it gets a few questions before it is refused."""
_COLD: Final = (OutcomeReason.INFERENCE_ERROR, OutcomeReason.NO_ANSWER)
_T = TypeVar("_T")
Body = bytes | bytearray | memoryview


class Answer(NamedTuple):
    """A complete answer: `body` is all of it, at most ANSWER_BYTES_MAX bytes."""

    status: int
    headers: Message
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceUrl:
    """Where a service is. `path` is what all of its paths start with, without a slash at its end."""

    host: str
    port: int
    path: str

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}{self.path}"


def read_url(url: str) -> ServiceUrl:
    """Return the parts of `http://host[:port][/path]`.

    Raises:
        ValueError: it is not of this form; the message names the key `url` as options do.
    """
    if "@" in url:  # first of all: every other message quotes the url
        raise ValueError("url must not hold a user name or password: it is written into every report")
    parts, port = _split(url)
    if parts.scheme != "http":
        raise ValueError(f"url must start with http:// (https is not supported), found {url}")
    if not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f"url must be http://host:port, found {url}")
    if not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError("url must be plain ASCII without spaces")
    return ServiceUrl(host=parts.hostname, port=HTTP_PORT if port is None else port, path=parts.path.rstrip("/"))


def refuse_timeout(timeout_ms: float) -> None:
    """Refuse a timeout that cannot be meant.

    Raises:
        ValueError: it is not above 0 and at most TIMEOUT_MS_MAX.
    """
    if not 0 < timeout_ms <= TIMEOUT_MS_MAX:
        raise ValueError(f"timeout_ms must be above 0 and at most {TIMEOUT_MS_MAX:g}, found {timeout_ms}")


class HttpConnection:
    """Asks one service, one question at a time.

    Args:
        url: where the service is.
        timeout_ms: for a whole exchange: connecting when needed, sending, waiting, the last byte of the answer.
    """

    def __init__(self, url: ServiceUrl, *, timeout_ms: float) -> None:
        self._url = url
        self._timeout_ms = timeout_ms
        self._deadline = _Deadline()
        self._client = _Client(url, self._deadline)

    def exchange(
        self, method: str, path: str, *, body: Body = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Return the answer with status 200 to one request; `path` starts behind the url's own.

        Raises:
            FrameError: NO_ANSWER in time; TARGET_LOST, it cannot be reached or closed the connection;
                INFERENCE_ERROR, status 4xx or 5xx; BAD_ANSWER, anything else. The connection is closed then.
        """
        self._deadline.end_s = time.monotonic() + self._timeout_ms / 1000
        try:
            return _accepted(self._exchanged(method, self._url.path + path, body, headers or {}))
        except FrameError as error:
            self.close()  # whatever still comes belongs to this question, not to the next one
            raise FrameError(error.reason, f"{method} {self._url}{path}: {error.message}") from error

    def close(self) -> None:
        """Close the connection; the next question opens a new one."""
        self._client.close()

    def _exchanged(self, method: str, path: str, body: Body, headers: Mapping[str, str]) -> Answer:
        try:
            self._client.refuse_unasked()
            self._client.request(method, path, body, dict(headers))
            with self._client.getresponse() as response:
                return Answer(response.status, response.headers, _whole_body(response))
        except TimeoutError as error:
            raise FrameError(OutcomeReason.NO_ANSWER, f"no answer within {self._timeout_ms:g} ms") from error
        except (http.client.RemoteDisconnected, http.client.IncompleteRead) as error:
            raise FrameError(OutcomeReason.TARGET_LOST, "it broke off before the end of its answer") from error
        except OSError as error:
            raise FrameError(OutcomeReason.TARGET_LOST, error.strerror or str(error)) from error
        except (http.client.HTTPException, ValueError) as error:
            raise bad_answer(f"the answer is not HTTP: {type(error).__name__} {quoted(str(error))}") from error


def ask_until_warm(ask: Callable[[], _T], *, n_tries: int = N_PROBES) -> _T:
    """Return what `ask` returns; a service whose model is still cold is asked again.

    Only for questions before the run: a frame is asked for once.

    Raises:
        FrameError: that of the last try.
    """
    try:
        return ask()
    except FrameError as error:
        if error.reason not in _COLD or n_tries == 1:
            raise
    return ask_until_warm(ask, n_tries=n_tries - 1)


def quoted(text: str | bytes) -> str:
    """Return the start of a foreign text as a message quotes it: one line, printable."""
    start = text[:QUOTED_CHARACTERS]
    decoded = start.decode("utf-8", "replace") if isinstance(start, bytes) else start
    return "'" + "".join(letter if letter.isprintable() else "?" for letter in decoded) + "'"


def _split(url: str) -> tuple[SplitResult, int | None]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"url must be http://host:port, found {url}: {error}") from error
    return parts, port


def _whole_body(response: http.client.HTTPResponse) -> bytes:
    body = response.read(ANSWER_BYTES_MAX + 1)
    if len(body) > ANSWER_BYTES_MAX:
        raise bad_answer(f"the answer is longer than {ANSWER_BYTES_MAX} bytes")
    ends_with_the_connection = response.length is None and not response.chunked
    if response.length or (ends_with_the_connection and not body):  # the library minds neither early end
        raise http.client.IncompleteRead(body, response.length)
    return body


def _accepted(answer: Answer) -> Answer:
    if answer.status != HTTPStatus.OK:
        is_error = answer.status >= HTTPStatus.BAD_REQUEST
        reason = OutcomeReason.INFERENCE_ERROR if is_error else OutcomeReason.BAD_ANSWER
        moved = f", it points to {quoted(answer.headers['Location'])}" if "Location" in answer.headers else ""
        raise FrameError(reason, f"status {answer.status}{moved}: {quoted(answer.body)}")
    encoding = answer.headers.get("Content-Encoding", "identity")
    if encoding != "identity":
        raise bad_answer(f"the answer is encoded as {quoted(encoding)}, although plain bytes were asked for")
    return answer


class _Deadline:
    """When the exchange in progress must be over, in seconds of the monotonic clock."""

    def __init__(self) -> None:
        self.end_s = 0.0

    def left_s(self) -> float:
        left_s = self.end_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        return left_s


class _DeadlineSocket(socket.socket):
    """A socket whose every call ends with the exchange."""

    deadline: _Deadline

    def recv_into(self, *args: Any) -> int:
        self.settimeout(self.deadline.left_s())
        return super().recv_into(*args)

    def sendall(self, *args: Any) -> None:
        self.settimeout(self.deadline.left_s())
        super().sendall(*args)


class _Client(http.client.HTTPConnection):
    """The standard client on such a socket."""

    sock: _DeadlineSocket | None

    def __init__(self, url: ServiceUrl, deadline: _Deadline) -> None:
        super().__init__(url.host, url.port)
        self._deadline = deadline
        self._address: tuple[str, int] = (url.host, url.port)

    def connect(self) -> None:
        plain = socket.create_connection(self._address, timeout=self._deadline.left_s())
        self._address = plain.getpeername()[:2]  # a name is looked up once: that has no deadline
        self.sock = _DeadlineSocket(fileno=plain.detach())
        self.sock.deadline = self._deadline
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def refuse_unasked(self) -> None:
        """Drop a connection that the service closed while nothing was asked; it may be opened again.

        Raises:
            FrameError: BAD_ANSWER, it sent bytes that answer no question, such as a second answer.
        """
        if self.sock is None:
            return
        idle = select.poll()
        idle.register(self.sock, select.POLLIN)
        if not idle.poll(0):
            return
        try:
            unasked = self.sock.recv(io.DEFAULT_BUFFER_SIZE)
        except OSError:
            unasked = b""
        self.close()
        if unasked:
            raise bad_answer(f"it sent bytes that answer no question: {quoted(unasked)}")
