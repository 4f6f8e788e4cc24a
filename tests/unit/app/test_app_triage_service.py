"""What triage reads from a service: a real HTTP server that answers as it is told."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from hilrig.app.triage.service import read_service
from hilrig.app.triage.triage import triage
from hilrig.core.errors import PreconditionError, UsageError

READY = {"ready": True, "error_code": "", "active": {"release_sha256": "a" * 64}}
LATE = {"release_sha256": "a" * 64, "n": 900, "n_timeout": 12, "p50_ms": 20.0, "p95_ms": 61.0, "p99_ms": 80.0}


@contextmanager
def answering(answers):
    """Serve these bodies by path; every other path is 404."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = answers.get(self.path)
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join(timeout=60)


def test_a_late_service_is_a_matter_of_latency():
    """Timeouts of its window choose the playbook; what it cannot tell by itself stays UNKNOWN."""
    with answering({"/node/status": READY, "/node/window": LATE}) as url:
        found = triage([f"{url}/"])
    assert (found.playbook_id, found.chosen_because) == (
        "latency-spikes",
        "12 decisions of the window came too late",
    )
    assert "p95_ms 61.0" in " ".join(found.steps[0].evidence)
    assert found.candidates == ()


def test_a_service_without_a_window_is_read_all_the_same():
    """An older node has none: the steps that need it say so."""
    with answering({"/node/status": READY}) as url:
        assert read_service(url).window is None


@pytest.mark.parametrize("body", [b"<html>", b"[1]", b"[" * 5000, {"status": "ok"}, b""])
def test_what_is_no_node_is_refused(body):
    """Another program's page, a list, deep nesting, nothing: exit 22, never a guess."""
    with answering({"/node/status": body}) as url, pytest.raises(PreconditionError):
        read_service(url)


@pytest.mark.parametrize("url", ["https://host", "http://", "http://host:99999"])
def test_an_address_that_cannot_be_meant_is_refused(url):
    """Before anything is asked."""
    with pytest.raises(UsageError):
        read_service(url)
