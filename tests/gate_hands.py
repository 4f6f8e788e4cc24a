"""What one careless or hostile hand does to a release, the exit code that follows, what the reason says."""

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from gate_folders import CLASS, GateFolder, ShiftedClock, git
from gated_releases import ROLLOUT, utc
from hilrig.app.gate.approvals import ApprovalRequest, approve
from hilrig.app.gate.keys import GateTrust
from hilrig.app.gate.revoke import revoke
from hilrig.attest.desired_state import DesiredState, build_desired_state
from hilrig.attest.envelope import sign
from hilrig.attest.public_key import public_key_of_signer
from hilrig.core.canonical import sha256_hex
from hilrig.core.clock import SystemClock
from hilrig.core.exits import ExitCode
from hilrig.core.gate_manifest import MANIFEST_FILE
from hilrig.core.release import RELEASE_FILE


class Flip(NamedTuple):
    """One thing changed: how, the exit code that follows, what the message or the open item says."""

    change: Callable[[GateFolder], Any]
    code: ExitCode
    says: str
    options: Mapping[str, Any] = MappingProxyType({})


def _byte(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def _link(path: Path) -> None:
    moved = path.with_name(f".{path.name}.moved")
    path.rename(moved)
    path.symlink_to(moved)


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _huge(path: Path) -> None:
    path.unlink()
    with path.open("wb") as file:
        file.truncate(65 << 20)


def _replace(path: Path, old: bytes, new: bytes) -> None:
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new, 1))


def _model_file(gate: GateFolder) -> Path:
    return gate.release / "files" / sha256_hex((gate.profile / "model.onnx").read_bytes())


def _golden_file(gate: GateFolder) -> Path:
    return next(path for path in (gate.release / "files").iterdir() if path != _model_file(gate))


def _set(*keys: str, to: Any) -> Callable[[GateFolder], None]:
    def change(gate: GateFolder) -> None:
        def put(document: dict[str, Any]) -> None:
            *above, last = keys
            for key in above:
                document = document[key]
            document[last] = to

        gate.rewrite(put)

    return change


def _entry(of_kind: str, **fields: Any) -> Callable[[GateFolder], None]:
    def put(document: dict[str, Any]) -> None:
        next(one for one in document["evidence"] if one["kind"] == of_kind).update(fields)

    return lambda gate: gate.rewrite(put)


def _without_runs(document: dict[str, Any]) -> None:
    document["evidence"] = [one for one in document["evidence"] if one["kind"] != "run"]


def _write_again(name: str, text: str) -> Callable[[GateFolder], None]:
    def change(gate: GateFolder) -> None:
        (gate.evidence / name).write_text(text)
        gate.manifest()

    return change


def approved(role: str, *waives: str, days: float = 1.0, key: str = "ann") -> Callable[[GateFolder], None]:
    def change(gate: GateFolder) -> None:
        request = ApprovalRequest(role=role, reason="tested", waives=waives, expires_days=days)
        approve(gate.release, request, gate.signer(key), now_ns=SystemClock().triple().realtime_ns)

    return change


def _all(*changes: Callable[[GateFolder], Any]) -> Callable[[GateFolder], None]:
    def change(gate: GateFolder) -> None:
        for one in changes:
            one(gate)

    return change


def no_document(gate: GateFolder) -> None:
    gate.document.unlink()
    gate.manifest()


def _revoked(gate: GateFolder) -> None:
    signer = gate.signer("gate")
    trusted = GateTrust(keys=(public_key_of_signer(signer),))
    envelope = gate.check().decided[0].envelope
    revoke(envelope, reason="it was wrong", gate=signer, trusted=trusted, clock=SystemClock())


def _damaged_decision(gate: GateFolder) -> None:
    _byte(gate.check().decided[0].envelope)


def _private_key_beside(gate: GateFolder) -> None:
    shutil.copy(gate.key("stranger").with_suffix(".pem"), gate.profile / "deploy.pem")


def desired(key: str) -> Callable[[GateFolder], None]:
    def change(gate: GateFolder) -> None:
        desired = DesiredState(
            release_sha256=sha256_hex((gate.release / RELEASE_FILE).read_bytes()),
            nodes=("*",),
            device_class=CLASS,
            sequence=7,
            issued_at_utc=utc(-1),
            expires_at_utc=utc(30),
            release_url="releases/x",
            rollout=ROLLOUT,
        )
        (gate.evidence / "desired.dsse.json").write_bytes(sign(build_desired_state(desired), gate.signer(key)))
        gate.manifest()

    return change


PEM_TEXT = "-----BEGIN PRIVATE KEY-----\nMIG\n-----END PRIVATE KEY-----\n"
TRUST, FAIL, MISSING, HELD = ExitCode.TRUST, ExitCode.FAIL, ExitCode.INCONCLUSIVE, ExitCode.APPROVAL_MISSING

FLIPS = {
    # the evidence, replaced after the manifest was made
    "a byte of result.json": Flip(lambda g: _byte(g.run_dir / "result.json"), TRUST, "was changed"),
    "a byte of the frames": Flip(lambda g: _byte(g.run_dir / "frames.arrows"), TRUST, "does not verify"),
    "a byte of the plan": Flip(lambda g: _byte(g.run_dir / "plan.json"), TRUST, "plan.json"),
    "a byte of the attestation": Flip(lambda g: _byte(g.run_dir / "attestation.dsse.json"), TRUST, "attestation"),
    "no attestation": Flip(lambda g: (g.run_dir / "attestation.dsse.json").unlink(), TRUST, "no finished run"),
    "a file more in the run": Flip(
        lambda g: (g.run_dir / "x.txt").write_text("x"), TRUST, "covered by no signature"
    ),
    "the run is a link": Flip(lambda g: _link(g.run_dir), TRUST, "symbolic link"),
    "result.json is a link": Flip(lambda g: _link(g.run_dir / "result.json"), TRUST, "symbolic link"),
    "a document changed": Flip(lambda g: g.document.write_text("nobody"), TRUST, "on-call.md was changed"),
    "a document went": Flip(lambda g: g.document.unlink(), TRUST, "on-call.md is missing"),
    "a document is a link": Flip(lambda g: _link(g.document), TRUST, "symbolic link"),
    "a document is a pipe": Flip(lambda g: _pipe(g.document), TRUST, "should be a regular file"),
    "a document is huge": Flip(lambda g: _huge(g.document), TRUST, "at most"),
    "a document is a folder": Flip(lambda g: (g.document.unlink(), g.document.mkdir()), TRUST, "on-call.md"),
    # keys
    "the run is by a stranger": Flip(lambda _: None, TRUST, "unknown key", {"run_keys": ("stranger",)}),
    "the gate's key is no rig's": Flip(lambda _: None, TRUST, "unknown key", {"run_keys": ("gate",)}),
    # the release folder
    "a byte of release.json": Flip(lambda g: _byte(g.release / RELEASE_FILE), TRUST, "release.json"),
    "a space in release.json": Flip(
        lambda g: _replace(g.release / RELEASE_FILE, b'{"', b'{ "'), TRUST, "not in the form"
    ),
    "no release.json": Flip(lambda g: (g.release / RELEASE_FILE).unlink(), TRUST, "no release folder"),
    "a byte of the model": Flip(lambda g: _byte(_model_file(g)), TRUST, "was changed"),
    "the model is a link": Flip(lambda g: _link(_model_file(g)), TRUST, "symbolic link"),
    "no golden input": Flip(lambda g: _golden_file(g).unlink(), TRUST, "golden/input.bin"),
    "no manifest": Flip(lambda g: (g.release / MANIFEST_FILE).unlink(), TRUST, "is missing"),
    "the manifest is a link": Flip(lambda g: _link(g.release / MANIFEST_FILE), TRUST, "symbolic link"),
    "a key more in the manifest": Flip(_set("p99_max_sm", to=1), TRUST, "p99_max_sm"),
    "a key twice in the manifest": Flip(
        lambda g: _replace(g.release / MANIFEST_FILE, b'{"', b'{"name":"x","'), TRUST, "given twice"
    ),
    "NaN in the manifest": Flip(
        lambda g: _replace(g.release / MANIFEST_FILE, b'"p50_ms":', b'"p50_ms":NaN,"x":'), TRUST, "NaN"
    ),
    "1e999 in the manifest": Flip(
        lambda g: _replace(g.release / MANIFEST_FILE, b'"soak_test_hours":', b'"soak_test_hours":1e999,"x":'),
        TRUST,
        "too large",
    ),
    "hours as a text": Flip(_set("soak_test_hours", to="6"), TRUST, "soak_test_hours"),
    "evidence that climbs": Flip(_entry("document", path="../policy.yaml"), TRUST, "not below"),
    "evidence by an absolute path": Flip(_entry("document", path="/etc/hostname"), TRUST, "not below"),
    "a document as golden report": Flip(_entry("document", kind="golden"), TRUST, "on-call.md"),
    # what the manifest claims
    "a better p99": Flip(_set("benchmarks", CLASS, "p99_ms", to=0.1), FAIL, "p99_ms is claimed as 0.1"),
    "a class more": Flip(_set("devices_tested", to=["jetson-orin-nx-8gb", CLASS]), FAIL, "devices_tested"),
    "a longer soak": Flip(_set("soak_test_hours", to=6.0), FAIL, "soak_test_hours is claimed as 6.0"),
    "signing not verified": Flip(_set("signing", to={"verified": False}), FAIL, "signing.verified"),
    "another runtime": Flip(_set("runtime", to="onnxruntime-1.17.3"), FAIL, "runtime is claimed"),
    "another signer": Flip(_set("run_keys", to=["SHA256:x"]), FAIL, "run_keys"),
    "another model": Flip(_set("model_sha256", to="0" * 64), FAIL, "model_sha256"),
    "another bundle": Flip(_set("bundle_sha256", to="0" * 64), FAIL, "bundle_sha256"),
    "another pipeline": Flip(_set("pipeline_sha256", to="0" * 64), FAIL, "pipeline_sha256"),
    "another profile": Flip(_set("profile_sha256", to="0" * 64), FAIL, "profile_sha256"),
    "another version": Flip(_set("version", to="2.0"), FAIL, "version"),
    "another sequence": Flip(_set("sequence", to=8), FAIL, "sequence"),
    "the run left out": Flip(lambda g: g.rewrite(_without_runs), FAIL, "devices_tested"),
    "another commit": Flip(_set("source", "commit", to="0" * 40), FAIL, "another commit"),
    # the source
    "profile.yaml changed": Flip(
        lambda g: _replace(g.profile / "profile.yaml", b"A station", b"a station"), FAIL, "profile_sha256"
    ),
    "the model in the profile changed": Flip(
        lambda g: _byte(g.profile / "model.onnx"), FAIL, "model.onnx does not have the digest"
    ),
    "the tag went": Flip(lambda g: git(g.profile, "tag", "-d", "v1"), FAIL, "another commit, tag or lock"),
    "the lock file changed": Flip(
        lambda g: (g.profile.parent / "requirements.lock").write_text("x"), FAIL, "another commit, tag or lock"
    ),
    "a new commit": Flip(
        lambda g: git(g.profile, "commit", "-q", "--allow-empty", "-m", "x"), FAIL, "another commit, tag or lock"
    ),
    "a file that git does not know": Flip(
        lambda g: (g.profile / "new.txt").write_text("x"), FAIL, "another commit, tag or lock"
    ),
    "nobody can ask git": Flip(lambda _: None, MISSING, "nobody could ask git", {"profile": False}),
    "a private key beside the profile": Flip(_private_key_beside, FAIL, "a private key"),
    "a private key in a document": Flip(_write_again("on-call.md", PEM_TEXT), FAIL, "on-call.md:1: a private key"),
    "a password in a log": Flip(_write_again("node.log", '{"password": "hunter22"}\n'), FAIL, "a password"),
    "a desired state by a stranger": Flip(desired("stranger"), TRUST, "unknown key"),
    "a run as a desired state": Flip(_entry("document", kind="desired_state"), TRUST, "on-call.md"),
    # people
    "nobody on call": Flip(no_document, MISSING, "no document on 'on-call'"),
    "an old document": Flip(_write_again("on-call.md", "Reviewed: 2025-01-01\n"), FAIL, "days old"),
    "a document without its date": Flip(_write_again("on-call.md", "# Ann\n"), FAIL, "on-call.md"),
    "a document of the future": Flip(_write_again("on-call.md", "Reviewed: 2099-01-01\n"), FAIL, "on-call.md"),
    "an approval by a stranger": Flip(approved("quality"), TRUST, "unknown key"),
    "an approval in a role that is not theirs": Flip(
        approved("quality"), TRUST, "may speak as security", {"approvers": ("ann:security",)}
    ),
    "an approval that is no approval": Flip(
        lambda g: ((g.release / "approvals").mkdir(), (g.release / "approvals" / "x.json").write_text("{}")),
        TRUST,
        "approvals/x.json",
    ),
    "a waiver by the wrong role": Flip(
        _all(no_document, approved("security", "support")), MISSING, "on-call", {"approvers": ("ann:security",)}
    ),
    "a waiver of what may not be waived": Flip(
        _all(approved("quality", "hil"), _set("runtime", to="x-1")),
        FAIL,
        "runtime",
        {"approvers": ("ann:quality",)},
    ),
    "a waiver that is over": Flip(
        _all(no_document, approved("quality", "support", days=1)),
        MISSING,
        "on-call",
        {"approvers": ("ann:quality",), "clock": ShiftedClock(2)},
    ),
    # classes, decisions, time
    "a class that it is not for": Flip(
        lambda _: None, ExitCode.WRONG_CLASS, "not for 'jetson'", {"classes": ("jetson",)}
    ),
    "a class without a run": Flip(lambda _: None, MISSING, "no verified run", {"classes": ("arm64-cpu",)}),
    "it was revoked": Flip(_revoked, FAIL, "was revoked"),
    "a decision there is damaged": Flip(_damaged_decision, TRUST, f"{CLASS}.dsse.json"),
    "longer than the policy allows": Flip(
        lambda _: None, ExitCode.USAGE, "holds for 30 days at most", {"expires_days": 31.0}
    ),
    "a release before that is not given": Flip(
        _set("previous_sha256", to="0" * 64), ExitCode.USAGE, "names a release before it"
    ),
    "a run of the future": Flip(lambda _: None, FAIL, "cannot be", {"clock": ShiftedClock(-30)}),
}
