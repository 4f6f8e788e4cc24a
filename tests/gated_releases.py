"""Releases with a real model, a real gate's decision and a real desired state, and who signs them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import onnx

from hilrig.attest.desired_state import (
    DESIRED_FILE,
    DesiredState,
    Guardrail,
    GuardrailMetric,
    Rollout,
    RolloutMode,
    build_desired_state,
)
from hilrig.attest.envelope import sign
from hilrig.attest.gate_decision import Evidence, GateDecision, build_gate_decision
from hilrig.config.noun_json import to_json
from hilrig.core.canonical import sha256_hex
from hilrig.core.profile import BackendSpec, DecideSpec, PipelineSpec
from hilrig.core.release import (
    FILES_FOLDER,
    GATE_DECISION_FILE,
    RELEASE_FILE,
    ReleaseFile,
    ReleaseManifest,
)
from hilrig.node.identity import NodeIdentity
from hilrig.node.store import Store
from hilrig.target.model_files import bundle_sha256
from signed_runs import Signer
from small_models import PREPROCESS, build_model, spec_for

IDENTITY = NodeIdentity(node_id="cell-3", device_class="x86-cpu", stack_sha256="5" * 64, reserve_mib=0)
NOW = datetime.now(timezone.utc)
GUARDRAIL = Guardrail(
    metric=GuardrailMetric.ERROR_PCT,
    success_max=1.0,
    failure_min=5.0,
    min_samples=10,
    max_missing=5,
    consecutive_errors=3,
)
ROLLOUT = Rollout(mode=RolloutMode.BLUE_GREEN, canary_nodes=(), window_s=10.0, guardrails=(GUARDRAIL,))


def utc(days: float = 0.0) -> str:
    """Return a moment some days from now."""
    return (NOW + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class Publisher:
    """A folder that releases are published into, with the keys of gate and desired states."""

    folder: Path

    def __post_init__(self) -> None:
        self.gate = Signer(self.folder / "keys" / "gate")
        self.desired = Signer(self.folder / "keys" / "desired")
        self.stranger = Signer(self.folder / "keys" / "stranger")
        self.out = self.folder / "out"

    def store(self, name: str = "store", identity: NodeIdentity = IDENTITY) -> Store:
        """Make a store that trusts these keys."""
        keys = {
            "keys/gate/gate.pub": self.gate.public_key.read_bytes(),
            "keys/desired/desired.pub": self.desired.public_key.read_bytes(),
        }
        return Store.create(self.folder / name, identity, keys=keys)

    def release(
        self,
        sequence: int,
        *,
        decide: Mapping[str, Any] | None = None,
        signer: Signer | None = None,
        model: bytes | None = None,
        **changes: Any,
    ) -> str:
        """Publish a release whose version is its sequence; return its sha256.

        `decide` changes the gate's decision, `changes` the manifest.
        """
        data = model or _model(sequence)
        manifest = _manifest(sequence, data, changes)
        manifest_bytes = to_json(manifest)
        sha256 = sha256_hex(manifest_bytes)
        folder = self.out / "releases" / sha256
        (folder / FILES_FOLDER).mkdir(parents=True, exist_ok=True)
        (folder / FILES_FOLDER / sha256_hex(data)).write_bytes(data)
        (folder / RELEASE_FILE).write_bytes(manifest_bytes)
        self.decide(sha256, manifest, signer=signer, **(decide or {}))
        return sha256

    def decide(
        self, sha256: str, manifest: ReleaseManifest, *, signer: Signer | None = None, **changes: Any
    ) -> Path:
        """Write the gate's decision on a release, PASSED unless `changes` says otherwise; return its file."""
        decision = replace(_decision(sha256, manifest), **changes)
        path = self.out / "releases" / sha256 / GATE_DECISION_FILE
        path.write_bytes(sign(build_gate_decision(decision), (signer or self.gate).signer))
        return path

    def desire(self, sha256: str, sequence: int, *, signer: Signer | None = None, **changes: Any) -> Path:
        """Write the desired state; return its file."""
        desired = replace(
            DesiredState(
                release_sha256=sha256,
                nodes=("*",),
                device_class="x86-cpu",
                sequence=sequence,
                issued_at_utc=utc(-1),
                expires_at_utc=utc(30),
                release_url=f"releases/{sha256}",
                rollout=ROLLOUT,
            ),
            **changes,
        )
        path = self.out / DESIRED_FILE
        path.write_bytes(sign(build_desired_state(desired), (signer or self.desired).signer))
        return path

    def manifest(self, sha256: str) -> ReleaseManifest:
        """Return the manifest of a published release."""
        from hilrig.node.release_files import parse_manifest

        return parse_manifest((self.out / "releases" / sha256 / RELEASE_FILE).read_bytes())


def _model(sequence: int) -> bytes:
    model = build_model()
    model.doc_string = f"release {sequence}"
    return bytes(onnx.ModelProto.SerializeToString(model))


def _manifest(sequence: int, data: bytes, changes: Mapping[str, Any]) -> ReleaseManifest:
    digest = sha256_hex(data)
    manifest = ReleaseManifest(
        name="weld",
        version=str(sequence),
        sequence=sequence,
        config_version="c1",
        device_classes=("x86-cpu",),
        stack_sha256="",
        model=spec_for("model.onnx"),
        pipeline=PipelineSpec(
            target="in_process",
            preprocess=PREPROCESS,
            backend=BackendSpec(name="onnx", options={"providers": ["CPUExecutionProvider"]}),
            decide=DecideSpec(thresholds={"a": 0.5, "b": 0.5}),
        ),
        files=(ReleaseFile(path="model.onnx", sha256=digest, size_bytes=len(data)),),
        bundle_sha256=bundle_sha256({"model.onnx": digest}),
    )
    return replace(manifest, **changes)


def _decision(sha256: str, manifest: ReleaseManifest) -> GateDecision:
    return GateDecision(
        release_sha256=sha256,
        manifest_sha256="8" * 64,
        model_files_sha256={file.path: file.sha256 for file in manifest.files},
        bundle_sha256=manifest.bundle_sha256,
        passed=True,
        device_class="x86-cpu",
        stack_sha256="",
        sequence=manifest.sequence,
        decided_at_utc=utc(-1),
        expires_at_utc=utc(30),
        policy=Evidence(uri="hilrig:policy/default", sha256="6" * 64),
        attestations=(Evidence(uri="hilrig:run/run-1", sha256="7" * 64),),
    )
