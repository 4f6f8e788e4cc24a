"""Revoking a decision of the gate: a newer refusal, signed, that every node understands."""

from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from securesystemslib.signer import Signer

from hilrig.app.gate.decisions_folder import ENVELOPE_SUFFIX, REVOCATION_URI, FoundDecision, read_decision
from hilrig.app.gate.keys import GateTrust
from hilrig.attest.envelope import sign
from hilrig.attest.gate_decision import Evidence, GateDecision, build_gate_decision
from hilrig.core.approval import REASON_MAX_CHARS
from hilrig.core.canonical import canonical_json, sha256_hex
from hilrig.core.clock import Clock
from hilrig.core.errors import RecordError, TrustError, UsageError
from hilrig.core.release import GATE_DECISION_FILE
from hilrig.core.units import NS_PER_S
from hilrig.record.run_directory import write_atomic
from hilrig.record.utc import utc_text

REVOCATION_SCHEMA: Final = "hilrig.revocation/1"
NEVER: Final = "9999-12-31T23:59:59Z"
"""When a revocation ends: the decision that it takes back must not come to life again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoked:
    """What was written, and what it took back.

    Args:
        envelope: the signed refusal.
        reason: the file with the reason, which the refusal names by its digest.
        replaced: whether a published decision was replaced, so that nodes see it.
    """

    envelope: Path
    reason: Path
    replaced: bool
    decision: GateDecision


def revoke(path: Path, *, reason: str, gate: Signer, trusted: GateTrust, clock: Clock) -> Revoked:
    """Write a refusal that takes the place of the decision in `path`, beside it.

    A published `gate.dsse.json` is replaced as well: it is the one file that nodes look at.

    Args:
        path: of the decision.
        reason: why, for whoever asks later.
        gate: who signs.
        trusted: who may have signed the decision.
        clock: for the time of it.

    Raises:
        TrustError: the decision was signed by nobody trusted, or was changed.
        UsageError: it is a refusal already, or there is no reason.
        RecordError: it cannot be written.
    """
    _refuse_senseless(reason)
    found = read_decision(path, trusted)
    if found is None:
        raise TrustError(f"{path} is no decision of the gate", hint="RELEASE/decisions/<class>.dsse.json")
    if not found.decision.passed:
        raise UsageError(f"{path} is a refusal already: there is nothing to revoke")
    now_ns = clock.triple().realtime_ns
    sequence = max(now_ns // NS_PER_S, _highest_beside(found, trusted) + 1)
    why = _reason(found, reason, revoked_at_utc=utc_text(now_ns))
    refusal = replace(
        found.decision,
        passed=False,
        sequence=sequence,
        decided_at_utc=utc_text(now_ns),
        expires_at_utc=NEVER,
        policy=Evidence(uri=REVOCATION_URI, sha256=sha256_hex(why)),
        attestations=(Evidence(uri="hilrig:gate-decision", sha256=sha256_hex(found.envelope)),),
    )
    return _write(found, refusal, sign(build_gate_decision(refusal), gate), why)


def _refuse_senseless(reason: str) -> None:
    if not reason.strip() or len(reason) > REASON_MAX_CHARS:
        raise UsageError(
            f"the reason has {len(reason.strip())} characters; expected 1 to {REASON_MAX_CHARS}",
            hint="--reason 'what was found, by whom'",
        )
    if not all(character.isprintable() or character == "\n" for character in reason):
        raise UsageError("the reason holds characters that cannot be printed", hint="plain text, please")


def _highest_beside(found: FoundDecision, trusted: GateTrust) -> int:
    """Return the highest sequence in the decision's folder: what is written must be newer than all of them.

    A damaged file there stops nobody: taking a model out of service is the safe direction.
    """
    highest = found.decision.sequence
    for path in found.path.parent.glob(f"*{ENVELOPE_SUFFIX}"):
        with suppress(TrustError):
            other = read_decision(path, trusted)
            highest = max(highest, other.decision.sequence if other else 0)
    return highest


def _reason(found: FoundDecision, reason: str, *, revoked_at_utc: str) -> bytes:
    return canonical_json(
        {
            "schema": REVOCATION_SCHEMA,
            "reason": reason,
            "revoked_at_utc": revoked_at_utc,
            "revokes_sha256": sha256_hex(found.envelope),
            "revokes_sequence": found.decision.sequence,
            "release_sha256": found.decision.release_sha256,
            "device_class": found.decision.device_class,
        }
    )


def _write(found: FoundDecision, refusal: GateDecision, envelope: bytes, why: bytes) -> Revoked:
    stem = f"{found.path.name.removesuffix(ENVELOPE_SUFFIX)}.revoked-{refusal.sequence}"
    paths = found.path.with_name(f"{stem}{ENVELOPE_SUFFIX}"), found.path.with_name(f"{stem}.json")
    is_published = found.path.name == GATE_DECISION_FILE
    try:
        write_atomic(paths[1], why)
        write_atomic(paths[0], envelope)
        if is_published:
            write_atomic(found.path, envelope)
    except OSError as error:
        raise RecordError(
            f"{paths[0]} cannot be written: {error.strerror}", hint="nothing was revoked; free some space"
        ) from error
    return Revoked(envelope=paths[0], reason=paths[1], replaced=is_published, decision=refusal)
