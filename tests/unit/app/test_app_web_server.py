"""The page's server on real sockets."""

import contextlib
import http.client
import json
import socket
import threading
import time
from http import HTTPStatus
from pathlib import Path

import pytest

from hilrig.app.web import server as web_server
from hilrig.app.web.forms import BODY_MAX_BYTES
from hilrig.app.web.http import EVENTS, JSON, RefusedError, Response, json_response
from hilrig.app.web.server import CONNECTIONS_MAX, WebServer

CLIENT_S = 20  # how long a test's client waits; never in full when the server is right


@contextlib.contextmanager
def served(answer):
    server = WebServer(("127.0.0.1", 0), answer)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server.server_address
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def echo(request):
    return json_response(
        {"method": request.method, "path": request.path, "query": request.query, "headers": dict(request.headers),
         "body": request.body.decode(), "local": request.local_address}
    )  # fmt: skip


def raw(address, data: bytes) -> bytes:
    """Send bytes as they are; return all that comes back."""
    with socket.create_connection(address, timeout=CLIENT_S) as connection:
        connection.sendall(data)
        answer = b""
        with contextlib.suppress(ConnectionResetError):  # hung up on while we were still sending
            while chunk := connection.recv(65536):
                answer += chunk
    return answer


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def asked(address, method="GET", path="/", body=None, headers=()):
    connection = http.client.HTTPConnection(*address, timeout=CLIENT_S)
    connection.request(method, path, body=body, headers=dict(headers))
    return connection.getresponse()


def test_a_request_arrives_whole():
    """Method, path, query, headers, body, and the address that was called."""
    with served(echo) as address:
        got = json.loads(asked(address, "POST", "/a/b?ticket=x", body="{}", headers={"X-Some": "1"}).read())
    assert (got["method"], got["path"], got["query"], got["body"]) == ("POST", "/a/b", {"ticket": "x"}, "{}")
    assert got["headers"]["x-some"] == "1"
    assert got["local"] == "127.0.0.1"


def test_every_answer_carries_the_headers():
    """Also a refusal, also one of the server's own."""

    def refuse(request):
        raise RefusedError(HTTPStatus.FORBIDDEN, "no", hint="ask")

    with served(refuse) as address:
        for answer in (asked(address), asked(address, "DELETE")):
            assert answer.getheader("Content-Security-Policy").startswith("default-src 'none'")
            assert answer.getheader("X-Content-Type-Options") == "nosniff"
            assert answer.getheader("Referrer-Policy") == "no-referrer"
            assert answer.getheader("Cache-Control") == "no-store"
            assert answer.getheader("Server") == "hilrig"
            assert answer.getheader("Access-Control-Allow-Origin") is None
            assert answer.getheader("Set-Cookie") is None
            assert "error" in json.loads(answer.read())


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT", "HEAD", "BREW"])
def test_other_methods_are_refused(method):
    """OPTIONS above all: no foreign page gets leave to send our header."""
    with served(echo) as address:
        assert status_of(raw(address, f"{method} / HTTP/1.1\r\nHost: x\r\n\r\n".encode())) == 501


@pytest.mark.parametrize(
    "path",
    ["/a//b", "/../x", "/a/../../etc/passwd", "/.queue.json", "/a/./b", "/%2e%2e/x", "/a%00", "/a\\b", "/a;b",
     "http://evil.example/", "*", "x", "/\xff"],
)  # fmt: skip
def test_an_odd_path_is_nowhere(path):
    """Nothing is decoded, nothing is normalised: it is plain or it is refused."""
    with served(echo) as address:
        answer = raw(address, f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode("latin-1"))
    assert status_of(answer) in (400, 404)


@pytest.mark.parametrize(
    ("head", "status"),
    [("Content-Length: 70000", 413), ("Content-Length: 99999999999999999999", 413), ("Content-Length: -1", 411),
     ("Content-Length: +2", 411), ("Content-Length: 2\r\nContent-Length: 2", 411), ("X: 1", 411),
     ("Transfer-Encoding: chunked", 411), ("Content-Length: 2\r\nTransfer-Encoding: chunked", 411)],
)  # fmt: skip
def test_a_body_states_its_length_once_and_is_small(head, status):
    """Anything that two readers could read differently is refused."""
    with served(echo) as address:
        answer = raw(address, f"POST / HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\n{{}}".encode())
    assert status_of(answer) == status


def test_a_body_of_the_largest_size_is_read():
    """64 KiB are let in."""
    with served(echo) as address:
        assert asked(address, "POST", "/", body="x" * BODY_MAX_BYTES).status == 200


def test_a_name_that_comes_twice_fits_nothing():
    """Two Hosts are joined, and so are neither."""
    with served(echo) as address:
        answer = raw(address, b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\n\r\n")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["headers"]["host"] == "127.0.0.1,evil.example"


@pytest.mark.parametrize(
    "head", ["GET /" + "x" * 5000 + " HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nX: " + "x" * 100_000 + "\r\n\r\n",
             "GET / HTTP/1.1\r\n" + "X: 1\r\n" * 500 + "\r\n", "x" * 100_000,
             "\x16\x03\x01\x02\r\n", "GET\r\n\r\n"],
)  # fmt: skip
def test_long_and_broken_heads_are_refused(head):
    """With a 4xx or by hanging up; the server goes on."""
    with served(echo) as address:
        answer = raw(address, head.encode())
        assert not answer or answer.startswith(b'{"error"') or 400 <= status_of(answer) < 500
        assert asked(address).status == 200


def test_a_slow_client_is_cut_off(monkeypatch):
    """A byte now and then does not hold a place for ever: the deadline is for the whole request."""
    monkeypatch.setattr(web_server, "RECEIVE_S", 0.3)
    with served(echo) as address, socket.create_connection(address, timeout=CLIENT_S) as connection:
        begun = time.monotonic()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            while time.monotonic() - begun < CLIENT_S:
                connection.sendall(b"G")
                time.sleep(0.05)
    assert time.monotonic() - begun < CLIENT_S / 2


def test_a_client_that_hangs_up_hurts_nobody(capfd):
    """In the middle of its request or of our answer; no traceback either."""

    def endless(request):
        return Response(
            status=HTTPStatus.OK, content_type=JSON, body=iter(lambda: b"x" * 65536, b""), n_bytes=None
        )

    with served(endless) as address:
        for data in (b"GE", b"POST / HTTP/1.1\r\nContent-Length: 50\r\n\r\n{", b"GET / HTTP/1.1\r\n\r\n"):
            with socket.create_connection(address, timeout=CLIENT_S) as connection:
                connection.sendall(data)
    assert "Traceback" not in capfd.readouterr().err


def test_a_fault_of_ours_is_told_on_stderr(capfd):
    """The client gets no details; whoever runs the server does."""

    def broken(request):
        raise ZeroDivisionError("our fault")

    with served(broken) as address:
        assert raw(address, b"GET / HTTP/1.1\r\n\r\n") == b""
    assert "our fault" in capfd.readouterr().err


def test_too_many_connections_are_hung_up_on():
    """The others are served on; a place that becomes free can be had."""
    hold = threading.Event()

    def wait(request):
        hold.wait(CLIENT_S)
        return json_response({})

    with served(wait) as address:
        held = [socket.create_connection(address, timeout=CLIENT_S) for _ in range(CONNECTIONS_MAX)]
        for connection in held:
            connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert raw(address, b"GET / HTTP/1.1\r\n\r\n") == b""
        hold.set()
        for connection in held:
            assert connection.recv(100).startswith(b"HTTP/1.0 200")
            connection.close()


def test_a_stream_is_closed_when_its_client_is_gone():
    """Otherwise the rig would be looked at for nobody."""
    closed = threading.Event()

    def events():
        try:
            while True:
                time.sleep(0.01)
                yield b"data: {}\n\n"
        finally:
            closed.set()

    def answer(request):
        return Response(status=HTTPStatus.OK, content_type=EVENTS, body=events(), n_bytes=None)

    with served(answer) as address:
        with socket.create_connection(address, timeout=CLIENT_S) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert b"text/event-stream" in connection.recv(4096)
        assert closed.wait(CLIENT_S)


def test_a_taken_port_is_an_error():
    """Two servers on one port would share the callers by chance."""
    with served(echo) as address, pytest.raises(OSError, match="in use"):
        WebServer(address, echo)


@pytest.mark.skipif(not Path("/proc/net/if_inet6").exists(), reason="hardware: this machine has no IPv6")
def test_version_six_is_served():
    """[::1] as well."""
    server = WebServer(("::1", 0), echo)
    server.server_close()
