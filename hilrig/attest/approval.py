"""What a person signs at the gate: an approval of one manifest, perhaps with a waiver for items of the policy."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from pydantic_core import to_jsonable_python

from hilrig.attest.envelope import verify_envelope
from hilrig.attest.public_key import PublicKey
from hilrig.attest.statement import Statement, build_statement
from hilrig.attest.validity import Validity, parse_validity
from hilrig.config.noun_json import from_json
from hilrig.core.approval import APPROVAL_SCHEMA, REASON_MAX_CHARS, Approval
from hilrig.core.canonical import canonical_json
from hilrig.core.errors import RecordError, TrustError
from hilrig.core.gate_manifest import MANIFEST_FILE
from hilrig.core.units import NS_PER_S

APPROVAL: Final = "urn:hilrig:approval:v0.1"
MAX_APPROVAL_DAYS: Final = 366
"""Nobody knows after a year why they approved."""

WORD: Final = re.compile(r"[a-z][a-z0-9-]{0,63}")
"""A role or an item's id: plain ASCII, so that no letter looks like another."""

_NS_PER_DAY: Final = 86_400 * NS_PER_S


def build_approval(approval: Approval) -> bytes:
    """Return the statement of an approval as canonical JSON, to be signed; the envelope names its key.

    Raises:
        TrustError: no gate would accept it: the message says why.
    """
    _refuse_senseless(approval, "the approval")
    predicate = to_jsonable_python(approval)
    del predicate["manifest_sha256"], predicate["key_fingerprint"]
    return build_statement(APPROVAL, {MANIFEST_FILE: approval.manifest_sha256}, predicate)


def verify_approval(data: bytes, keys: Sequence[PublicKey], *, name: str) -> Approval:
    """Return the approval in the envelope `data`, which messages call `name`, if one of `keys` signed it.

    Whether that key may speak for the role, and whether the approval is over by now, is the caller's question.

    Raises:
        UnknownKeyError: none of `keys` signed it.
        TrustError: the signature does not hold, or it is no approval as `build_approval` writes it.
    """
    verified = verify_envelope(data, keys, name=name)
    approval = _read_approval(verified.statement, name)
    return replace(approval, key_fingerprint=verified.key_fingerprint)


def approval_validity(approval: Approval) -> Validity:
    """Return from when to when an approval holds.

    Raises:
        TrustError: it states no such times.
    """
    return parse_validity(
        issued_at_utc=approval.issued_at_utc, expires_at_utc=approval.expires_at_utc, name="the approval"
    )


def _read_approval(statement: Statement, name: str) -> Approval:
    if statement.predicate_type != APPROVAL:
        raise TrustError(f"{name} is a statement of the type {statement.predicate_type[:80]!a}, no approval")
    if set(statement.subjects) != {MANIFEST_FILE}:
        raise TrustError(f"{name} should have one subject, {MANIFEST_FILE}")
    whole = {**statement.predicate, "manifest_sha256": statement.subjects[MANIFEST_FILE]}
    try:
        approval = from_json(Approval, canonical_json(whole), what=name)
    except RecordError as error:
        raise TrustError(f"{name} is no approval: {error.message}") from error
    _refuse_senseless(approval, name)
    if build_approval(approval) != build_statement(APPROVAL, statement.subjects, statement.predicate):
        raise TrustError(f"{name} is no approval: a field is missing or of another kind")
    return approval


def _refuse_senseless(approval: Approval, name: str) -> None:
    for fault in _faults(approval):
        raise TrustError(f"{name}: {fault}", hint="hilrig gate approve RELEASE --role ROLE --reason TEXT")
    validity = approval_validity(approval)
    if validity.expires_ns - validity.issued_ns > MAX_APPROVAL_DAYS * _NS_PER_DAY:
        raise TrustError(f"{name} is to hold for more than {MAX_APPROVAL_DAYS} days", hint="--expires-days 30")


def _faults(approval: Approval) -> Iterator[str]:
    if approval.schema != APPROVAL_SCHEMA:
        yield f"schema is {approval.schema[:40]!a}; expected {APPROVAL_SCHEMA}"
    if not WORD.fullmatch(approval.role):
        yield f"{approval.role[:40]!a} cannot be a role: a to z, 0 to 9 and '-'"
    if not approval.reason.strip():
        yield "the reason is empty: who reads it in a year must know why"
    if len(approval.reason) > REASON_MAX_CHARS:
        yield f"the reason has {len(approval.reason)} characters; expected at most {REASON_MAX_CHARS}"
    if any(not (character.isprintable() or character == "\n") for character in approval.reason):
        yield "the reason holds characters that cannot be printed"
    for item in approval.waives:
        if not WORD.fullmatch(item):
            yield f"{item[:40]!a} cannot be an item's id: a to z, 0 to 9 and '-'"
    if list(approval.waives) != sorted(set(approval.waives)):
        yield "the waived items are not sorted, or one stands twice"
