"""The gate's decision on a release for one device class: a SLSA verification summary (docs/node.md)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from hilrig.attest.envelope import verify_envelope
from hilrig.attest.public_key import PublicKey
from hilrig.attest.statement import MODEL_PREFIX, Statement, build_statement
from hilrig.attest.validity import Validity, parse_validity
from hilrig.core.canonical import canonical_json
from hilrig.core.errors import TrustError
from hilrig.core.gate_manifest import MANIFEST_FILE
from hilrig.core.release import GATE_DECISION_FILE, RELEASE_FILE

VERIFICATION_SUMMARY: Final = "https://slsa.dev/verification_summary/v1"
VERIFIER_ID: Final = "urn:hilrig:gate"
DECISION_SCHEMA: Final = "hilrig.gate/1"
CLASS_URI: Final = "hilrig:device-class/"

_SHA256: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A document that the decision rests on: where it is, its sha256."""

    uri: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GateDecision:
    """What the gate decided.

    Args:
        release_sha256: of release.json: the name of the release.
        manifest_sha256: of release_manifest.json: what was to be released, with its evidence.
        model_files_sha256: by the path of each model file.
        passed: False is a refusal, which is signed as well.
        device_class: what the decision is for.
        stack_sha256: of the software stack that the runs were made on; empty: not bound to one.
        sequence: the newest decision on a release counts.
        decided_at_utc: ISO 8601, as is `expires_at_utc`.
        policy: the policy file.
        attestations: of the runs for this class that the decision rests on; none for a refusal without a run.
    """

    release_sha256: str
    manifest_sha256: str
    model_files_sha256: Mapping[str, str]
    bundle_sha256: str
    passed: bool
    device_class: str
    stack_sha256: str
    sequence: int
    decided_at_utc: str
    expires_at_utc: str
    policy: Evidence
    attestations: tuple[Evidence, ...]

    def validity(self) -> Validity:
        """Return from when to when it holds."""
        return parse_validity(
            issued_at_utc=self.decided_at_utc, expires_at_utc=self.expires_at_utc, name="the gate's decision"
        )


def build_gate_decision(decision: GateDecision) -> bytes:
    """Return the statement of a decision as canonical JSON, to be signed."""
    return build_statement(VERIFICATION_SUMMARY, _subjects(decision), _predicate(decision))


def verify_gate_decision(
    data: bytes, keys: Sequence[PublicKey], *, name: str = GATE_DECISION_FILE
) -> GateDecision:
    """Return the decision in the envelope `data`, which messages call `name`, if a gate's key signed it.

    Raises:
        UnknownKeyError: none of `keys` signed it.
        TrustError: the signature does not hold, or it is no decision as `build_gate_decision` writes it.
    """
    return read_gate_decision(verify_envelope(data, keys, name=name).statement, name=name)


def read_gate_decision(statement: Statement, *, name: str) -> GateDecision:
    """Return the decision in a statement whose signature holds.

    Strict: a field more, a field less or another spelling is refused, so that two readers cannot differ.

    Raises:
        TrustError: it is no decision as `build_gate_decision` writes it.
    """
    if statement.predicate_type != VERIFICATION_SUMMARY:
        raise TrustError(f"{name} is a statement of the type {statement.predicate_type[:80]!a}, no gate decision")
    try:
        decision = _parsed(statement)
    except (KeyError, TypeError, ValueError) as error:
        raise TrustError(f"{name} is no gate decision: {error!s:.120}") from error
    if canonical_json(_predicate(decision)) != canonical_json(statement.predicate):
        raise TrustError(f"{name} is no gate decision: a field too many or of another kind")
    if _subjects(decision) != statement.subjects:
        raise TrustError(f"{name} has a subject that is none of {RELEASE_FILE}, {MANIFEST_FILE} and model files")
    if decision.passed and not decision.attestations:
        raise TrustError(f"{name} lets a release through without the attestation of any run")
    decision.validity()
    return decision


def _subjects(decision: GateDecision) -> dict[str, str]:
    model = {MODEL_PREFIX + path: sha256 for path, sha256 in decision.model_files_sha256.items()}
    return {RELEASE_FILE: decision.release_sha256, MANIFEST_FILE: decision.manifest_sha256, **model}


def _predicate(decision: GateDecision) -> dict[str, Any]:
    return {
        "verifier": {"id": VERIFIER_ID},
        "timeVerified": decision.decided_at_utc,
        "resourceUri": CLASS_URI + decision.device_class,
        "policy": _descriptor(decision.policy),
        "inputAttestations": [_descriptor(attestation) for attestation in decision.attestations],
        "verificationResult": "PASSED" if decision.passed else "FAILED",
        "verifiedLevels": [],
        "hilrig": {
            "schema": DECISION_SCHEMA,
            "sequence": decision.sequence,
            "expires_at_utc": decision.expires_at_utc,
            "stack_sha256": decision.stack_sha256,
            "bundle_sha256": decision.bundle_sha256,
        },
    }


def _descriptor(evidence: Evidence) -> dict[str, Any]:
    return {"uri": evidence.uri, "digest": {"sha256": evidence.sha256}}


def _parsed(statement: Statement) -> GateDecision:
    """Return the decision; what is of another kind than `_predicate` writes comes to light when it is rebuilt."""
    predicate, own = statement.predicate, statement.predicate["hilrig"]
    model = {
        name.removeprefix(MODEL_PREFIX): sha256
        for name, sha256 in statement.subjects.items()
        if name.startswith(MODEL_PREFIX)
    }
    return GateDecision(
        release_sha256=statement.subjects[RELEASE_FILE],
        manifest_sha256=statement.subjects[MANIFEST_FILE],
        model_files_sha256=model,
        bundle_sha256=_digest(own["bundle_sha256"]),
        passed=predicate["verificationResult"] == "PASSED",
        device_class=_text(predicate["resourceUri"]).removeprefix(CLASS_URI),
        stack_sha256=_text(own["stack_sha256"]) and _digest(own["stack_sha256"]),
        sequence=_sequence(own["sequence"]),
        decided_at_utc=_text(predicate["timeVerified"]),
        expires_at_utc=_text(own["expires_at_utc"]),
        policy=_evidence(predicate["policy"]),
        attestations=tuple(_evidence(attestation) for attestation in predicate["inputAttestations"]),
    )


def _evidence(descriptor: Any) -> Evidence:
    return Evidence(uri=_text(descriptor["uri"]), sha256=_digest(descriptor["digest"]["sha256"]))


def _digest(value: Any) -> str:
    if not isinstance(value, str) or not _SHA256.fullmatch(value):
        raise ValueError("a digest is not sha256 in lower-case hex")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected a text, found {type(value).__name__}")
    return value


def _sequence(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError("the sequence is not an integer of 1 or more")
    return value
