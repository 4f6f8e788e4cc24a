"""Triage of model stores: what each planted fault is found as."""

import json
import os
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from gated_releases import IDENTITY, Publisher, utc
from hilrig.app.triage.store import read_store
from hilrig.app.triage.triage import read_subject, triage
from hilrig.config.noun_json import to_json
from hilrig.core.errors import RecordError, UsageError
from hilrig.core.playbook import StepStatus
from hilrig.gate.playbooks.catalog import CATALOG
from node_releases import accept_any
from small_models import SHAPE


def foreign_model() -> bytes:
    """Return a model with an operator that no runtime has."""
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, SHAPE)
    scores = helper.make_tensor_value_info("scores", TensorProto.FLOAT, [1, 2])
    graph = helper.make_graph([helper.make_node("WeldScore", ["image"], ["scores"])], "none", [image], [scores])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return model.SerializeToString()


@pytest.fixture
def publisher(tmp_path):
    return Publisher(tmp_path)


@pytest.fixture
def unloaded(monkeypatch):
    """Load no model: half a second each, in tests that are about something else."""
    monkeypatch.setattr("hilrig.app.triage.store.try_to_load", lambda _: None)


def staged(publisher, store, sequence, *, confirm=True, **changes):
    """Publish a release, bring it into the store, put it on trial and confirm it."""
    sha256 = publisher.release(sequence, **changes)
    store.stage(publisher.out / "releases" / sha256, accept=accept_any)
    store.activate(sha256, accept=accept_any)
    if confirm:
        store.confirm(sha256)
    return sha256


def best(found):
    return found.candidates[0].cause.cause_id


def test_a_damaged_file_is_a_corrupted_download(publisher):
    """One byte of the active model differs: the playbook is chosen, file and digest are named."""
    store = publisher.store()
    sha256 = staged(publisher, store, 1)
    path = store.folder / "releases" / sha256 / "model" / "model.onnx"
    data = path.read_bytes()
    path.unlink()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    found = triage([str(store.folder)])
    assert found.playbook_id == "model-fails-to-load"
    assert "damaged" in found.chosen_because
    assert (best(found), found.owner) == ("corrupted-download", "firmware")
    integrity = found.steps[2]
    assert integrity.status is StepStatus.SUSPECT
    assert any("model/model.onnx: has the digest" in line for line in integrity.evidence)


@pytest.mark.usefixtures("unloaded")
def test_a_short_file_is_a_partial_download(publisher):
    """The size is told before anybody hashes: `too short: N of M bytes`."""
    store = publisher.store()
    sha256 = staged(publisher, store, 1)
    path = store.folder / "releases" / sha256 / "model" / "model.onnx"
    n_bytes = path.stat().st_size
    path.unlink()
    path.write_bytes(b"x" * 10)
    found = triage([str(store.folder)])
    assert any(f"too short: 10 of {n_bytes} bytes" in line for line in found.steps[2].evidence)
    assert "partial-download" in found.steps[2].signals


def test_a_model_with_a_foreign_operator_is_found_by_loading_it(publisher):
    """Every digest and signature holds; only loading tells. The other steps stay OK."""
    store = publisher.store()
    staged(publisher, store, 1, confirm=False, model=foreign_model())
    found = triage([str(store.folder)])
    assert found.playbook_id == "model-fails-to-load"
    assert "does not load" in found.chosen_because
    assert (best(found), found.owner) == ("unsupported-operators", "ML")
    statuses = {step.step_id: step.status for step in found.steps}
    assert statuses == {
        "versions": StepStatus.OK,
        "signature": StepStatus.OK,
        "integrity": StepStatus.OK,
        "memory": StepStatus.UNKNOWN,
        "operators": StepStatus.SUSPECT,
    }
    assert "WeldScore" in " ".join(found.steps[4].evidence)
    assert found.steps[3].collect


@pytest.mark.usefixtures("unloaded")
def test_a_key_that_the_store_does_not_trust_is_a_rotation(publisher):
    """The gate signed with another key than the store holds: security owns it, the model is not blamed."""
    store = publisher.store()
    staged(publisher, store, 1, signer=publisher.stranger)
    found = triage([str(store.folder)])
    assert (found.playbook_id, best(found), found.owner) == (
        "model-fails-to-load",
        "signing-key-rotation",
        "security",
    )


@pytest.mark.usefixtures("unloaded")
@pytest.mark.parametrize(
    ("decide", "cause"),
    [
        ({"expires_at_utc": utc(-0.5)}, "signing-key-rotation"),
        ({"device_class": "jetson-orin-nx-8gb"}, "wrong-config"),
        ({"passed": False}, "wrong-config"),
    ],
)
def test_a_decision_that_does_not_hold_here_is_told_from_one_that_nobody_signed(publisher, decide, cause):
    """Expired, for another class, refused: each leads to the group that can mend it."""
    store = publisher.store()
    staged(publisher, store, 1, decide=decide)
    assert best(triage([str(store.folder)])) == cause


@pytest.mark.usefixtures("unloaded")
def test_a_release_that_was_never_activated_is_an_update_without_effect(publisher):
    """Release 2 was staged after release 1 was confirmed, and nobody activated it."""
    store = publisher.store()
    staged(publisher, store, 1)
    newer = publisher.release(2)
    store.stage(publisher.out / "releases" / newer, accept=accept_any)
    found = triage([str(store.folder)])
    assert found.playbook_id == "update-without-effect"
    assert newer[:12] in found.chosen_because
    assert (best(found), found.owner) == ("activation-bug", "backend")
    assert found.candidates[0].found == {"staged-not-active", "never-activated"}


@pytest.mark.usefixtures("unloaded")
def test_a_release_that_a_guardrail_took_back_is_a_health_check_rollback(publisher):
    """The journal's reason is printed: which guardrail, with its value."""
    store = publisher.store()
    staged(publisher, store, 1)
    newer = staged(publisher, store, 2, confirm=False)
    store.rollback(reason="guardrail p95_ms: 61.2 above 45")
    found = triage([str(store.folder)])
    assert found.playbook_id == "update-without-effect"
    assert best(found) == "health-check-rollback"
    assert {"rolled-back", "barred", "guardrail-broken"} <= found.candidates[0].found
    assert any("p95_ms: 61.2 above 45" in line for line in found.steps[2].evidence)
    assert newer[:12] in found.chosen_because


def test_a_sound_store_gives_no_candidate(publisher):
    """Release 1 is active and confirmed, loads, is signed: nothing is suspected, and triage says so."""
    store = publisher.store()
    staged(publisher, store, 1)
    for playbook_id in ("model-fails-to-load", "update-without-effect"):
        found = triage([str(store.folder)], playbook_id=playbook_id)
        assert found.candidates == ()
        assert all(step.status is not StepStatus.SUSPECT for step in found.steps)


@pytest.mark.usefixtures("unloaded")
def test_a_step_that_cannot_look_says_what_to_collect(publisher):
    """A store knows nothing of latency: every step of that playbook is UNKNOWN, never OK."""
    store = publisher.store()
    staged(publisher, store, 1)
    found = triage([str(store.folder)], playbook_id="latency-spikes")
    assert {step.status for step in found.steps} == {StepStatus.UNKNOWN}
    assert all(step.collect for step in found.steps)


@pytest.mark.usefixtures("unloaded")
def test_log_lines_are_signals(publisher, tmp_path):
    """A log with HR-302 confirms that the desired state was refused; lines that are no JSON are passed over."""
    store = publisher.store()
    staged(publisher, store, 1)
    log = tmp_path / "node.log"
    line = {"event": "agent.failed", "error_code": "HR-302", "reason": "it is for the class\x1b[31m jetson"}
    log.write_text(f"torn{{\n{json.dumps(line)}\n")
    found = triage([str(store.folder)], playbook_id="update-without-effect", log=log)
    assert best(found) == "activation-bug"
    assert "\x1b" not in " ".join(found.steps[1].evidence)


@pytest.mark.usefixtures("unloaded")
@pytest.mark.parametrize(
    ("active", "is_fallback"), [("CUDAExecutionProvider", True), ("CPUExecutionProvider", False)]
)
def test_a_delegate_that_the_release_did_not_ask_for_is_a_fallback(publisher, tmp_path, active, is_fallback):
    """The release asks for the CPU first; the log says what was proven to run. A null key is no answer."""
    store = publisher.store()
    staged(publisher, store, 1)
    log = tmp_path / "node.log"
    lines = [{"event": "a", "delegate_active": active, "thermal_state": "throttled"}, {"delegate_active": None}]
    log.write_text("\n".join(map(json.dumps, lines)))
    found = triage([str(store.folder)], playbook_id="latency-spikes", log=log)
    assert ("provider-fallback" in found.steps[3].signals) is is_fallback
    assert "thermal-state-high" in found.steps[4].signals


@pytest.mark.usefixtures("unloaded")
def test_triage_changes_nothing_in_a_store(publisher):
    """Not a byte, not a file, not a try."""
    store = publisher.store()
    staged(publisher, store, 1)
    staged(publisher, store, 2, confirm=False)

    def everything():
        return {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in store.folder.rglob("*")}

    before = everything()
    triage([str(store.folder)])
    assert everything() == before


@pytest.mark.usefixtures("unloaded")
def test_a_changed_state_is_not_believed(publisher):
    """active.json whose sum does not fit is named, the state before it is read."""
    store = publisher.store()
    staged(publisher, store, 1)
    path = store.folder / "state" / "active.json"
    path.write_bytes(path.read_bytes().replace(b'"tries_left":0', b'"tries_left":9'))
    seen = read_store(store.folder)
    assert "sum" in seen.state_fault
    assert triage([str(store.folder)]).playbook_id == "model-fails-to-load"


@pytest.mark.usefixtures("unloaded")
def test_a_link_or_a_pipe_in_a_store_is_never_followed(publisher, tmp_path):
    """A foreign store may hold anything: a link is damage, a pipe in place of a state does not block."""
    store = publisher.store()
    sha256 = staged(publisher, store, 1)
    path = store.folder / "releases" / sha256 / "model" / "model.onnx"
    secret = tmp_path / "secret"
    shutil.copy(path, secret)
    path.unlink()
    path.symlink_to(secret)
    state = store.folder / "state" / "active.json"
    state.unlink()
    os.mkfifo(state)
    seen = read_store(store.folder)
    assert "symbolic link" in seen.releases[sha256].damage[0]
    assert "regular file" in seen.state_fault


def test_what_is_no_subject_is_refused_with_the_next_step(tmp_path, publisher):
    """A missing folder, an empty one, two stores: each is told, none is guessed at."""
    with pytest.raises(RecordError, match="no folder"):
        triage([str(tmp_path / "gone")])
    (tmp_path / "empty").mkdir()
    with pytest.raises(RecordError, match="neither a run directory nor a model store"):
        triage([str(tmp_path / "empty")])
    store = str(publisher.store().folder)
    with pytest.raises(UsageError, match="second store"):
        read_subject([store, store], log=None)
    with pytest.raises(UsageError, match="no playbook"):
        triage([store], playbook_id="latency")


def test_a_store_that_is_half_gone_is_still_read(tmp_path):
    """Only node.json is left: no release, no state, no crash."""
    (tmp_path / "node.json").write_text(json.dumps({"node_id": IDENTITY.node_id, "device_class": "x86-cpu"}))
    found = triage([str(tmp_path)])
    assert found.playbook_id == "model-fails-to-load"
    assert "active.json is missing" in found.chosen_because


HOSTILE = st.one_of(
    st.binary(max_size=80),
    st.sampled_from(
        [
            b'{"sum": NaN}',
            b'{"sum": 1e999, "current": "\\ud800"}',
            b"[" * 3000,
            b'{"barred": 7, "sum": null}',
            b'{"reason": "\\u001b[2J\\ud800", "change": "rollback", "candidate": {"a": 1}}',
        ]
    ),
)


@given(state=HOSTILE, journal=HOSTILE, reports=HOSTILE, release=HOSTILE)
@settings(max_examples=40, deadline=None)  # each writes a store of ten files
def test_a_hostile_store_never_crashes_triage(state, journal, reports, release):
    """Whatever lies in its files: an answer that can be printed and written as JSON, or one clear refusal."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        for path, data in (
            ("node.json", b'{"node_id": "\\u001b[31m", "device_class": 7}'),
            ("state/active.json", state),
            ("state/journal.jsonl", journal + b"\n" + journal),
            ("agent/reports.jsonl", reports),
            (f"releases/{'a' * 64}/release.json", release),
            (f"releases/{'a' * 64}/gate.dsse.json", release),
            ("quarantine/\udcff", b""),
        ):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(data)
        for playbook_id in CATALOG:
            found = triage([name], playbook_id=playbook_id)
            assert to_json(found)
            assert "\x1b" not in str(found)
        triage([name])
