"""A release with a real run behind it: profile in a tagged git repository, evidence, keys, release folder."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from disturbed_runs import until_undisturbed
from hilrig.app.gate.check import Checked, GateRequest, check_release
from hilrig.app.gate.facts import GateSubject
from hilrig.app.gate.manifest import MadeManifest, ManifestRequest, make_manifest
from hilrig.app.gate.trusted_signers import named_signers
from hilrig.attest.keys import create_key, load_signer
from hilrig.core.canonical import canonical_json
from hilrig.core.clock import ClockTriple, SystemClock
from hilrig.core.gate_manifest import MANIFEST_FILE
from needed_programs import need
from onnx_stations import write_onnx_station

CLASS = "x86-cpu"
POLICY = """\
format: 1
name: small
valid_days: 30
waivable: [support]
approvals:
  - {when: crypto_changed, role: security, n: 1}
  - {when: policy_loosened, role: quality, n: 1}
  - {when: waiver_used, role: quality, n: 1}
items:
  - id: hil
    title: The station's limits hold
    owner: QA
    needs: [{check: run-passed}, {check: signatures-hold}]
  - id: integrity
    title: These files, built from a tag
    owner: ML
    needs: [{check: model-files-match}, {check: release-matches}, {check: built-from-tag}, {check: no-secrets}]
  - id: support
    title: Somebody is on call
    owner: support
    needs: [{check: document, topic: on-call, max_age_days: 90}]
"""


class ShiftedClock(SystemClock):
    """The machine's clock, some days from now."""

    def __init__(self, days: float) -> None:
        self._shift_ns = round(days * 86_400e9)

    def triple(self) -> ClockTriple:
        now = super().triple()
        return ClockTriple(
            monotonic_ns=now.monotonic_ns,
            realtime_ns=now.realtime_ns + self._shift_ns,
            boottime_ns=now.boottime_ns,
        )


@dataclass(frozen=True)
class GateFolder:
    """Everything that `gate manifest` and `gate check` look at, below one folder."""

    folder: Path

    @property
    def profile(self) -> Path:
        return self.folder / "source" / "station"

    @property
    def evidence(self) -> Path:
        return self.folder / "evidence"

    @property
    def release(self) -> Path:
        return self.folder / "release"

    @property
    def policy(self) -> Path:
        return self.folder / "policy.yaml"

    @property
    def run_dir(self) -> Path:
        return next(path for path in self.evidence.iterdir() if path.is_dir())

    @property
    def document(self) -> Path:
        return self.evidence / "on-call.md"

    def key(self, name: str) -> Path:
        """Return the file of a public key."""
        return self.folder / "home" / "keys" / f"{name}.pub"

    def signer(self, name: str):
        """Return who signs with a key."""
        return load_signer(self.key(name).with_suffix(".pem"), passphrase=None)

    def copy(self, folder: Path) -> "GateFolder":
        """Return a copy to change."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return GateFolder(folder)

    def manifest(self, run_keys: Sequence[Path] | None = None, **changes: Any) -> MadeManifest:
        """Make the manifest, again where there is one."""
        asked = {
            "profile": self.profile,
            "evidence": self.evidence,
            "out": self.release,
            "previous": None,
            "version": "",
            "sequence": None,
            "lock": None,
        }
        signers = named_signers(runs=run_keys or [self.key("rig")], approvers=[], publishers=[])
        return make_manifest(ManifestRequest(**(asked | changes)), signers, clock=SystemClock())

    def check(
        self,
        *,
        run_keys: Sequence[str] = ("rig",),
        approvers: Sequence[str] = (),
        gate: str | None = "gate",
        profile: bool = True,
        clock: Any = None,
        **changes: Any,
    ) -> Checked:
        """Decide; `approvers` as `ann:quality`."""
        asked = {
            "subject": GateSubject(
                release=self.release, evidence=self.evidence, profile=self.profile if profile else None, lock=None
            ),
            "policy": str(self.policy),
            "classes": (),
            "before": None,
            "is_bound_to_stack": True,
            "expires_days": None,
        }
        names = [text.split(":") for text in approvers]
        return check_release(
            GateRequest(**(asked | changes)),
            named_signers(
                runs=[self.key(name) for name in run_keys],
                approvers=[f"{self.key(name)}:{role}" for name, role in names],
                publishers=[self.key("gate")],
            ),
            gate=None if gate is None else self.signer(gate),
            clock=clock or SystemClock(),
        )

    def rewrite(self, change: Callable[[dict[str, Any]], Any]) -> None:
        """Change what the manifest states, in the form that hilrig writes."""
        path = self.release / MANIFEST_FILE
        document = json.loads(path.read_bytes())
        change(document)
        path.write_bytes(canonical_json(document))


def make_gate_folder(folder: Path) -> GateFolder:
    """Measure a small station with `hilrig run`, put the run among evidence, make the release."""
    made = GateFolder(folder)
    for name in ("rig", "gate", "ann", "bob", "stranger"):
        create_key(folder / "home" / "keys", name, passphrase=None)
    write_onnx_station(made.profile, "CPUExecutionProvider")
    text = (made.profile / "profile.yaml").read_text()
    (made.profile / "profile.yaml").write_text(text.replace("p99_max_ms: 1000", "p95_max_ms: 1000"))
    (folder / "source" / "requirements.lock").write_text("numpy==2.0.0\n")
    git(folder / "source", "init", "-q")
    git(folder / "source", "add", ".")
    git(folder / "source", "commit", "-q", "-m", "release")
    git(folder / "source", "tag", "v1")
    made.evidence.mkdir()
    shutil.move(measured(made), made.evidence)
    made.document.write_text("# On call\nReviewed: 2026-11-01\nAnn\n")
    made.policy.write_text(POLICY)
    made.manifest(version="1.0", sequence=7)
    return made


def measured(made: GateFolder) -> Path:
    """Return the directory of a run that passed: 200 frames are enough for a p95."""
    command = [sys.executable, "-m", "hilrig", "run", str(made.profile), "--json"]
    kept = {"cwd": made.folder, "env": os.environ | {"HILRIG_HOME": str(made.folder / "home")}}

    def attempt() -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, **kept, capture_output=True, text=True, timeout=120, check=False)

    def runs(_: object) -> list[Path]:
        return sorted(result.parent for result in made.folder.glob("reports/*/result.json"))

    done = until_undisturbed(attempt, runs)
    assert done.returncode == 0, f"the run did not pass\n{done.stderr}"
    return made.folder / json.loads(done.stdout)["run_dir"]


def git(folder: Path, *words: str) -> None:
    """Call git as somebody who has no settings."""
    need("git")
    who = ["-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True, timeout=30)
