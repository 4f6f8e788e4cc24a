"""hilrig.node.service when the model hangs, dies or is not there, and how the service begins and ends.

A hanging model is a real one whose process is stopped (SIGSTOP): nothing in the service knows of tests.
"""

import json
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest

from hilrig.core.plc import FailSafeReason
from hilrig.node.trust import gate_accept
from node_services import SERVE, NodeService, install, make_store, serving_node, tiny_store, write_tiny_release
from plc_servers import plc_server
from small_models import SHAPE, build_model

pytestmark = pytest.mark.waiting

CEILING_MS = 400
"""Ten times the seed's: what is held is that the ceiling is kept, also on a machine that does other things."""
N_ROUNDS = 4
N_STALLED = 300  # 10,000 at 40 ms are a bench's; a thread or a buffer for each would show as well
TENSOR = np.full(SHAPE, 0.3, np.float32)


def timed(service: NodeService) -> tuple[int, str, float]:
    began = time.monotonic()
    answer = service.infer(TENSOR)
    return answer.status, answer.json.get("error_code", ""), (time.monotonic() - began) * 1000


def answers_ms(service: NodeService, engine: psutil.Process) -> list[float]:
    """Ask a service whose model has just stalled; return what each answer took. The model goes on behind it."""
    engine.suspend()
    try:
        found = [timed(service) for _ in range(N_STALLED)]
        assert min(livez_s(service) for _ in range(5)) < 0.1
        assert service.ask("GET", "/readyz").status == 503
    finally:
        engine.resume()
    service.until(lambda: service.ask("GET", "/readyz").status == 200)
    assert {(status, code) for status, code, _ in found} == {(503, "HR-203")}
    return [ms for *_, ms in found]


def livez_s(service: NodeService) -> float:
    began = time.monotonic()
    assert service.ask("GET", "/livez").status == 200
    return time.monotonic() - began


@pytest.fixture(scope="module")
def patient(tmp_path_factory):
    """Return a service that never takes its model for stuck."""
    store = tiny_store(tmp_path_factory.mktemp("patient"))
    with serving_node(store.folder, "--stuck-ms", "600000", ceiling_ms=CEILING_MS) as service:
        yield service


def test_a_stalled_model_costs_neither_threads_nor_memory(patient):
    """Each of many requests gets 503 within the ceiling; threads and memory stay; /livez answers at once."""
    process = psutil.Process(patient.process.pid)
    (engine,) = patient.engines()
    assert timed(patient)[0] == 200
    before = (process.num_threads(), process.num_fds(), process.memory_info().rss)
    rounds = [answers_ms(patient, engine)]
    while max(rounds[-1]) >= CEILING_MS and len(rounds) < N_ROUNDS:  # the client may be late to hear an answer
        rounds.append(answers_ms(patient, engine))
    took_ms = rounds[-1]
    assert max(took_ms) < CEILING_MS
    assert took_ms[0] > CEILING_MS / 2  # the first one waited for the model
    assert sorted(took_ms)[N_STALLED // 2] < CEILING_MS / 10  # the others were told at once
    assert (process.num_threads(), process.num_fds()) == before[:2]
    assert process.memory_info().rss - before[2] < 8 << 20
    window = patient.get("/node/window")
    assert window["n_timeout"] == window["n_failed"] == N_STALLED * len(rounds)


def test_a_late_answer_is_nobodys(patient):
    """What the model answers after the ceiling is dropped: the next request gets the decision on its own input."""
    (engine,) = patient.engines()
    engine.suspend()
    try:
        assert patient.infer(np.ones(SHAPE, np.float32)).status == 503
    finally:
        engine.resume()
    patient.until(lambda: patient.ask("GET", "/readyz").status == 200)
    assert patient.infer(TENSOR).json["score"] == pytest.approx(0.6, abs=1e-5)


def test_a_full_queue_is_refused_at_once(patient):
    """With one input in the model and two waiting the fourth is told so, long before the ceiling."""
    (engine,) = patient.engines()
    others = [NodeService(patient.process, patient.url, "", patient.log_path) for _ in range(4)]
    engine.suspend()
    try:
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(timed, others))
    finally:
        engine.resume()
    assert {status for status, *_ in found} == {503}
    assert sorted(code for _, code, _ in found) == ["HR-203"] * 3 + ["HR-206"]
    assert next(ms for _, code, ms in found if code == "HR-206") < CEILING_MS / 2
    patient.until(lambda: patient.ask("GET", "/readyz").status == 200)


@pytest.fixture(scope="module")
def brittle(tmp_path_factory):
    """Return a service that replaces its model after half a second without an answer."""
    store = tiny_store(tmp_path_factory.mktemp("brittle"))
    with serving_node(store.folder, "--stuck-ms", "500", ceiling_ms=200) as service:
        yield service


def test_a_stuck_model_is_killed_and_loaded_again(brittle):
    """The same verified release serves again from a new process; the log says HR-203, then HR-207."""
    (engine,) = brittle.engines()
    release = brittle.get("/healthz")
    engine.suspend()
    assert brittle.infer(TENSOR).json["error_code"] == "HR-203"
    brittle.until(lambda: not engine.is_running() and brittle.ask("GET", "/readyz").status == 200)
    assert brittle.get("/healthz") == release
    assert brittle.infer(TENSOR).status == 200
    codes = [line["error_code"] for line in brittle.events()]
    assert codes.index("HR-203") < codes.index("HR-207")


def test_a_model_that_dies_is_loaded_again(brittle):
    """SIGKILL: alive, not ready, then ready again on its own; the request meanwhile is a 503."""
    (engine,) = brittle.engines()
    engine.kill()
    brittle.until(lambda: brittle.ask("GET", "/readyz").status == 503)
    assert brittle.ask("GET", "/livez").status == 200
    assert brittle.infer(TENSOR).json["error_code"] == "HR-207"
    brittle.until_ready()
    assert brittle.infer(TENSOR).status == 200


def test_a_file_that_changed_is_found_before_it_runs_again(tmp_path):
    """The model dies, its file is damaged by then: it is not loaded again, the release before serves."""
    store = make_store(tmp_path / "store")
    for name in ("one", "two"):
        model = build_model()
        model.doc_string = name
        write_tiny_release(tmp_path / name, graph=model.SerializeToString(), version=name)
        install(store, tmp_path / name)
    path = store.folder / "releases" / store.state().current / "model/model.onnx"
    with serving_node(store.folder) as service:
        assert service.get("/healthz")["model_version"] == "two"
        path.chmod(0o644)
        path.write_bytes(path.read_bytes().replace(b"two", b"tvo"))  # it would load, and score the same
        assert service.get("/node/status")["ready"]  # what runs was hashed when it was loaded
        (engine,) = service.engines()
        engine.kill()
        service.until(lambda: service.get("/healthz").get("model_version") == "one")
        status = service.get("/node/status")
        assert (status["active"]["version"], status["previous"]) == ("one", None)
        assert "damaged" in status["reason"]
    assert len(list((store.folder / "quarantine").iterdir())) == 2  # the release and its file


def test_what_the_plc_gets_is_on_the_metrics_port(tmp_path):
    """A real PLC's server behind a real service: heartbeats, fail-safes by reason, the link; then it goes away."""
    store = tiny_store(tmp_path)
    with plc_server() as plc, serving_node(store.folder, "--plc", plc.url) as service:
        metrics = NodeService(service.process, service.metrics_url, "", service.log_path)
        assert service.infer(TENSOR, X_Correlation_Id="7").status == 200
        plc.until(lambda write: write.reason is FailSafeReason.ABSENT)

        def shown() -> dict[str, float]:
            lines = metrics.ask("GET", "/metrics").body.decode().splitlines()
            pairs = (line.rpartition(" ") for line in lines if line.startswith("plc_"))
            return {name: float(value) for name, _, value in pairs}

        absent = 'plc_fail_safes_written_total{reason="absent"}'
        found = service.until(lambda: (now := shown()).get(absent, 0) > 0 and now["plc_link_up"] == 1 and now)
        assert found["plc_heartbeats_written_total"] > found[absent]
        assert 0 < found['plc_tick_lateness_seconds{quantile="1"}'] <= 0.01
        assert next(line for line in service.events() if line["event"] == "plc.connected")["node"] == "press-7"
        plc.refuses = True
        service.until(lambda: shown()["plc_link_up"] == 0)
        assert shown()["plc_writes_failed_total"] > 0


def test_a_model_never_outlives_its_service(tmp_path):
    """SIGKILL of the service takes the model's process along; SIGTERM ends both cleanly, with exit status 0."""
    store = tiny_store(tmp_path)
    with serving_node(store.folder) as service:
        (engine,) = service.engines()
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(20) == 0
        assert not engine.is_running()
    with serving_node(store.folder) as service:
        (engine,) = service.engines()
        service.process.kill()
        psutil.wait_procs([engine], timeout=60)
        assert not engine.is_running() or engine.status() == psutil.STATUS_ZOMBIE


def test_without_a_model_it_lives_and_is_not_ready(tmp_path):
    """An empty store: /livez 200, all that need a model 503 with a code, and /node/status says why."""
    store = make_store(tmp_path / "store")
    with serving_node(store.folder, ready=False) as service:
        assert service.ask("GET", "/livez").status == service.ask("GET", "/v2/health/live").status == 200
        for path in ("/readyz", "/healthz", "/v2/health/ready", "/v2/models/weld"):
            answer = service.ask("GET", path)
            assert answer.status == 503, path
            assert answer.json["error_code"].startswith("HR-")
        assert service.infer(TENSOR).status == 503
        status = service.get("/node/status")
        assert (status["ready"], status["active"], status["node_id"]) == (False, None, "press-7")
        assert status["error_code"].startswith("HR-")
        write_tiny_release(tmp_path / "first")
        install(store, tmp_path / "first")
        service.until_ready()  # nobody has to start it again


def test_a_candidate_that_does_not_load_spends_its_tries(tmp_path):
    """The release before serves again, and the candidate is rolled back by the store with its reason."""
    store = tiny_store(tmp_path)
    confirmed = store.state().current
    write_tiny_release(tmp_path / "broken", version="2", graph=b"no model", golden=False, sequence=2)
    accept = gate_accept(store.folder)
    broken = store.stage(tmp_path / "broken", accept=accept)
    store.activate(broken, accept=accept, tries=2)
    with serving_node(store.folder) as service:
        assert service.get("/node/status")["active"]["release_sha256"] == confirmed
        assert "HR-202" in [line["error_code"] for line in service.events()]
    assert store.state().candidate is None
    assert broken in store.state().barred


def test_on_other_addresses_a_token_is_needed(tmp_path):
    """Without a token it listens on loopback only; with one, whoever has not the token loads nothing."""
    store = tiny_store(tmp_path)
    refused = subprocess.run(
        [*_serve(store.folder), "--host", "0.0.0.0"], capture_output=True, text=True, timeout=60, check=False
    )
    assert refused.returncode == 2
    assert "token" in refused.stderr
    token = tmp_path / "token"
    token.write_text("a-long-secret\n")
    token.chmod(0o600)
    with serving_node(store.folder, "--token-file", str(token), "--client-threshold") as service:
        asked = json.dumps({"model_name": "weld"})
        answers = [
            service.ask("POST", "/reload-model", asked, Content_Type="application/json", **given)
            for given in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer a-long-secret"})
        ]
        assert [answer.status for answer in answers] == [401, 401, 200]
        strict = json.dumps({"tensor": TENSOR.reshape(-1).tolist(), "threshold": 0.99})
        found = service.ask("POST", "/infer", strict, Content_Type="application/json").json
        assert found["defective"] is False  # --client-threshold: the score is 0.6


def test_a_taken_port_is_said_in_words(patient, tmp_path):
    """Exit status 22 and the port, not a traceback."""
    store = tiny_store(tmp_path)
    command = [*_serve(store.folder), "--port", str(patient.port)]
    refused = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert refused.returncode == 22
    assert str(patient.port) in refused.stderr
    assert "Traceback" not in refused.stderr


def test_importing_the_service_does_nothing():
    """No socket, thread, file or model comes into being before somebody asks for a service."""
    code = (
        "import importlib, pkgutil, psutil, hilrig.node.service as s\n"
        "for m in pkgutil.iter_modules(s.__path__): importlib.import_module(f'{s.__name__}.{m.name}')\n"
        "import threading; me = psutil.Process()\n"
        "print(len(me.net_connections()), threading.active_count(), len(me.children()))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert said.stdout.split() == ["0", "1", "0"]


def _serve(store: Path) -> list[str]:
    return [*SERVE, "--store", str(store)]
