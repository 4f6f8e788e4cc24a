"""A real `hilrig node serve` for tests: a process over a real store, on ports that the kernel chose."""

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from securesystemslib.signer import CryptoSigner

from hilrig.attest.envelope import sign
from hilrig.attest.gate_decision import Evidence, GateDecision, build_gate_decision
from hilrig.attest.public_key import accept_public_key
from hilrig.config.noun_json import from_json
from hilrig.core.canonical import sha256_hex
from hilrig.core.profile import BackendSpec, DecideSpec, PipelineSpec
from hilrig.core.release import GATE_DECISION_FILE, RELEASE_FILE, GoldenSample, ReleaseManifest
from hilrig.node.layout import GATE_KEYS
from hilrig.node.store import Store
from hilrig.node.trust import gate_accept
from hilrig.target.model_files import bundle_sha256
from node_releases import IDENTITY, write_release
from small_models import PREPROCESS, SHAPE, build_model, spec_for

START_S = 60.0  # a loaded machine; nothing waits for it that works
LABELS = ("a", "b")
GOLDEN_INPUT = np.full(SHAPE, 0.25, np.float32)
PIPELINE = PipelineSpec(
    target="in_process",
    preprocess=PREPROCESS,
    backend=BackendSpec(name="onnx", options={}),
    decide=DecideSpec(thresholds={"a": 0.5, "b": 0.5}),
)


@cache
def gate() -> tuple[CryptoSigner, bytes]:
    """Return the gate's signer, and its public key as PEM."""
    private = generate_private_key(SECP256R1())
    public = private.public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return CryptoSigner(private, accept_public_key(public, name="gate").sslib), pem


def write_tiny_release(
    folder: Path,
    *,
    golden: bool = True,
    golden_scores: tuple[float, ...] = (0.25, 0.5),
    graph: bytes | None = None,
    **changes: Any,
) -> str:
    """Publish a release of a real small model, with the gate's signed decision; return its sha256.

    The scores of the model are the mean of its input times 1 and 2. `changes` are fields of the manifest.
    """
    graph = build_model().SerializeToString() if graph is None else graph
    files = {"model.onnx": graph} | ({"golden.bin": GOLDEN_INPUT.tobytes()} if golden else {})
    values: dict[str, Any] = {
        "model": spec_for("model.onnx"),
        "pipeline": PIPELINE,
        "bundle_sha256": bundle_sha256({"model.onnx": sha256_hex(graph)}),
        "golden": GoldenSample(input_sha256=sha256_hex(files["golden.bin"]), scores=golden_scores, tolerance=1e-4)
        if golden
        else None,
    }
    sha256 = write_release(folder, files, **{**values, **changes})
    decide(folder)
    return sha256


def decide(folder: Path, *, passed: bool = True) -> None:
    """Have the gate sign its decision on a release folder."""
    data = (folder / RELEASE_FILE).read_bytes()
    manifest = from_json(ReleaseManifest, data, what="release.json")
    now = datetime.now(timezone.utc)
    decision = GateDecision(
        release_sha256=sha256_hex(data),
        manifest_sha256="8" * 64,
        model_files_sha256={one.path: one.sha256 for one in manifest.files if one.path in manifest.model.files},
        bundle_sha256=manifest.bundle_sha256,
        passed=passed,
        device_class=IDENTITY.device_class,
        stack_sha256="",
        sequence=1,
        decided_at_utc=_utc(now - timedelta(minutes=1)),
        expires_at_utc=_utc(now + timedelta(days=1)),
        policy=Evidence(uri="hilrig:policy/default", sha256="6" * 64),
        attestations=(Evidence(uri="hilrig:run/20261121T053312Z-weld-station-a1b2c3", sha256="7" * 64),),
    )
    (folder / GATE_DECISION_FILE).write_bytes(sign(build_gate_decision(decision), gate()[0]))


def make_store(folder: Path) -> Store:
    """Make a node's store that trusts `gate()`."""
    return Store.create(folder, IDENTITY, keys={f"{GATE_KEYS}/gate.pub": gate()[1]})


def install(store: Store, release: Path, *, confirm: bool = True) -> str:
    """Stage and activate a release as a technician would; return its sha256."""
    accept = gate_accept(store.folder)
    sha256 = store.stage(release, accept=accept)
    store.activate(sha256, accept=accept)
    if confirm:
        store.confirm(sha256)
    return sha256


def tiny_store(folder: Path, **changes: Any) -> Store:
    """Return a store that serves one small real model."""
    store = make_store(folder / "store")
    write_tiny_release(folder / "release", **changes)
    install(store, folder / "release")
    return store


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the service said."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class NodeService:
    """A running service."""

    def __init__(self, process: subprocess.Popen[bytes], url: str, metrics_url: str, log: Path) -> None:
        self.process, self.url, self.metrics_url, self.log_path = process, url, metrics_url, log
        self.host, self.port = url.removeprefix("http://").split(":")[0], int(url.rpartition(":")[2])
        self._kept: http.client.HTTPConnection | None = None

    def ask(self, method: str, path: str, body: bytes | str | None = None, **headers: str) -> Answer:
        """Ask over a kept connection; `Content_Type` becomes Content-Type."""
        if self._kept is None:
            self._kept = http.client.HTTPConnection(self.host, self.port, timeout=30)
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            self._kept.request(method, path, body, names)
            response = self._kept.getresponse()
            return Answer(status=response.status, headers=dict(response.headers), body=response.read())
        except (http.client.HTTPException, OSError):
            self._kept.close()
            self._kept = None
            raise

    def get(self, path: str) -> Any:
        """Return the JSON at `path`, whatever its status."""
        return self.ask("GET", path).json

    def infer(self, tensor: np.ndarray, **headers: str) -> Answer:
        """Ask for a decision on a raw tensor."""
        return self.ask("POST", "/infer", tensor.tobytes(), Content_Type="application/octet-stream", **headers)

    def reload(self, **asked: str) -> Answer:
        """Ask for another model."""
        return self.ask("POST", "/reload-model", json.dumps(asked), Content_Type="application/json")

    def until(self, condition: Any, *, timeout_s: float = START_S) -> Any:
        """Wait until `condition()` holds; return what it gave."""
        end_s = time.monotonic() + timeout_s
        while not (found := condition()):
            assert time.monotonic() < end_s, f"it never came to be\n{self.log_path.read_text()}"
            assert self.process.poll() is None, f"the service ended\n{self.log_path.read_text()}"
            time.sleep(0.02)
        return found

    def until_ready(self) -> "NodeService":
        """Wait until a model serves."""
        self.until(lambda: self.ask("GET", "/readyz").status == 200)
        return self

    def engines(self) -> list[psutil.Process]:
        """Return the processes that hold models."""
        children = psutil.Process(self.process.pid).children()
        return [one for one in children if _holds_model(one)]

    def events(self) -> list[dict[str, Any]]:
        """Return the log lines so far."""
        lines = self.log_path.read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]


def _holds_model(process: psutil.Process) -> bool:
    try:
        return any("engine_child" in word for word in process.cmdline())
    except psutil.Error:  # it ended just now
        return False


@contextmanager
def serving_node(
    store: Path,
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    log: Path | None = None,
    ready: bool = True,
    ceiling_ms: float = 2000,
) -> Iterator[NodeService]:
    """Run `hilrig node serve` over a store for as long as the block; its stderr goes to `log`.

    The ceiling is far above the seed's 40 ms: a noisy machine must not decide what a test says.
    """
    log = log or store.parent / "service.log"
    with log.open("ab") as stderr:
        process = subprocess.Popen(
            [*SERVE, "--store", str(store), "--ceiling-ms", str(ceiling_ms), "--json", *arguments],
            stdout=subprocess.PIPE,
            stderr=stderr,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )
    try:
        said = _first_object(process, log)
        service = NodeService(process, said["url"], said["metrics_url"], log)
        yield service.until_ready() if ready else service
    finally:
        _end(process)


SERVE: Sequence[str] = (
    sys.executable,
    "-m",
    "hilrig",
    "node",
    "serve",
    "--port",
    "0",
    "--metrics-port",
    "0",
)


def _first_object(process: "subprocess.Popen[bytes]", log: Path) -> dict[str, Any]:
    assert process.stdout is not None
    text = b""
    while line := process.stdout.readline():
        text += line
        if line.rstrip() == b"}":
            said: dict[str, Any] = json.loads(text)
            return said
    raise AssertionError(f"the service ended at once\n{log.read_text()}")


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _utc(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
