"""hilrig.target.http_connection: one deadline, one question, one answer."""

import socket
import threading
import time
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foreign_services import ForeignService, after, nobody, serving
from hilrig.core.frame import OutcomeReason
from hilrig.target.http_connection import HttpConnection, _DeadlineSocket, read_url
from hilrig.target.outcome import FrameError

QUESTION = b'{"tensor": [1, 1, 1], "threshold": 0.5, "correlation_id": "7"}'


def ask(connection: HttpConnection):
    return connection.exchange("POST", "/infer", body=QUESTION)


def connection_to(service: ForeignService, *, timeout_ms: float = 2000) -> HttpConnection:
    return HttpConnection(read_url(service.url), timeout_ms=timeout_ms)


@pytest.mark.parametrize(
    ("misdeed", "reason"),
    [
        ("die", OutcomeReason.TARGET_LOST),
        ("die_midway", OutcomeReason.TARGET_LOST),
        ("die_in_the_headers", OutcomeReason.TARGET_LOST),
        ("bad_chunks", OutcomeReason.TARGET_LOST),
        ("endless_chunks", OutcomeReason.BAD_ANSWER),
        ("not_http", OutcomeReason.BAD_ANSWER),
        ("gzip", OutcomeReason.BAD_ANSWER),
        ("huge", OutcomeReason.BAD_ANSWER),
        ("redirect", OutcomeReason.BAD_ANSWER),
        ("status_204", OutcomeReason.BAD_ANSWER),
        ("status_404", OutcomeReason.INFERENCE_ERROR),
        ("status_422", OutcomeReason.INFERENCE_ERROR),
        ("status_500", OutcomeReason.INFERENCE_ERROR),
        ("status_503", OutcomeReason.INFERENCE_ERROR),
    ],
)
def test_a_fault_of_the_service_has_its_reason_and_ends_with_its_frame(misdeed, reason):
    """Each misdeed is one failed question; the next is answered on a new connection, nothing is asked twice."""
    with serving(after(0, misdeed)) as service:
        connection = connection_to(service)
        with pytest.raises(FrameError) as caught:
            ask(connection)
        assert caught.value.reason is reason, caught.value.message
        assert f"POST {service.url}/infer: " in caught.value.message
        assert ask(connection).status == 200
        assert (service.n_asked, service.n_connections) == (2, 2)
        connection.close()


@pytest.mark.parametrize("misdeed", ["hang", "late", "drip", "long_length"])
def test_the_deadline_is_for_the_whole_exchange(misdeed):
    """Whoever hangs, or sends a byte now and then, is given up after the timeout, not after each byte's own."""
    with serving(after(0, misdeed)) as service:
        connection = connection_to(service, timeout_ms=200)
        begin_s = time.monotonic()
        with pytest.raises(FrameError, match="no answer within 200 ms") as caught:
            ask(connection)
        assert caught.value.reason is OutcomeReason.NO_ANSWER
        assert 0.2 <= time.monotonic() - begin_s < 2.0  # a noisy machine; `drip` takes longer, `hang` for ever
        connection.close()


def test_a_late_answer_is_never_the_next_frames():
    """After a timeout the connection is closed: what still arrives on it reaches nobody."""
    with serving(after(0, "late")) as service:
        connection = connection_to(service, timeout_ms=400)
        with pytest.raises(FrameError):
            ask(connection)
        second = connection.exchange("POST", "/infer", body=QUESTION.replace(b'"7"', b'"8"'))
        assert b'"correlation_id": "8"' in second.body
        connection.close()


def test_a_second_answer_is_nobodys():
    """It is counted at the next frame, or thrown away; it is never read as the answer to another question."""
    with serving(after(0, "twice")) as service:
        connection = connection_to(service)
        ask(connection)
        time.sleep(0.05)  # the loopback delivers at once; this gives the server's thread its turn
        with suppress(FrameError):  # a second answer that came along with the first is thrown away with it
            ask(connection)
        last = connection.exchange("POST", "/infer", body=QUESTION.replace(b'"7"', b'"8"'))
        assert b'"correlation_id": "8"' in last.body
        connection.close()


def test_unasked_bytes_fail_the_next_frame():
    """Bytes that arrive while nothing is asked are a fault of the service."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = read_url(f"http://127.0.0.1:{server.getsockname()[1]}")
        sent = threading.Event()

        def serve():
            peer, _ = server.accept()
            peer.recv(65536)
            peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            sent.wait()
            peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            peer.recv(65536)
            peer.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        connection = HttpConnection(url, timeout_ms=2000)
        connection.exchange("GET", "/")
        sent.set()
        time.sleep(0.05)
        with pytest.raises(FrameError, match="answer no question") as caught:
            connection.exchange("GET", "/")
        assert caught.value.reason is OutcomeReason.BAD_ANSWER
        thread.join(5)


@pytest.mark.parametrize("misdeed", ["chunked", "close_after", "close_silently", "end_by_closing"])
def test_every_form_of_a_good_answer_is_read(misdeed):
    """Chunks, a closed connection, an end without a length are HTTP; what was asked is asked once all the same."""
    with serving(lambda _: misdeed) as service:
        connection = connection_to(service)
        for _ in range(3):
            assert b'"score": 1.0' in ask(connection).body
            if misdeed == "close_silently":
                time.sleep(0.05)  # the end must have arrived; a question sent into it would be a lost frame
        assert service.n_asked == 3
        connection.close()


def test_the_connection_is_kept():
    """A hundred questions take one connection."""
    with serving() as service:
        connection = connection_to(service)
        for _ in range(100):
            ask(connection)
        assert service.n_connections == 1
        assert connection._client.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0
        connection.close()


def test_a_name_is_looked_up_once(monkeypatch):
    """Looking up a name has no deadline: a name server that hangs must not hold a frame."""
    asked = []
    with serving(lambda _: "close_after") as service:
        connection = HttpConnection(read_url(service.url.replace("127.0.0.1", "localhost")), timeout_ms=2000)
        look_up = socket.getaddrinfo
        monkeypatch.setattr(
            socket, "getaddrinfo", lambda host, *rest: (asked.append(host), look_up(host, *rest))[1]
        )
        for _ in range(3):
            ask(connection)
        connection.close()
    assert asked == ["localhost", "127.0.0.1", "127.0.0.1"]


def test_nobody_there_is_a_lost_target():
    """A refused connection says what the system says, with the url."""
    url = nobody()
    with pytest.raises(FrameError, match=f"GET {url}/x: Connection refused") as caught:
        HttpConnection(read_url(url), timeout_ms=500).exchange("GET", "/x")
    assert caught.value.reason is OutcomeReason.TARGET_LOST


def test_a_service_that_takes_no_bytes_is_given_up_in_time():
    """Sending is part of the exchange: a full buffer on the other side does not hold the frame."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = read_url(f"http://127.0.0.1:{server.getsockname()[1]}")
        with pytest.raises(FrameError) as caught:
            HttpConnection(url, timeout_ms=200).exchange("POST", "/", body=bytes(64 << 20))
        assert caught.value.reason is OutcomeReason.NO_ANSWER


@settings(max_examples=60, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=200),
        st.binary(max_size=60).map(lambda junk: b"HTTP/1.1 200 OK\r\n" + junk),
        st.binary(max_size=60).map(lambda junk: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + junk),
        st.binary(max_size=12).map(lambda junk: b"HTTP/1.1 200 OK\r\nContent-Length: " + junk + b"\r\n\r\n{}"),
    )
)
def test_no_bytes_at_all_raise_anything_but_a_frames_failure(raw):
    """Whatever a service sends before it closes is an answer or a failed frame, never a fault of hilrig's."""
    ours, theirs = socket.socketpair()
    theirs.sendall(raw)
    theirs.shutdown(socket.SHUT_WR)
    connection = HttpConnection(read_url("http://127.0.0.1:9"), timeout_ms=1000)
    connection._client.sock = _DeadlineSocket(fileno=ours.detach())
    connection._client.sock.deadline = connection._deadline
    connection._client.refuse_unasked = lambda: None  # the answer is there before the question, on purpose
    with suppress(FrameError):
        connection.exchange("GET", "/")
    connection.close()
    theirs.close()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://rig:8000", "https is not supported"),
        ("ftp://rig", "must start with http://"),
        ("rig:8000", "must start with http://"),
        ("", "must start with http://"),
        ("http://user:secret@rig:8000", "user name or password"),
        ("https://user:secret@rig:8000", "user name or password"),
        ("http://user:secret@[::1", "user name or password"),
        ("http://", "http://host:port"),
        ("http://rig:port", "http://host:port"),
        ("http://rig:99999", "http://host:port"),
        ("http://[::1", "http://host:port"),
        ("http://rig/?x=1", "http://host:port"),
        ("http://rig/#x", "http://host:port"),
        ("http://rig/a b", "plain ASCII"),
        ("http://räg:8000", "plain ASCII"),
    ],
)
def test_a_url_of_another_form_is_refused(url, words):
    """Only plain HTTP to a host; a password would end up in every report, so its text is not repeated either."""
    with pytest.raises(ValueError, match="url must") as caught:
        read_url(url)
    assert words in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_url_keeps_host_port_and_path():
    """Port 80 is the default; a path stands before every question's own; IPv6 goes in brackets."""
    assert str(read_url("http://rig")) == "http://rig:80"
    assert str(read_url("http://rig:8000/a/")) == "http://rig:8000/a"
    assert str(read_url("http://[::1]:8000")) == "http://[::1]:8000"
