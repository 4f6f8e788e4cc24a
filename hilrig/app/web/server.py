"""The technician's page over HTTP: sockets, limits, deadlines.

What is answered is decided elsewhere. It is the standard library's server with one thread for each connection:
measured at 0.1 % of a core and 20 MB with a watching client. It sleeps in `poll` while nobody calls.
"""

import io
import ipaddress
import socket
import socketserver
import sys
import threading
import time
import traceback
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, Final
from urllib.parse import parse_qsl

from hilrig.app.web.forms import BODY_MAX_BYTES
from hilrig.app.web.http import HEADERS, RefusedError, Request, Response, refusal
from hilrig.core.errors import RecordError

CONNECTIONS_MAX: Final = 32
REQUEST_LINE_MAX_BYTES: Final = 4096
HEAD_MAX_BYTES: Final = 16 * 1024
RECEIVE_S: Final = 10.0
"""For the whole request: a client that sends a byte now and then is cut off as well."""

SEND_S: Final = 30.0
"""For each piece of an answer: a tablet that went out of range holds nothing up."""

Answer = Callable[[Request], Response]


class WebServer(socketserver.ThreadingMixIn, HTTPServer):
    """Listens and hands requests to `answer`.

    Args:
        address: an IP address of this machine, and a port.
        answer: gives the answer to a request, or raises RefusedError.

    Raises:
        OSError: the port is taken, or the address is none of this machine.
    """

    daemon_threads = True
    block_on_close = False
    request_queue_size = CONNECTIONS_MAX

    def __init__(self, address: tuple[str, int], answer: Answer) -> None:
        self.answer = answer
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self._free = threading.BoundedSemaphore(CONNECTIONS_MAX)
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        """Bind without HTTPServer's look-up of this machine's name, which may ask the network."""
        socketserver.TCPServer.server_bind(self)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection in a thread of its own, or hang up when there are too many."""
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a connection to its end."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the base class's form
        """Pass over clients that went away; anything else is a fault of ours and is told on stderr."""
        if not isinstance(sys.exc_info()[1], OSError | RecordError):
            traceback.print_exc()


class _Handler(BaseHTTPRequestHandler):
    server: WebServer
    protocol_version = "HTTP/1.0"  # one request a connection: nothing can be smuggled behind it
    timeout = RECEIVE_S

    def setup(self) -> None:
        super().setup()
        self.rfile = io.BufferedReader(
            _Incoming(
                self.connection, deadline_s=time.monotonic() + RECEIVE_S, n_bytes=HEAD_MAX_BYTES + BODY_MAX_BYTES
            )
        )

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def version_string(self) -> str:
        return "hilrig"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's form
        """Log no request: a query may hold a ticket."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002
        """Refuse what the base class can't read, and every method but GET and POST, in our own form."""
        status = HTTPStatus(code)
        self._send(refusal(RefusedError(status, f"the request cannot be served: {status.phrase}")))

    def _serve(self) -> None:
        try:
            response = self.server.answer(self._request())
        except RefusedError as error:
            response = refusal(error)
        self.connection.settimeout(SEND_S)
        self._send(response)

    def _request(self) -> Request:
        if len(self.requestline) > REQUEST_LINE_MAX_BYTES:
            raise RefusedError(HTTPStatus.REQUEST_URI_TOO_LONG, "the address is too long")
        path, _, query = self.path.partition("?")
        _refuse_odd_path(path)
        headers = {name.lower(): ",".join(self.headers.get_all(name, ())) for name in self.headers}
        return Request(
            method=self.command,
            path=path,
            query=_query(query),
            headers=headers,
            body=self._body(headers) if self.command == "POST" else b"",
            local_address=_plain_address(self.connection.getsockname()[0]),
        )

    def _body(self, headers: dict[str, str]) -> bytes:
        length = headers.get("content-length", "")
        if "transfer-encoding" in headers or not (length.isascii() and length.isdecimal()):
            raise RefusedError(HTTPStatus.LENGTH_REQUIRED, "the request should state the length of its body")
        if len(length) > len(str(BODY_MAX_BYTES)) or int(length) > BODY_MAX_BYTES:
            raise RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a body has at most {BODY_MAX_BYTES} bytes")
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            raise RefusedError(HTTPStatus.BAD_REQUEST, "the body is shorter than its stated length")
        return body

    def _send(self, response: Response) -> None:
        chunks = iter(response.body)
        try:
            self.send_response(response.status)
            self.send_header("Content-Type", response.content_type)
            self.send_header("Content-Security-Policy", response.policy)
            for name, value in (HEADERS | dict(response.headers)).items():
                self.send_header(name, value)
            if response.n_bytes is not None:
                self.send_header("Content-Length", str(response.n_bytes))
            self.end_headers()
            for chunk in chunks:
                self.wfile.write(chunk)
        finally:
            close = getattr(chunks, "close", None)
            if close is not None:
                close()


class _Incoming(io.RawIOBase):
    """What a client sends, up to a deadline and a number of bytes.

    Args:
        connection: the socket.
        deadline_s: on CLOCK_MONOTONIC.
        n_bytes: after these the stream ends.
    """

    def __init__(self, connection: socket.socket, *, deadline_s: float, n_bytes: int) -> None:
        self._connection = connection
        self._deadline_s = deadline_s
        self._n_bytes = n_bytes

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        rest_s = self._deadline_s - time.monotonic()
        if rest_s <= 0:
            raise TimeoutError
        self._connection.settimeout(rest_s)
        n_read = self._connection.recv_into(memoryview(buffer)[: self._n_bytes])
        self._n_bytes -= n_read
        return n_read


def _refuse_odd_path(path: str) -> None:
    is_plain = path.startswith("/") and path.isascii() and path.isprintable()
    if not is_plain or any(odd in path for odd in ("//", "/.", "%", "\\", ";")):
        raise RefusedError(HTTPStatus.NOT_FOUND, "there is nothing at this address")


def _query(text: str) -> dict[str, str]:
    try:
        return dict(parse_qsl(text, max_num_fields=4))
    except ValueError as error:
        raise RefusedError(HTTPStatus.BAD_REQUEST, "the address cannot be read") from error


def _plain_address(text: str) -> str:
    """Return an address without its scope, and an IPv4 one that came through an IPv6 socket as IPv4."""
    address = ipaddress.ip_address(text.partition("%")[0])
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)
