"""A web server for releases, as nginx would be: ranges, conditions, and on demand what no server should do."""

import http.server
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

RANGE = re.compile(r"bytes=(\d+)-")


@dataclass
class ReleaseServer:
    """The server's address, what was asked of it, how it misbehaves.

    Args:
        has_ranges: False: a Range is ignored, as simple servers do.
        break_after: the body of a file ends after so many bytes, once for each entry.
        redirect: every request is answered with this address.
        endless: bodies go on for ever, without a length.
        silent: bodies begin, then nothing comes.
        drips: bodies come at a few bytes a second.
        status: for every request, when set.
    """

    folder: Path
    url: str = ""
    has_ranges: bool = True
    break_after: list[int] = field(default_factory=list)
    redirect: str = ""
    endless: bool = False
    silent: bool = False
    drips: bool = False
    status: int = 0
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)


@contextmanager
def serving(folder: Path, **how: Any) -> Iterator[ReleaseServer]:
    """Serve a folder on a free port of loopback."""
    server = ReleaseServer(folder, **how)

    class Handler(_Handler):
        served = server

    listening = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listening.daemon_threads = True
    server.url = f"http://127.0.0.1:{listening.server_port}"
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.stop.set()
        listening.shutdown()
        thread.join()
        listening.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    served: ReleaseServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        served = self.served
        served.asked.append((self.path, dict(self.headers)))
        if served.redirect or served.status:
            self.send_response(302 if served.redirect else served.status)
            if served.redirect:
                self.send_header("Location", served.redirect)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        path = served.folder / self.path.lstrip("/")
        if not path.is_file():
            self.send_error(404)
            return
        self._send(path.read_bytes(), f'"{path.stat().st_mtime_ns}"')

    def _send(self, data: bytes, etag: str) -> None:
        served = self.served
        if self.headers.get("If-None-Match") == etag:
            self.send_response(304)
            self.end_headers()
            return
        found = RANGE.fullmatch(self.headers.get("Range", "")) if served.has_ranges else None
        begin = int(found[1]) if found else 0
        self.send_response(206 if found else 200)
        self.send_header("ETag", etag)
        if found:
            self.send_header("Content-Range", f"bytes {begin}-{len(data) - 1}/{len(data)}")
        body = data[begin:]
        if served.endless:
            self.send_header("Connection", "close")
            self.end_headers()
            self._for_ever(body)
            return
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if served.silent:
            self.wfile.flush()
            served.stop.wait(30)
        elif served.drips:
            self._drip(body)
        elif served.break_after and "/files/" in self.path:
            self.wfile.write(body[: served.break_after.pop(0)])
            self.close_connection = True
        else:
            self.wfile.write(body)

    def _drip(self, body: bytes) -> None:
        self.close_connection = True
        try:
            for offset in range(len(body)):
                self.wfile.write(body[offset : offset + 1])
                if self.served.stop.wait(0.02):
                    return
        except OSError:
            return

    def _for_ever(self, body: bytes) -> None:
        self.close_connection = True
        try:
            self.wfile.write(body)
            while not self.served.stop.is_set():
                self.wfile.write(b"x" * 65_536)
                time.sleep(0.001)  # the client's pace decides, not this loop
        except OSError:
            return

    def log_message(self, *_: object) -> None:
        """Say nothing."""
