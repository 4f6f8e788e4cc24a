"""Release folders with signed decisions in them, made without a run: for what only reads decisions."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from hilrig.app.gate.keys import GateTrust
from hilrig.attest.envelope import sign
from hilrig.attest.gate_decision import Evidence, GateDecision, build_gate_decision
from hilrig.attest.keys import load_public_keys
from hilrig.config.noun_json import to_json
from hilrig.core.canonical import sha256_hex
from hilrig.core.gate_manifest import MANIFEST_FILE
from hilrig.core.release import FILES_FOLDER, RELEASE_FILE, ReleaseManifest
from node_releases import IDENTITY, SMALL, make_manifest
from signed_runs import Signer

NOW = datetime(2026, 11, 22, 6, 0, tzinfo=timezone.utc)
NOW_NS = int(NOW.timestamp()) * 1_000_000_000
CLASS = IDENTITY.device_class


def utc(days: float) -> str:
    """Return a moment some days from the tests' now."""
    return (NOW + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class GatedFolder:
    """A release folder as `gate manifest` and `gate check` leave it, and the key of the gate."""

    folder: Path
    gate: Signer

    def __post_init__(self) -> None:
        self.release: ReleaseManifest = make_manifest(SMALL, device_classes=(CLASS, "jetson-orin-nx-8gb"))
        (self.folder / FILES_FOLDER).mkdir(parents=True)
        for data in SMALL.values():
            (self.folder / FILES_FOLDER / sha256_hex(data)).write_bytes(data)
        (self.folder / RELEASE_FILE).write_bytes(to_json(self.release))
        (self.folder / MANIFEST_FILE).write_bytes(b'{"schema":"hilrig.release-manifest/1"}')
        (self.folder / "decisions").mkdir()

    @property
    def sha256(self) -> str:
        """Return the release's name."""
        return sha256_hex((self.folder / RELEASE_FILE).read_bytes())

    @property
    def trusted(self) -> GateTrust:
        """Return the trust in this gate's key alone."""
        return GateTrust(keys=load_public_keys([self.gate.public_key]))

    def decision(self, **changes: Any) -> GateDecision:
        """Return a decision that passes this release, unless `changes` says otherwise."""
        passed = GateDecision(
            release_sha256=self.sha256,
            manifest_sha256=sha256_hex((self.folder / MANIFEST_FILE).read_bytes()),
            model_files_sha256={file.path: file.sha256 for file in self.release.files},
            bundle_sha256=self.release.bundle_sha256,
            passed=True,
            device_class=CLASS,
            stack_sha256="",
            sequence=100,
            decided_at_utc=utc(-1),
            expires_at_utc=utc(30),
            policy=Evidence(uri="hilrig:policy/default", sha256="6" * 64),
            attestations=(Evidence(uri="hilrig:run/run-1", sha256="7" * 64),),
        )
        return replace(passed, **changes)

    def decide(self, *, name: str = CLASS, signer: Signer | None = None, **changes: Any) -> Path:
        """Write a decision among the others; return its file."""
        path = self.folder / "decisions" / f"{name}.dsse.json"
        path.write_bytes(sign(build_gate_decision(self.decision(**changes)), (signer or self.gate).signer))
        return path
