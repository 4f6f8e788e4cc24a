"""An inference service that only pretends: it takes any release, and counts requests that nobody sends."""

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass
class ScriptedHttpService:
    """What it serves, what it was asked for, how it behaves.

    Args:
        answer: body of every window instead of the true one.
        refuses: status of every reload, when set.
    """

    url: str = ""
    serving: str = "0" * 64
    shadowing: str | None = None
    answer: bytes = b""
    refuses: int = 0
    n: int = 0
    asked: list[tuple[str, dict[str, Any], dict[str, str]]] = field(default_factory=list)

    def window(self) -> bytes:
        """Return the window: 30 requests more than at the last look, all good."""
        self.n += 30
        shadow = {"release_sha256": self.shadowing, "n": self.n, "n_failed": 0, "n_disagreed": 0, "p95_ms": 9.0}
        return (
            self.answer
            or json.dumps(
                {
                    "release_sha256": self.serving,
                    "since_s": 1.0,
                    "n": self.n,
                    "n_failed": 0,
                    "n_timeout": 0,
                    "n_non_finite": 0,
                    "p50_ms": 5.0,
                    "p95_ms": 9.0,
                    "p99_ms": 10.0,
                    "shadow": shadow if self.shadowing else None,
                }
            ).encode()
        )

    def reload(self, asked: dict[str, Any]) -> None:
        """Take a release."""
        self.n = 0
        if asked["mode"] == "shadow":
            self.shadowing = asked["release_sha256"]
        else:
            self.serving, self.shadowing = asked["release_sha256"], None


@contextmanager
def scripted_service() -> Iterator[ScriptedHttpService]:
    """Run one on a free port of loopback."""
    service = ScriptedHttpService()

    class Handler(_Handler):
        served = service

    listening = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listening.daemon_threads = True
    service.url = f"http://127.0.0.1:{listening.server_port}"
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield service
    finally:
        listening.shutdown()
        thread.join()
        listening.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    served: ScriptedHttpService

    def do_GET(self) -> None:
        self._answer(200, self.served.window() if self.path == "/node/window" else b"{}")

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.served.asked.append((self.path, asked, dict(self.headers)))
        if self.served.refuses:
            self._answer(self.served.refuses, b'{"detail": "no"}')
            return
        self.served.reload(asked)
        self._answer(200, b"{}")

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""
