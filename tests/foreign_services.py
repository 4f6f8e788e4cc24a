"""Inference services for tests: two protocols spoken faithfully, and every way to get them wrong.

Runs in a thread of a test, or as a process of its own: `python foreign_services.py '{"10": "hang"}'` prints its
port; there every 10th request for a decision gets what it names.
"""

import gzip
import http.server
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

LATE_S = 0.8  # beyond the 400 ms that tests wait; a noisy machine answers a good question within them
DRIP_S = 0.05  # a byte; an answer has more than a hundred
NUMPY_TYPES = {"FP32": "<f4", "FP16": "<f2", "UINT8": "u1"}
Misdeed = Callable[[int], str]


class ForeignService(http.server.ThreadingHTTPServer):
    """Scores the mean of the tensor: `/infer` gives it as the one score, `/v2` times 1, 2, ... per label.

    Args:
        misdeed: from the number of a request for a decision, counted from 1, to what is done wrong; "" is nothing.
        n_labels: scores that `/v2` gives.
        shape: of the input that `/v2` declares and takes.
        datatype: of that input.
        binary: answer `/v2` with binary tensors when they are asked for.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(
        self,
        misdeed: Misdeed = lambda _: "",
        *,
        n_labels: int = 2,
        shape: tuple[int, ...] = (1, 3, 8, 8),
        datatype: str = "FP32",
        binary: bool = True,
    ) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.misdeed, self.n_labels, self.shape = misdeed, n_labels, shape
        self.datatype, self.binary = datatype, binary
        self.n_asked = 0
        self.n_connections = 0
        self.asked: list[dict] = []
        self.ended = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request, client_address):
        """A client that hung up is what these tests are about."""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: ForeignService

    def setup(self):
        super().setup()
        self.server.n_connections += 1

    def log_message(self, *_):
        pass

    def do_GET(self):
        if self.path == "/v2/health/ready":
            return self.answer(b"")
        if self.path in ("/v2/models/weld", "/v2/models/weld/versions/7"):
            return self.answer(json.dumps(self.metadata()).encode())
        return self.answer(b'{"error": "no such model"}', status=404)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.n_asked += 1
        misdeed = self.server.misdeed(self.server.n_asked)
        if self.path == "/infer":
            return self.misdo(misdeed, *self.infer(body, misdeed))
        if self.path.startswith("/v2/models/weld") and self.path.endswith("/infer"):
            return self.misdo(misdeed, *self.infer_v2(body, misdeed))
        return self.answer(b'{"detail": "Not Found"}', status=404)

    def metadata(self):
        shape = [-1, *self.server.shape[1:]]
        return {
            "name": "weld",
            "versions": ["7"],
            "platform": "onnxruntime_onnx",
            "inputs": [{"name": "image", "datatype": self.server.datatype, "shape": shape}],
            "outputs": [{"name": "scores", "datatype": "FP32", "shape": [-1, self.server.n_labels]}],
        }

    def infer(self, body, misdeed):
        asked = json.loads(body)
        tensor = np.array(asked["tensor"], np.float32)
        assert tensor.min() >= 0
        assert tensor.max() <= 1
        self.server.asked.append(asked)
        score = float(tensor.mean())
        answer = {
            "defective": score >= asked["threshold"],
            "score": score,
            "latency_ms": 0.1,
            "model_version": "weld-v1",
            "correlation_id": asked["correlation_id"],
        }
        wrong = {
            "wrong_id": {"correlation_id": "000000000000"},
            "no_id": {"correlation_id": None},
            "nan": {"score": float("nan"), "defective": False},
            "other_model": {"model_version": "weld-v2"},
            "contradiction": {"defective": not answer["defective"]},
            "text_score": {"score": "0.9"},
            "bool_score": {"score": True, "defective": True},
            "null_score": {"score": None},
            "two_scores": {"score": [0.1, 0.2]},
            "huge_number": {"score": 10**400},
        }
        return json.dumps(answer | wrong.get(misdeed, {})).encode(), {}

    def infer_v2(self, body, misdeed):
        n_json = int(self.headers["Inference-Header-Content-Length"])
        asked, data = json.loads(body[:n_json]), body[n_json:]
        self.server.asked.append(asked)
        (tensor,) = asked["inputs"]
        assert tensor["parameters"]["binary_data_size"] == len(data)
        values = np.frombuffer(data, NUMPY_TYPES[tensor["datatype"]]).reshape(tensor["shape"])
        scores = np.float32(values.mean(dtype=np.float64)) * np.arange(1, self.server.n_labels + 1, dtype="<f4")
        scores = scores[:-1] if misdeed == "two_scores" else scores
        scores = scores * np.float32("nan") if misdeed == "nan" else scores
        answer = {
            "model_name": "weld",
            "model_version": "8" if misdeed == "other_model" else "7",
            "id": asked["id"],
        }
        answer |= {"wrong_id": {"id": "000000000000"}, "no_id": {"id": ""}}.get(misdeed, {})
        output = {"name": asked["outputs"][0]["name"], "datatype": "FP32", "shape": [1, scores.size]}
        if not self.server.binary:
            data = ["0.9"] * scores.size if misdeed == "text_score" else scores.tolist()
            return json.dumps(answer | {"outputs": [output | {"data": data}]}).encode(), {}
        output["parameters"] = {"binary_data_size": scores.nbytes + (misdeed == "wrong_size") * 4}
        head = json.dumps(answer | {"outputs": [output]}).encode()
        n_head = len(head) + {"long_json": 10_000, "short_json": -5, "minus_json": -len(head) - 9}.get(misdeed, 0)
        return head + scores.tobytes(), {"Inference-Header-Content-Length": str(n_head)}

    def misdo(self, misdeed, body, headers):
        """Send the answer, wrong in the way that `misdeed` names."""
        act = getattr(self, f"do_{misdeed}", None)
        if act:
            return act(body, headers)
        if misdeed.startswith("status_"):
            return self.answer(b'{"detail": "no"}', status=int(misdeed.removeprefix("status_")))
        return self.answer(body, headers)

    def answer(self, body, headers=None, *, status=200, length=None):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def do_die(self, body, headers):
        self.close_connection = True

    def do_die_midway(self, body, headers):
        self.answer(body[: len(body) // 2], headers, length=len(body))
        self.close_connection = True

    def do_die_in_the_headers(self, body, headers):
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Le")
        self.close_connection = True

    def do_hang(self, body, headers):
        self.server.ended.wait()
        self.close_connection = True

    def do_late(self, body, headers):
        time.sleep(LATE_S)
        self.answer(body, headers)

    def do_drip(self, body, headers):
        self.answer(b"", headers, length=len(body))
        for index in range(len(body)):
            self.wfile.write(body[index : index + 1])
            time.sleep(DRIP_S)

    def do_twice(self, body, headers):
        self.answer(body, headers)
        self.answer(body, headers)

    def do_long_length(self, body, headers):
        self.answer(body, headers, length=len(body) + 10)

    def do_short_length(self, body, headers):
        self.answer(body, headers, length=len(body) - 5)

    def do_redirect(self, body, headers):
        self.answer(body, {**headers, "Location": "/elsewhere"}, status=307)

    def do_empty(self, body, headers):
        self.answer(b"")

    def do_chunked(self, body, headers):
        self.send_response(200)
        for name, value in {**headers, "Transfer-Encoding": "chunked"}.items():
            self.send_header(name, value)
        self.end_headers()
        for start in range(0, len(body), 7):
            chunk = body[start : start + 7]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
        self.wfile.write(b"0\r\n\r\n")

    def do_bad_chunks(self, body, headers):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"zz\r\n" + body)
        self.close_connection = True

    def do_endless_chunks(self, body, headers):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while True:
            self.wfile.write(b"10000\r\n" + b" " * 0x10000 + b"\r\n")

    def do_gzip(self, body, headers):
        self.answer(gzip.compress(body), {**headers, "Content-Encoding": "gzip"})

    def do_html(self, body, headers):
        self.answer(b"<html>It works!</html>")

    def do_huge(self, body, headers):
        self.answer(body + b" " * (2 << 20), headers)

    def do_not_http(self, body, headers):
        self.wfile.write(b"\x00\x01\x02 hello\r\n\r\n")
        self.close_connection = True

    def do_close_after(self, body, headers):
        self.answer(body, {**headers, "Connection": "close"})
        self.close_connection = True

    def do_close_silently(self, body, headers):
        self.answer(body, headers)
        self.close_connection = True

    def do_end_by_closing(self, body, headers):
        self.send_response(200)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True


@contextmanager
def serving(misdeed: Misdeed = lambda _: "", **declared) -> Iterator[ForeignService]:
    """Run a service in a thread for as long as the block."""
    with ForeignService(misdeed, **declared) as service:
        thread = threading.Thread(target=service.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield service
        service.ended.set()
        service.shutdown()
        thread.join()


def nobody() -> str:
    """Return a url at which nobody listens."""
    with ForeignService() as service:
        return service.url


def after(n_good: int, misdeed: str) -> Misdeed:
    """Return a script: the first `n_good` requests are answered well, only the next one is not."""
    return lambda number: misdeed if number == n_good + 1 else ""


def main() -> None:
    """Serve in a process of its own until stdin ends."""
    every = {int(number): misdeed for number, misdeed in json.loads(sys.argv[1]).items()}
    declared = json.loads(sys.argv[2]) if len(sys.argv) > 2 else {}
    declared = {key: tuple(value) if isinstance(value, list) else value for key, value in declared.items()}

    def script(number: int) -> str:
        return next((misdeed for step, misdeed in every.items() if number % step == 0), "")

    with serving(script, **declared) as service:
        sys.stdout.write(f"{service.server_port}\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main()
