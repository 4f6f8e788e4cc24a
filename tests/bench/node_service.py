"""The inference service of a node, asked over a kept loopback connection, beside its model without any service."""

import http.client
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from math import ceil
from pathlib import Path
from statistics import median

import msgspec
import numpy as np
import onnxruntime as ort
import psutil

from bench.row import Bench, Row, Sense
from hilrig.config.profile import load_profile
from node_services import NodeService, install, make_store, serving_node, write_tiny_release

STATION = Path(__file__).parents[2] / "profiles" / "weld-station"
N_RAW = 300
N_JSON = 20
N_COLD = 10
N_STALLED = 10_000
CEILING_MS = 40.0
LIVEZ_EVERY_S = 0.02
TENSOR = np.random.default_rng(1).random((1, 3, 512, 512), np.float32)


@contextmanager
def weld_service(*arguments: str, ceiling_ms: float = 5000) -> Iterator[NodeService]:
    """Serve the weld station's own model; the ceiling is one that its JSON can keep."""
    profile = load_profile(STATION)
    with tempfile.TemporaryDirectory() as folder:
        store = make_store(Path(folder) / "store")
        write_tiny_release(
            Path(folder) / "release",
            golden=False,
            graph=(STATION / "model.onnx").read_bytes(),
            name="weld-station",
            model=profile.model,
            pipeline=profile.pipeline,
        )
        install(store, Path(folder) / "release")
        with serving_node(store.folder, *arguments, ceiling_ms=ceiling_ms) as service:
            yield service


def _raw(scale: float) -> Mapping[str, float]:
    with weld_service() as service:
        return _asked(service, TENSOR.tobytes, "application/octet-stream", n=round(N_RAW * scale))


def _json(scale: float) -> Mapping[str, float]:
    """The client writes its JSON with the fastest encoder there is; `json` takes a second for it."""

    def body() -> bytes:
        return msgspec.json.encode({"tensor": TENSOR.reshape(-1).tolist()})

    with weld_service() as service:
        return _asked(service, body, "application/json", n=max(3, round(N_JSON * scale)))


def _asked(service: NodeService, body: Callable[[], bytes], content_type: str, *, n: int) -> Mapping[str, float]:
    """From the tensor in the client's memory to the decision there."""
    connection = http.client.HTTPConnection(service.host, service.port, timeout=60)

    def ask() -> None:
        connection.request("POST", "/infer", body(), {"Content-Type": content_type})
        response = connection.getresponse()
        answer = response.read()
        assert response.status == http.HTTPStatus.OK, answer

    return _timed(ask, n)


def _bare(scale: float) -> Mapping[str, float]:
    """Copy the tensor, run the session, nothing else, in this process."""
    settings = ort.SessionOptions()
    settings.intra_op_num_threads = settings.inter_op_num_threads = 1
    session = ort.InferenceSession(
        str(STATION / "model.onnx"), sess_options=settings, providers=["CPUExecutionProvider"]
    )
    kept = np.empty_like(TENSOR)

    def run() -> None:
        kept[...] = TENSOR
        session.run(["scores"], {"image": kept})

    return _timed(run, round(N_RAW * scale))


def _timed(call: Callable[[], object], n: int) -> Mapping[str, float]:
    times_ms = []
    for _ in range(n + N_COLD):
        begin_ns = time.perf_counter_ns()
        call()
        times_ms.append((time.perf_counter_ns() - begin_ns) / 1e6)
    ms = median(times_ms[N_COLD:])
    return {"ms": ms, "per_s": 1000 / ms}


def _stalled(scale: float) -> Mapping[str, float]:
    """Ask again and again while the model is stopped, two clients at once, and a third that asks for /livez."""
    with weld_service("--stuck-ms", "3600000", ceiling_ms=CEILING_MS) as service:
        (engine,) = service.engines()
        process = psutil.Process(service.process.pid)
        before = (process.num_threads(), process.memory_info().rss)
        engine.suspend()
        n_each = round(N_STALLED * scale / 2)
        with ThreadPoolExecutor(3) as pool:
            asked = [pool.submit(_refused, service, n_each) for _ in range(2)]
            alive = pool.submit(_alive, service, asked)
        engine.resume()
        assert process.num_threads() == before[0]
        times_ms = sorted(ms for one in asked for ms in one.result())
        alive_ms = sorted(alive.result())
        return {
            "slowest_ms": times_ms[-1],
            "in_time_pct": 100 * sum(ms <= CEILING_MS for ms in times_ms) / len(times_ms),
            "livez_p99_ms": alive_ms[ceil(len(alive_ms) * 0.99) - 1],
            "grown_mib": (process.memory_info().rss - before[1]) / (1 << 20),
        }


def _refused(service: NodeService, n: int) -> list[float]:
    connection = http.client.HTTPConnection(service.host, service.port, timeout=60)
    connection.connect()
    body, times_ms = TENSOR.tobytes(), []
    for _ in range(n):
        begin_ns = time.perf_counter_ns()
        connection.request("POST", "/infer", body, {"Content-Type": "application/octet-stream"})
        response = connection.getresponse()
        response.read()
        times_ms.append((time.perf_counter_ns() - begin_ns) / 1e6)
        assert response.status == http.HTTPStatus.SERVICE_UNAVAILABLE, response.status
    return times_ms


def _alive(service: NodeService, others: list[Future[list[float]]]) -> list[float]:
    connection = http.client.HTTPConnection(service.host, service.port, timeout=60)
    times_ms = []
    while not all(one.done() for one in others):
        begin_ns = time.perf_counter_ns()
        connection.request("GET", "/livez")
        assert connection.getresponse().read()
        times_ms.append((time.perf_counter_ns() - begin_ns) / 1e6)
        time.sleep(LIVEZ_EVERY_S)
    return times_ms


SERVICE_OVER_BARE = Bench(
    name="service",
    rows=(
        Row(
            name="node service: raw float32 1x3x512x512 request, weld-station model",
            against="bare session.run plus memcpy in one process",
            key="ms",
            unit="ms",
            reach=1.5,
            stretch=1.3,
        ),
    ),
    ours=_raw,
    peer=_bare,
)
SERVICE_RAW_OVER_JSON = Bench(
    name="service-json",
    rows=(
        Row(
            name="node service: requests per second with raw bytes",
            against="the same tensor as the seed's JSON, written by the client",
            key="per_s",
            unit="1/s",
            reach=10.0,
            stretch=None,
            sense=Sense.RATIO_AT_LEAST,
        ),
    ),
    ours=_raw,
    peer=_json,
)
SERVICE_STALLED = Bench(
    name="service-stalled",
    rows=(
        Row(
            name="node service, model stopped: slowest 503 of 10,000",
            against="the ceiling",
            key="slowest_ms",
            unit="ms",
            reach=CEILING_MS,
            stretch=None,
            sense=Sense.OURS_AT_MOST,
        ),
        Row(
            name="node service, model stopped: /livez p99 meanwhile",
            against="a person's patience",
            key="livez_p99_ms",
            unit="ms",
            reach=100,
            stretch=20,
            sense=Sense.OURS_AT_MOST,
        ),
        Row(
            name="node service, model stopped: memory grown over 10,000 requests",
            against="one request's tensor is 3 MiB",
            key="grown_mib",
            unit="MiB",
            reach=32,
            stretch=8,
            sense=Sense.OURS_AT_MOST,
        ),
    ),
    ours=_stalled,
    peer=None,
    n_rounds=1,
)
SERVICE = (SERVICE_OVER_BARE, SERVICE_RAW_OVER_JSON, SERVICE_STALLED)
