"""hilrig.node.service on raw connections: lengths that lie, two requests at once, bodies that break off."""

import json
import socket
import time
from collections.abc import Iterator

import numpy as np
import pytest

from node_services import NodeService, serving_node, tiny_store
from small_models import SHAPE

pytestmark = pytest.mark.waiting

OCTETS = "Content-Type: application/octet-stream"
MEDIA = "Content-Type: application/json"
N_BYTES = 768


@pytest.fixture(scope="module")
def service(tmp_path_factory) -> Iterator[NodeService]:
    store = tiny_store(tmp_path_factory.mktemp("lines"))
    with serving_node(store.folder) as started:
        yield started


def tensor(value: float) -> bytes:
    return np.full(SHAPE, value, np.float32).tobytes()


def asked(body: bytes, *more: str, path: str = "/infer", length: int | None = None) -> bytes:
    """Return a request; its stated length may be another than its body's."""
    stated = f"Content-Length: {len(body) if length is None else length}"
    return "\r\n".join([f"POST {path} HTTP/1.1", "Host: x", OCTETS, stated, *more, "", ""]).encode() + body


def spoken(service: NodeService, *parts: bytes, n_answers: int) -> list[tuple[int, bytes]]:
    """Return status and body of the answers to what is sent on one connection."""
    with socket.create_connection((service.host, service.port), timeout=60) as line:
        for part in parts:
            line.sendall(part)
        reader = line.makefile("rb")
        return [answered(reader) for _ in range(n_answers)]


def answered(reader) -> tuple[int, bytes]:
    status = int(reader.readline().split()[1])
    headers = dict(line.strip().lower().split(b": ", 1) for line in iter(reader.readline, b"\r\n"))
    return status, reader.read(int(headers[b"content-length"]))


def scores(answers: list[tuple[int, bytes]]) -> list[float]:
    assert {status for status, _ in answers} == {200}, answers
    return [json.loads(body)["score"] for _, body in answers]


def test_two_requests_in_one_packet_get_their_own_answers(service):
    """Pipelined: in their order, each with the decision on its own tensor, whatever is cut where."""
    both = asked(tensor(0.1)) + asked(tensor(0.4), "X-Correlation-Id: second")
    assert scores(spoken(service, both, n_answers=2)) == pytest.approx([0.2, 0.8], abs=1e-5)
    for at in (1, 80, 900, len(both) - 1):
        found = spoken(service, both[:at], both[at:], n_answers=2)
        assert scores(found) == pytest.approx([0.2, 0.8], abs=1e-5)
        assert [json.loads(body)["correlation_id"] for _, body in found] == [None, "second"]


def test_a_request_behind_a_refused_one_is_decided(service):
    """The first is 422 before its body is read: that body is passed over, not taken for the next request."""
    wrong = asked(tensor(0.9), "X-Tensor-Shape: 1,3,8,9")
    (first, second) = spoken(service, wrong + asked(tensor(0.3)), n_answers=2)
    assert first[0] == 422
    assert scores([second]) == pytest.approx([0.6], abs=1e-5)


def test_a_length_below_the_tensors_is_no_tensor(service):
    """What is stated counts: 767 bytes are refused, the byte that is left over ends the connection."""
    with socket.create_connection((service.host, service.port), timeout=60) as line:
        line.sendall(asked(tensor(0.3), length=N_BYTES - 1))
        reader = line.makefile("rb")
        assert answered(reader)[0] in (400, 422)
        assert reader.read() == b""
    assert service.infer(np.full(SHAPE, 0.3, np.float32)).status == 200


def test_a_length_above_what_comes_is_nobodys_request(service):
    """One that hangs up a byte short gets no decision and holds nothing afterwards: after nine it still serves."""
    before = service.get("/node/window")["n"]
    for _ in range(9):
        assert spoken(service, asked(tensor(0.3)[:-1], length=N_BYTES), n_answers=0) == []
    service.until(lambda: service.infer(np.full(SHAPE, 0.3, np.float32)).status == 200)
    assert service.get("/node/window")["n_failed"] == 0
    assert service.get("/node/window")["n"] > before


@pytest.mark.parametrize(
    "headers",
    [
        ["Content-Length: 768", "Content-Length: 767"],
        ["Content-Length: 768", "Transfer-Encoding: chunked"],
        ["Content-Length: +768"],
        ["Content-Length: 7 68"],
        ["Content-Length: 0x300"],
        ["Content-Length: -1"],
        ["Content-Length: 99999999999999999999999999"],
    ],
)
def test_lengths_that_two_readers_could_read_differently_are_refused(service, headers):
    """A proxy and this service must never disagree on where a request ends."""
    head = "\r\n".join(["POST /infer HTTP/1.1", "Host: x", OCTETS, *headers, "", ""]).encode()
    ((status, _),) = spoken(service, head, tensor(0.3), n_answers=1)
    assert status in (400, 413)
    assert service.infer(np.full(SHAPE, 0.3, np.float32)).status == 200


def test_a_reload_that_breaks_off_is_no_fault_of_ours(service):
    """A client that hangs up or drips loads nothing, holds no connection, and writes nothing into the log."""
    head = f"POST /reload-model HTTP/1.1\r\nHost: x\r\n{MEDIA}\r\nContent-Length: 30\r\n\r\n".encode()
    assert spoken(service, head + b'{"model_name"', n_answers=0) == []
    began = time.monotonic()
    ((status, body),) = spoken(service, head + b'{"model_name"', n_answers=1)
    assert (status, json.loads(body)["detail"]) == (408, "the body did not come")
    assert 1 < time.monotonic() - began < 30
    assert "service.fault" not in [line["event"] for line in service.events()]
    assert service.infer(np.full(SHAPE, 0.3, np.float32)).status == 200
