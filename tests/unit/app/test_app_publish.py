import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from gate_decisions import CLASS, NOW_NS, GatedFolder, utc
from hilrig.app.gate.publish import Published, PublishRequest, publish
from hilrig.app.gate.revoke import revoke
from hilrig.attest.desired_state import (
    Guardrail,
    GuardrailMetric,
    Rollout,
    RolloutMode,
    verify_desired_state,
)
from hilrig.attest.keys import load_public_keys
from hilrig.core.clock import ManualClock
from hilrig.core.errors import HilrigError, RefusedError, UsageError
from hilrig.core.gate_manifest import MANIFEST_FILE
from hilrig.core.release import RELEASE_FILE
from hilrig.node.identity import NodeIdentity
from hilrig.node.store import Store
from hilrig.node.trust import gate_accept
from signed_runs import Signer

ORIN = "jetson-orin-nx-8gb"
GUARDRAIL = Guardrail(
    metric=GuardrailMetric.ERROR_PCT,
    success_max=0.1,
    failure_min=1.0,
    min_samples=300,
    max_missing=5,
    consecutive_errors=4,
)
ROLLOUT = Rollout(mode=RolloutMode.BLUE_GREEN, canary_nodes=(), window_s=60.0, guardrails=(GUARDRAIL,))


class Publishing:
    """A release folder, an out folder, and who signs."""

    def __init__(self, tmp_path: Path) -> None:
        self.gated = GatedFolder(tmp_path / "release", Signer(tmp_path / "keys", "gate"))
        self.desired = Signer(tmp_path / "keys", "desired")
        self.out = tmp_path / "out"
        self.clock = ManualClock()
        self.clock.realtime_offset_ns = NOW_NS

    def publish(self, **changes) -> Published:
        """Publish the release for the class of the tests."""
        request = PublishRequest(
            release=self.gated.folder,
            device_class=CLASS,
            gate=self.gated.trusted,
            out=self.out,
            sequence=None,
            nodes=("*",),
            rollout=ROLLOUT,
            expires_days=30.0,
            allow_again=False,
        )
        return publish(replace(request, **changes), desired=self.desired.signer, clock=self.clock)

    def written(self) -> list[str]:
        """Return what lies in the out folder."""
        return sorted(str(path.relative_to(self.out)) for path in self.out.rglob("*"))


@pytest.fixture
def publishing(tmp_path) -> Publishing:
    return Publishing(tmp_path)


def test_what_the_gate_passed_is_published_with_its_decision(publishing):
    """Release, decision and files as they are, and a signed desired state that leads to them."""
    decision = publishing.gated.decide().read_bytes()
    done = publishing.publish()
    assert done.release_sha256 == publishing.gated.sha256
    assert (done.release_folder / "gate.dsse.json").read_bytes() == decision
    assert (done.release_folder / RELEASE_FILE).read_bytes() == (
        publishing.gated.folder / RELEASE_FILE
    ).read_bytes()
    found = verify_desired_state(done.desired.read_bytes(), load_public_keys([publishing.desired.public_key]))
    assert (found.release_sha256, found.device_class) == (done.release_sha256, CLASS)
    assert (publishing.out / found.release_url) == done.release_folder
    assert not [path for path in publishing.written() if ".new-" in path]


def test_a_node_takes_it(publishing, tmp_path):
    """A real store stages the published folder: every digest and the decision hold there as well."""
    publishing.gated.decide(decided_at_utc=utc(-400), expires_at_utc=utc(4000))
    done = publishing.publish()
    identity = NodeIdentity(node_id="cell-1", device_class=CLASS, reserve_mib=0)
    keys = {"keys/gate/gate.pub": publishing.gated.gate.public_key.read_bytes()}
    store = Store.create(tmp_path / "store", identity, keys=keys)
    assert store.stage(done.release_folder, accept=gate_accept(store.folder)) == done.release_sha256


REFUSED = {
    "never decided": ("nothing", {}, 31, "never decided"),
    "refused": ("decide", {"passed": False}, 10, "gate refused"),
    "over": ("decide", {"decided_at_utc": utc(-9), "expires_at_utc": utc(-1)}, 32, "ended at"),
    "from the future": ("decide", {"decided_at_utc": utc(9)}, 22, "clock"),
    "another class": ("decide", {"device_class": ORIN}, 33, f"{ORIN}, not for {CLASS}"),
    "another release": ("decide", {"release_sha256": "1" * 64}, 31, "decided on the release 111111111111"),
    "another manifest": ("decide", {"manifest_sha256": "1" * 64}, 31, MANIFEST_FILE),
    "another model": ("decide", {"model_files_sha256": {"model.onnx": "1" * 64}}, 30, "not on the model files"),
    "another bundle": ("decide", {"bundle_sha256": "1" * 64}, 30, "not on the model files"),
    "signed by a stranger": ("by the publisher", {}, 30, "unknown key"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_without_a_valid_decision_nothing_is_written(publishing, what):
    """One fact of the decision changed: its exit code and reason, and an out folder that was never made."""
    how, changes, code, words = REFUSED[what]
    if how != "nothing":
        signer = publishing.desired if how == "by the publisher" else None
        publishing.gated.decide(signer=signer, **changes)
    with pytest.raises(HilrigError, match=words) as refused:
        publishing.publish()
    assert refused.value.exit_code == code
    assert not publishing.out.exists()


def one_byte(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def a_link(path: Path) -> None:
    path.rename(path.with_suffix(".real"))
    path.symlink_to(path.with_suffix(".real"))


def a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def gone(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize("damage", [one_byte, a_link, a_pipe, gone])
@pytest.mark.parametrize("what", ["release.json", "release_manifest.json", "files", "decisions/x86-cpu.dsse.json"])
def test_a_changed_file_is_not_published(publishing, what, damage):
    """Each file of the release folder, damaged in each way: refused, nothing written, nothing hangs."""
    publishing.gated.decide()
    path = publishing.gated.folder / what
    damage(max(path.iterdir()) if path.is_dir() else path)
    with pytest.raises(HilrigError) as refused:
        publishing.publish()
    assert refused.value.exit_code in {30, 31}
    assert not publishing.out.exists()


def test_a_revocation_where_it_was_published_is_not_written_over(publishing):
    """The release folder says PASSED; the published one was revoked, which is newer: refused, and it stays."""
    publishing.gated.decide()
    done = publishing.publish()
    published = done.release_folder / "gate.dsse.json"
    gated = publishing.gated
    revoke(published, reason="it slips", gate=gated.gate.signer, trusted=gated.trusted, clock=publishing.clock)
    refusal = published.read_bytes()
    for sequence in (100, 10**12):  # a gate that knows nothing of it may pass the release once more
        gated.decide(sequence=sequence)
        with pytest.raises(RefusedError, match="revoked"):
            publishing.publish()
    assert published.read_bytes() == refusal


def test_a_new_decision_replaces_the_one_that_was_published(publishing):
    """Published again, the folder gets the newer decision; its files are not touched."""
    publishing.gated.decide()
    done = publishing.publish(sequence=1)
    before = {path: path.stat().st_ino for path in (done.release_folder / "files").iterdir()}
    newer = publishing.gated.decide(sequence=200).read_bytes()
    publishing.publish(sequence=2)
    assert (done.release_folder / "gate.dsse.json").read_bytes() == newer
    assert {path: path.stat().st_ino for path in (done.release_folder / "files").iterdir()} == before


def test_a_damaged_published_release_is_made_anew(publishing):
    """A file that was cut where nodes read it comes back whole."""
    publishing.gated.decide()
    done = publishing.publish(sequence=1)
    cut = max((done.release_folder / "files").iterdir())
    cut.write_bytes(b"")
    publishing.publish(sequence=2)
    assert cut.read_bytes() == (publishing.gated.folder / "files" / cut.name).read_bytes()


def test_a_published_folder_is_for_one_class(publishing):
    """The decision beside a release is one file: another class needs a folder of its own."""
    publishing.gated.decide()
    publishing.gated.decide(name=ORIN, device_class=ORIN)
    publishing.publish()
    with pytest.raises(UsageError, match=f"published for {CLASS}"):
        publishing.publish(device_class=ORIN)
    done = publishing.publish(device_class=ORIN, out=publishing.out / "orin")
    assert done.device_class == ORIN


def test_a_rollout_without_sense_writes_nothing(publishing):
    """A canary without nodes: a mistake of whoever asks, found before anything is written."""
    publishing.gated.decide()
    with pytest.raises(UsageError):
        publishing.publish(rollout=replace(ROLLOUT, mode=RolloutMode.CANARY))
    assert not publishing.out.exists()


def test_the_desired_state_comes_last(publishing):
    """When the release cannot be written, nodes keep the desired state that they have."""
    publishing.gated.decide()
    done = publishing.publish(sequence=1)
    before = done.desired.read_bytes()
    shutil.rmtree(publishing.out / "releases")
    (publishing.out / "releases").write_text("in the way")
    with pytest.raises(HilrigError):
        publishing.publish(sequence=2)
    assert done.desired.read_bytes() == before
    assert json.loads(before)["payloadType"]
