"""The gate over a real run: it passes, and one changed fact or byte makes it a refusal that names what it was."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gate_folders import CLASS, POLICY, GateFolder, git, make_gate_folder
from gate_hands import FLIPS, approved, desired, no_document
from hilrig.app.gate.before import ReleaseBefore
from hilrig.attest.envelope import to_sigstore_bundle
from hilrig.attest.gate_decision import verify_gate_decision
from hilrig.attest.keys import load_public_keys
from hilrig.core.canonical import sha256_hex
from hilrig.core.errors import HilrigError
from hilrig.core.exits import ExitCode
from hilrig.core.gate import ItemStatus
from hilrig.core.gate_manifest import MANIFEST_FILE
from hilrig.core.release import RELEASE_FILE


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> GateFolder:
    """Return a release with a real run, measured once; tests change copies."""
    return make_gate_folder(tmp_path_factory.mktemp("gate") / "made")


@pytest.fixture
def gate(made: GateFolder, tmp_path: Path) -> GateFolder:
    """Return a copy to change."""
    return made.copy(tmp_path / "copy")


def test_a_real_run_becomes_a_signed_decision(gate: GateFolder) -> None:
    """PASSED, signed over release, manifest and model, resting on the run, bound to its stack."""
    done = gate.check()
    (one,) = done.decided
    assert done.exit_code == 0, one.outcome.sentence
    assert done.undecided == ("arm64-cpu",)
    decision = verify_gate_decision(one.envelope.read_bytes(), load_public_keys([gate.key("gate")]))
    assert decision.passed
    assert decision.device_class == CLASS
    assert decision.release_sha256 == sha256_hex((gate.release / RELEASE_FILE).read_bytes())
    assert decision.manifest_sha256 == sha256_hex((gate.release / MANIFEST_FILE).read_bytes())
    assert decision.model_files_sha256 == {"model.onnx": sha256_hex((gate.profile / "model.onnx").read_bytes())}
    assert decision.policy.uri == "hilrig:policy/small"
    assert decision.policy.sha256 == sha256_hex(gate.policy.read_bytes())
    assert [one.sha256 for one in decision.attestations] == [
        sha256_hex((gate.run_dir / "attestation.dsse.json").read_bytes())
    ]
    result = json.loads((gate.run_dir / "result.json").read_bytes())
    assert decision.stack_sha256 == result["rig_info"]["stack_sha256"]
    bundle = gate.release / "decisions" / f"{CLASS}.sigstore.json"
    assert bundle.read_bytes() == to_sigstore_bundle(one.envelope.read_bytes())


def test_a_refusal_is_signed_too_and_is_newer(gate: GateFolder) -> None:
    """A later refusal has a higher sequence than the PASSED that it takes the place of."""
    keys = load_public_keys([gate.key("gate")])
    passed = verify_gate_decision(gate.check().decided[0].envelope.read_bytes(), keys)
    git(gate.profile, "tag", "-d", "v1")
    done = gate.check()
    refused = verify_gate_decision(done.decided[0].envelope.read_bytes(), keys)
    assert done.exit_code == ExitCode.FAIL
    assert not refused.passed
    assert refused.sequence > passed.sequence


def test_the_manifest_made_again_leaves_the_release_as_it_is(gate: GateFolder) -> None:
    """New evidence changes the manifest and not release.json, so that a rehearsal of it counts."""
    before = (gate.release / RELEASE_FILE).read_bytes()
    (gate.evidence / "symptom-guide.md").write_text("# Symptoms\n")
    made = gate.manifest()
    assert (gate.release / RELEASE_FILE).read_bytes() == before
    assert made.manifest.sequence == 7
    assert [one.topic for one in made.manifest.evidence if one.topic] == ["on-call", "symptom-guide"]


def test_a_folder_of_another_release_is_never_overwritten(gate: GateFolder) -> None:
    """Another sequence is another release: it needs another folder; somebody else's folder is left alone, too."""
    with pytest.raises(HilrigError, match="holds another release") as error:
        gate.manifest(sequence=8)
    assert error.value.exit_code == ExitCode.USAGE
    with pytest.raises(HilrigError, match="holds something else"):
        gate.manifest(out=gate.evidence)


def test_what_is_no_evidence_is_named(gate: GateFolder) -> None:
    """What was passed over is said, with the reason."""
    (gate.evidence / "notes.txt").write_text("x")
    (gate.evidence / "half").mkdir()
    (gate.evidence / "half" / "plan.json").write_text("{}")
    assert gate.manifest().passed_over == (
        "half: a run that was not finished and signed",
        "notes.txt: no kind of evidence that the gate knows",
    )


def test_a_key_that_is_not_there_is_an_error_and_an_unknown_one_is_said(gate: GateFolder) -> None:
    """A wrong path of a key is never taken for an unsigned run; a run by a stranger is claimed as not verified."""
    with pytest.raises(HilrigError, match=r"none\.pub"):
        gate.manifest(run_keys=[gate.folder / "none.pub"])
    made = gate.manifest(run_keys=[gate.key("stranger")])
    assert made.manifest.signing == {"verified": False}
    assert "unknown key" in made.unverified[0]


def test_a_rollout_plan_by_a_known_publisher_is_a_fact(gate: GateFolder) -> None:
    """The desired state that was signed for this release is what the rollout is judged by."""
    desired("gate")(gate)
    gate.policy.write_text(POLICY.replace("{check: run-passed}", "{check: run-passed}, {check: staged-rollout}"))
    done = gate.check()
    assert done.exit_code == ExitCode.FAIL
    assert "the rollout mode is blue_green, not canary" in done.decided[0].outcome.sentence


def test_without_a_key_nothing_is_signed(gate: GateFolder) -> None:
    """A preview writes what it found and no decision, and leaves an older decision as it is."""
    signed = gate.check().decided[0].document
    before = signed.read_bytes()
    done = gate.check(gate=None, policy="default")
    assert done.exit_code == 11
    assert done.decided[0].document.name == f"{CLASS}.preview.json"
    assert signed.read_bytes() == before


@pytest.mark.parametrize("name", FLIPS)
def test_one_flip_makes_it_a_refusal(name: str, gate: GateFolder) -> None:
    """Each change alone ends in its exit code, and the reason names it; nothing signed says PASSED afterwards."""
    flip = FLIPS[name]
    flip.change(gate)
    try:
        done = gate.check(**flip.options)
    except HilrigError as error:
        found, said = error.exit_code, error.message
    else:
        found, said = done.exit_code, " / ".join(_open(done.decided[0].outcome.items))
        assert not verify_gate_decision(
            done.decided[0].envelope.read_bytes(), load_public_keys([gate.key("gate")])
        ).passed
    assert (found, flip.says in said) == (flip.code, True), said


def _open(items: Any) -> Iterator[str]:
    for item in items:
        if item.status is not ItemStatus.PASS:
            yield from (answer.sentence for _, answer in item.answers if answer.status.value != "PASS")


def test_a_waiver_lets_an_item_stay_open_and_ends_the_decision_with_it(gate: GateFolder) -> None:
    """The waived item is WAIVED, visibly; the decision holds no longer than the waiver."""
    no_document(gate)
    approved("quality", "support", days=3)(gate)
    (one,) = gate.check(approvers=("ann:quality",)).decided
    assert one.exit_code == 0
    assert next(item for item in one.outcome.items if item.item_id == "support").status is ItemStatus.WAIVED
    decision = verify_gate_decision(one.envelope.read_bytes(), load_public_keys([gate.key("gate")]))
    held_ns = decision.validity().expires_ns - decision.validity().issued_ns
    assert held_ns <= 3 * 86_400e9


@pytest.fixture
def second(gate: GateFolder) -> tuple[GateFolder, ReleaseBefore]:
    """Return a folder whose release was decided on, and another release that follows it."""
    gate.check()
    before = ReleaseBefore(folder=gate.folder / "first", policy=str(gate.folder / "old.yaml"))
    gate.release.rename(before.folder)
    shutil.copy(gate.policy, gate.folder / "old.yaml")
    gate.manifest(version="1.1", sequence=8, previous=before.folder)
    return gate, before


def test_nobody_is_asked_where_nothing_changed(second: tuple[GateFolder, ReleaseBefore]) -> None:
    """The next release under the same policy and keys needs no approval."""
    gate, before = second
    assert gate.check(before=before).exit_code == 0


def test_a_looser_policy_needs_a_person(second: tuple[GateFolder, ReleaseBefore]) -> None:
    """A requirement less: 34 until somebody of the role approved this very manifest."""
    gate, before = second
    gate.policy.write_text(POLICY.replace(", {check: no-secrets}", ""))
    assert gate.check(before=before).exit_code == ExitCode.APPROVAL_MISSING
    approved("quality")(gate)
    assert gate.check(before=before, approvers=("ann:quality",)).exit_code == 0
    gate.document.write_text("Reviewed: 2026-11-02\n")
    gate.manifest(previous=before.folder)
    assert gate.check(before=before, approvers=("ann:quality",)).exit_code == ExitCode.APPROVAL_MISSING


def test_an_old_policy_that_nobody_can_show_counts_as_looser(second: tuple[GateFolder, ReleaseBefore]) -> None:
    """Another policy, and the old one is not given or is not the one of the decision: people decide."""
    gate, before = second
    gate.policy.write_text(POLICY + "# stricter or not, nobody can tell\n")
    assert gate.check(before=ReleaseBefore(folder=before.folder)).exit_code == ExitCode.APPROVAL_MISSING
    (gate.folder / "old.yaml").write_text(POLICY + "# forged\n")
    assert gate.check(before=before).exit_code == ExitCode.APPROVAL_MISSING


def test_a_new_signing_key_needs_a_person(second: tuple[GateFolder, ReleaseBefore]) -> None:
    """The gate before was another one: its decision is by an unknown key, so somebody of security approves."""
    gate, before = second
    done = gate.check(before=before, gate="bob")
    assert done.exit_code == ExitCode.APPROVAL_MISSING
    assert {need.when.value for need in done.decided[0].outcome.approvals} == {"crypto_changed", "policy_loosened"}


def test_the_release_before_must_be_the_one_that_is_named(second: tuple[GateFolder, ReleaseBefore]) -> None:
    """A manifest changed afterwards is another one."""
    gate, before = second
    path = before.folder / MANIFEST_FILE
    path.write_bytes(path.read_bytes().replace(b'"version":"1.0"', b'"version":"0.9"'))
    with pytest.raises(HilrigError, match="is not the release before") as error:
        gate.check(before=before)
    assert error.value.exit_code == ExitCode.TRUST


def test_the_sequence_must_rise(second: tuple[GateFolder, ReleaseBefore]) -> None:
    """A node never goes back: a release that follows another has a higher sequence."""
    gate, before = second
    with pytest.raises(HilrigError, match="does not rise"):
        gate.manifest(out=gate.folder / "third", sequence=7, previous=before.folder)
