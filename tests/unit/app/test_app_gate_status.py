import os
import shutil
from pathlib import Path

import pytest

from gate_decisions import CLASS, NOW_NS, GatedFolder, utc
from hilrig.app.gate.asked_model import AskedModel, asked_model
from hilrig.app.gate.keys import GateTrust, gate_trust
from hilrig.app.gate.status import AskingDevice, GateAnswer, gate_status
from hilrig.core.canonical import sha256_hex
from hilrig.core.errors import PreconditionError, UsageError
from hilrig.core.exits import ExitCode
from node_releases import SMALL
from signed_runs import Signer

ORIN = "jetson-orin-nx-8gb"
STACK, OTHER_STACK = "a" * 64, "b" * 64


@pytest.fixture
def gated(tmp_path) -> GatedFolder:
    return GatedFolder(tmp_path / "releases" / "weld-1", Signer(tmp_path / "keys", "gate"))


def ask(
    gated: GatedFolder,
    model: AskedModel | None = None,
    *,
    device_class: str = CLASS,
    stack: str | None = None,
    trusted: GateTrust | None = None,
    now_ns: int = NOW_NS,
) -> GateAnswer:
    """Ask for the model in all folders beside the release."""
    return gate_status(
        model or AskedModel(sha256=gated.release.bundle_sha256, file=None),
        AskingDevice(device_class=device_class, stack_sha256=stack),
        decisions=gated.folder.parent,
        trusted=trusted or gated.trusted,
        now_ns=now_ns,
    )


def test_a_valid_decision_passes(gated):
    """PASSED, by the bundle's digest, with the decision's file named."""
    path = gated.decide()
    answer = ask(gated)
    assert (answer.exit_code, answer.found.path) == (0, path)
    assert CLASS in answer.sentence
    assert "2026-12-22" in answer.sentence


TABLE = {
    "refused": ({"passed": False}, {}, ExitCode.FAIL, "refused"),
    "over": ({"decided_at_utc": utc(-9), "expires_at_utc": utc(-1)}, {}, ExitCode.EXPIRED, "ended at"),
    "over this second": ({"expires_at_utc": utc(0)}, {}, ExitCode.EXPIRED, "ended at"),
    "another class": ({"device_class": ORIN}, {}, ExitCode.WRONG_CLASS, f"{ORIN}, not for {CLASS}"),
    "asked for another": ({}, {"device_class": ORIN}, ExitCode.WRONG_CLASS, f"{CLASS}, not for {ORIN}"),
    "a class that looks alike": ({"device_class": "x86-сpu"}, {}, ExitCode.WRONG_CLASS, "not for"),  # noqa: RUF001 - a Cyrillic letter
    "another stack": ({"stack_sha256": STACK}, {"stack": OTHER_STACK}, ExitCode.WRONG_CLASS, "stack aaaaaaaaaaaa"),
    "this stack": ({"stack_sha256": STACK}, {"stack": STACK}, ExitCode.OK, "stack aaaaaaaaaaaa"),
    "any stack": ({}, {"stack": STACK}, ExitCode.OK, "passed"),
    "another model": (
        {"bundle_sha256": "9" * 64, "model_files_sha256": {"model.onnx": "8" * 64}}, {},
        ExitCode.NO_REPORT, "never decided on this model",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", TABLE)
def test_each_state_has_its_exit_code(gated, what):
    """One decision, one fact of it changed: its exit code and the reason."""
    changes, asked, code, words = TABLE[what]
    gated.decide(**changes)
    answer = ask(gated, **asked)
    assert (answer.exit_code, words in answer.sentence) == (code, True), answer.sentence


def test_a_revocation_beside_it_counts(gated):
    """A newer refusal under another name in the same folder, and in another release folder, beats the PASSED."""
    gated.decide()
    refusal = gated.decide(name="x86-cpu.revoked-101", passed=False, sequence=101)
    assert ask(gated).exit_code == ExitCode.FAIL
    elsewhere = gated.folder.parent / "weld-2" / "decisions" / "x86-cpu.dsse.json"
    elsewhere.parent.mkdir(parents=True)
    refusal.rename(elsewhere)
    answer = ask(gated)
    assert (answer.exit_code, answer.found.path) == (ExitCode.FAIL, elsewhere)


def test_a_revocation_outlives_the_file_that_it_replaced(gated):
    """An old gate.dsse.json was put back beside a published release: the revocation there still counts."""
    shutil.copy(gated.decide(), gated.folder / "gate.dsse.json")
    refusal = gated.decide(name="x86-cpu.revoked-101", passed=False, sequence=101)
    refusal.rename(gated.folder / "gate.revoked-101.dsse.json")
    shutil.rmtree(gated.folder / "decisions")
    assert ask(gated).exit_code == ExitCode.FAIL


def test_a_tie_is_failed(gated):
    """The same sequence, PASSED and FAILED: FAILED, whichever file comes first."""
    gated.decide(name="a", passed=False)
    gated.decide(name="b")
    gated.decide(name="c", passed=False)
    assert ask(gated).exit_code == ExitCode.FAIL


def test_a_refusal_that_is_over_is_a_refusal(gated):
    """The PASSED before it would hold for another month: it does not come back."""
    gated.decide()
    gated.decide(name="later", passed=False, sequence=101, decided_at_utc=utc(-1), expires_at_utc=utc(-0.5))
    assert ask(gated).exit_code == ExitCode.FAIL


def test_a_published_release_is_looked_at_too(gated):
    """The gate.dsse.json beside a published release.json counts wherever it lies."""
    path = gated.decide()
    shutil.copy(path, gated.folder / "gate.dsse.json")
    path.unlink()
    assert ask(gated).exit_code == ExitCode.OK


def test_other_signed_files_are_no_decisions(gated):
    """An approvals folder is not looked at; what else the gate, or the publisher, signed is not a decision."""
    from hilrig.attest.envelope import sign
    from hilrig.attest.statement import build_statement

    other = sign(build_statement("urn:hilrig:approval:v0.1", {"a": "1" * 64}, {}), gated.gate.signer)
    (gated.folder / "decisions" / "other.dsse.json").write_bytes(other)
    publisher = Signer(gated.folder / "keys", "desired")
    desired = sign(build_statement("urn:hilrig:desired-state:v0.1", {"a": "1" * 64}, {}), publisher.signer)
    (gated.folder.parent / "desired.dsse.json").write_bytes(desired)
    (gated.folder / "approvals").mkdir()
    (gated.folder / "approvals" / "x.dsse.json").write_bytes(b"torn")
    assert ask(gated).exit_code == ExitCode.NO_REPORT
    gated.decide()
    assert ask(gated).exit_code == ExitCode.OK


def test_nothing_there_is_no_decision(gated):
    """An empty folder: 31. A folder that is not there: 30, since nobody looked."""
    assert ask(gated).exit_code == ExitCode.NO_REPORT
    shutil.rmtree(gated.folder.parent)
    assert ask(gated).exit_code == ExitCode.TRUST


def test_a_strangers_decision_does_not_count(gated, tmp_path):
    """Alone it is no valid signature; beside the gate's own it changes nothing, not even as a refusal."""
    rig = Signer(tmp_path / "rig")
    path = gated.decide(name="rig", signer=rig, passed=False, sequence=999)
    answer = ask(gated)
    assert (answer.exit_code, str(path) in answer.sentence) == (ExitCode.TRUST, True)
    gated.decide()
    assert ask(gated).exit_code == ExitCode.OK


def torn(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def flipped(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b'"sig":"ME', b'"sig":"MF', 1))


def linked(path: Path) -> None:
    path.rename(path.with_suffix(".real"))
    path.symlink_to(path.with_suffix(".real"))


def piped(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def filled(path: Path) -> None:
    path.write_bytes(b" " * ((1 << 20) + 1))


def spaced(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\n")


@pytest.mark.parametrize("damage", [torn, flipped, linked, piped, filled, spaced])
def test_a_damaged_decision_stops_the_answer(gated, damage):
    """It may have been the newest refusal: an older PASSED beside it is not believed, and nothing hangs."""
    gated.decide()
    path = gated.decide(name="later", passed=False, sequence=101)
    damage(path)
    answer = ask(gated)
    assert (answer.exit_code, str(path) in answer.sentence) == (ExitCode.TRUST, True), answer.sentence


def test_decisions_behind_a_link_stop_the_answer(gated, tmp_path):
    """They would not be found, and the newest may be among them."""
    gated.decide()
    other = gated.folder.parent / "weld-2"
    other.mkdir()
    (other / "decisions").symlink_to(tmp_path / "nowhere")
    answer = ask(gated)
    assert (answer.exit_code, "symbolic link" in answer.sentence) == (ExitCode.TRUST, True)


def test_a_clock_that_is_not_set_gives_no_answer(gated):
    """A decision from the future, and a clock from 1970, are the same to this machine: it does not know now."""
    gated.decide(decided_at_utc=utc(1))
    with pytest.raises(PreconditionError, match="clock"):
        ask(gated)
    gated.decide()
    with pytest.raises(PreconditionError, match="clock"):
        ask(gated, now_ns=0)


@pytest.fixture
def model(tmp_path) -> Path:
    """Return the graph of the released model, with its weights where it wants them."""
    for path, data in SMALL.items():
        (tmp_path / "model" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "model" / path).write_bytes(data)
    return tmp_path / "model" / "model.onnx"


def test_a_file_is_asked_for_with_all_that_belongs_to_it(gated, model):
    """The graph and its weights as decided on: PASSED, asked by either file."""
    gated.decide()
    assert ask(gated, asked_model(str(model))).exit_code == ExitCode.OK
    assert ask(gated, asked_model(str(model.parent / "weights" / "model.bin"))).exit_code == ExitCode.OK


@pytest.mark.parametrize("what", ["changed", "missing", "a pipe"])
def test_changed_weights_beside_the_graph_are_found(gated, model, what):
    """The graph's own digest is the decided one: the weights are another model's, or nobody's."""
    gated.decide()
    weights = model.parent / "weights" / "model.bin"
    weights.unlink()
    if what == "changed":
        weights.write_bytes(SMALL["weights/model.bin"][:-1] + b"!")
    if what == "a pipe":
        os.mkfifo(weights)
    answer = ask(gated, asked_model(str(model)))
    assert (answer.exit_code, str(weights) in answer.sentence) == (ExitCode.NO_REPORT, True), answer.sentence


def test_a_graphs_digest_alone_says_nothing_of_the_weights(gated):
    """Refused with the digest to ask for instead; for a model of one file its digest is enough."""
    gated.decide()
    graph = sha256_hex(SMALL["model.onnx"])
    answer = ask(gated, asked_model(graph.upper()))
    assert answer.exit_code == ExitCode.NO_REPORT
    assert gated.release.bundle_sha256 in answer.sentence
    gated.decide(model_files_sha256={"model.onnx": graph})
    assert ask(gated, asked_model(graph)).exit_code == ExitCode.OK


def test_a_graph_too_near_the_root_is_no_crash(gated):
    """The decided path is deeper than any folder above the file: 31 with the reason."""
    graph = sha256_hex(SMALL["model.onnx"])
    gated.decide(model_files_sha256={"a/b/c/model.onnx": graph, "a/b/c/weights": "1" * 64})
    answer = ask(gated, AskedModel(sha256=graph, file=Path("/model.onnx")))
    assert (answer.exit_code, "does not lie where" in answer.sentence) == (ExitCode.NO_REPORT, True)


@pytest.mark.parametrize("text", ["", "nothing-there.onnx", "a" * 63, "g" * 64, "x\0y", "."])
def test_what_is_no_model_is_asked_for_again(text):
    """Neither a file nor a digest: a mistake in the arguments, not 'no decision'."""
    with pytest.raises(UsageError, match="neither"):
        asked_model(text)


def test_a_pipe_as_the_model_does_not_hang(tmp_path):
    """A FIFO where the model should be: refused at once."""
    os.mkfifo(tmp_path / "model.onnx")
    with pytest.raises(UsageError):
        asked_model(str(tmp_path / "model.onnx"))


def test_without_a_key_the_users_own_gate_is_trusted(tmp_path, monkeypatch):
    """Only the key named `gate`: a rig's key in the same folder never signs decisions."""
    monkeypatch.setenv("HILRIG_HOME", str(tmp_path))
    Signer(tmp_path / "keys", "rig")
    with pytest.raises(UsageError, match="no key of a gate"):
        gate_trust([], trust=None, now_ns=NOW_NS)
    gate = Signer(tmp_path / "keys", "gate")
    assert (
        gate_trust([], trust=None, now_ns=NOW_NS).keys == gate_trust([gate.public_key], trust=None, now_ns=0).keys
    )
    with pytest.raises(UsageError, match="were given"):
        gate_trust([gate.public_key], trust=tmp_path / "trust.json", now_ns=NOW_NS)
