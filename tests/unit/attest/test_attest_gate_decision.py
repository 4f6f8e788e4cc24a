import json
from dataclasses import replace

import pytest

from hilrig.attest.envelope import sign
from hilrig.attest.gate_decision import Evidence, GateDecision, build_gate_decision, verify_gate_decision
from hilrig.attest.result_statement import build_views_statement
from hilrig.core.canonical import canonical_json
from hilrig.core.errors import TrustError, UnknownKeyError

DECISION = GateDecision(
    release_sha256="1" * 64,
    manifest_sha256="8" * 64,
    model_files_sha256={"model.onnx": "2" * 64, "weights/part.bin": "3" * 64},
    bundle_sha256="4" * 64,
    passed=True,
    device_class="x86-cpu",
    stack_sha256="5" * 64,
    sequence=7,
    decided_at_utc="2026-11-21T05:33:12Z",
    expires_at_utc="2026-12-21T05:33:12.250000Z",
    policy=Evidence(uri="hilrig:policy/default", sha256="6" * 64),
    attestations=(Evidence(uri="hilrig:run/20261121T053312Z-weld-station-a1b2c3", sha256="7" * 64),),
)


def changed(edit) -> bytes:
    """Return the statement of DECISION with its predicate or subjects edited in place."""
    document = json.loads(build_gate_decision(DECISION))
    edit(document)
    return canonical_json(document)


def test_a_decision_is_read_back_as_it_was_made(rig_key):
    """Whatever a decision says, its reader gets the same, PASSED or FAILED, bound to a stack or not."""
    signer, key = rig_key
    for decision in (DECISION, replace(DECISION, passed=False), replace(DECISION, stack_sha256="")):
        assert verify_gate_decision(sign(build_gate_decision(decision), signer), [key]) == decision


def test_the_statement_is_a_slsa_verification_summary():
    """A foreign reader finds type, verifier, class and result where SLSA puts them."""
    document = json.loads(build_gate_decision(DECISION))
    predicate = document["predicate"]
    assert document["predicateType"] == "https://slsa.dev/verification_summary/v1"
    assert predicate["verifier"] == {"id": "urn:hilrig:gate"}
    assert predicate["resourceUri"] == "hilrig:device-class/x86-cpu"
    assert (predicate["verificationResult"], predicate["verifiedLevels"]) == ("PASSED", [])
    assert {one["name"] for one in document["subject"]} == {
        "release.json",
        "release_manifest.json",
        "model/model.onnx",
        "model/weights/part.bin",
    }


def test_a_foreign_key_decides_nothing(rig_key, other_key):
    """A decision by a key that is not the gate's is refused as signed by an unknown key."""
    with pytest.raises(UnknownKeyError):
        verify_gate_decision(sign(build_gate_decision(DECISION), other_key[0]), [rig_key[1]])


@pytest.mark.parametrize(
    "edit",
    [
        lambda d: d["predicate"].update(verificationResult="passed"),
        lambda d: d["predicate"].update(verificationResult="WARNED"),
        lambda d: d["predicate"].update(extra=1),
        lambda d: d["predicate"].pop("policy"),
        lambda d: d["predicate"].update(verifier={"id": "urn:somebody:else"}),
        lambda d: d["predicate"].update(inputAttestations=[]),
        lambda d: d["predicate"].update(resourceUri="x86-cpu"),
        lambda d: d["predicate"].update(resourceUri=5),
        lambda d: d["predicate"].update(timeVerified="yesterday"),
        lambda d: d["predicate"].update(timeVerified="2026-13-41T05:33:12Z"),
        lambda d: d["predicate"].update(hilrig=None),
        lambda d: d["predicate"]["hilrig"].update(sequence=0),
        lambda d: d["predicate"]["hilrig"].update(sequence=True),
        lambda d: d["predicate"]["hilrig"].update(sequence=1.0),
        lambda d: d["predicate"]["hilrig"].update(schema="hilrig.gate/2"),
        lambda d: d["predicate"]["hilrig"].update(stack_sha256="short"),
        lambda d: d["predicate"]["hilrig"].update(bundle_sha256=None),
        lambda d: d["predicate"]["hilrig"].update(expires_at_utc="2026-01-01T00:00:00Z"),
        lambda d: d["predicate"]["hilrig"].update(waived=True),
        lambda d: d["subject"].append({"name": "other.json", "digest": {"sha256": "8" * 64}}),
        lambda d: d["subject"].pop(),
    ],
)
def test_anything_but_its_own_form_is_no_decision(edit, rig_key):
    """A field more, less, of another kind or value is refused although the gate's own key signed it."""
    signer, key = rig_key
    with pytest.raises(TrustError):
        verify_gate_decision(sign(changed(edit), signer), [key])


def test_another_statement_of_the_gate_is_no_decision(rig_key):
    """A statement of another type, soundly signed, is not taken for a decision."""
    signer, key = rig_key
    with pytest.raises(TrustError, match="no gate decision"):
        verify_gate_decision(sign(build_views_statement({"release.json": "1" * 64}, "run"), signer), [key])
