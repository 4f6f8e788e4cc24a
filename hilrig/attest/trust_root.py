"""The trust root as a signed file: who may sign what.

It also says by whom the next root must be signed. The rules are those of TUF's root (The Update Framework
specification 1.0.33, 5.3): version + 1, the thresholds of the old root and of the new one, every distinct public
key counted once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pydantic_core import to_jsonable_python

from hilrig.attest.pem import parse_public_key
from hilrig.attest.public_key import PublicKey
from hilrig.attest.several import SeveralSigned, open_several
from hilrig.attest.statement import Statement, build_statement
from hilrig.attest.trust_root_sense import root_faults
from hilrig.attest.validity import Validity, holds_at, parse_validity
from hilrig.config.noun_json import from_json
from hilrig.core.canonical import canonical_json, sha256_hex
from hilrig.core.errors import RecordError, TrustError
from hilrig.core.trust import Role, TrustedKey, TrustRoot

TRUST_ROOT: Final = "urn:hilrig:trust-root:v0.1"
TRUST_FILE: Final = "trust.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class RootSignatures:
    """A trust root as somebody signed it.

    Args:
        signed_by: fingerprints of the root keys, old or new, that signed.
        lacks: one sentence for each threshold that is not reached; empty: the root holds.
    """

    root: TrustRoot
    signed_by: frozenset[str]
    lacks: tuple[str, ...]


def build_root(root: TrustRoot) -> bytes:
    """Return the statement of a trust root as canonical JSON, to be signed.

    A statement needs a subject: it is the root itself, by the digest of its canonical JSON.

    Raises:
        TrustError: nobody would accept it: the message says why.
    """
    _refuse_senseless(root, TRUST_FILE)
    predicate = to_jsonable_python(root)
    return build_statement(TRUST_ROOT, {TRUST_FILE: sha256_hex(canonical_json(predicate))}, predicate)


def verify_root(data: bytes, *, previous: TrustRoot | None, name: str = TRUST_FILE) -> TrustRoot:
    """Return the trust root in the envelope `data`, which messages call `name`, if it may follow `previous`.

    Whether it is over is not asked here: an expired root still says who may sign the next one.

    Raises:
        TrustError: it is malformed, not version + 1, or not signed by the thresholds of the old and the new root.
    """
    found = inspect_root(data, previous=previous, name=name)
    for sentence in found.lacks:
        raise TrustError(f"{name} {sentence}", hint=f"hilrig trust sign {name} --root-key KEY.pem")
    return found.root


def inspect_root(data: bytes, *, previous: TrustRoot | None, name: str = TRUST_FILE) -> RootSignatures:
    """Return what `verify_root` looks at: also of a root that still waits for signatures.

    Raises:
        TrustError: it is malformed, not version + 1, a signature does not hold or is by no root key.
    """
    opened = open_several(data, name=name)
    root = _read_root(opened.statement, name)
    if previous is not None:
        _refuse_other_order(root, previous, name)
    signed_by, lacks = _counted(opened, root, root, "its own")
    if previous is not None:
        by_old, lacks_old = _counted(opened, previous, root, "the older root's")
        signed_by, lacks = signed_by | by_old, lacks_old + lacks
        _refuse_foreign(opened, root, previous)
    return RootSignatures(root=root, signed_by=signed_by, lacks=lacks)


def root_validity(root: TrustRoot) -> Validity:
    """Return from when to when a trust root holds."""
    return parse_validity(
        issued_at_utc=root.issued_at_utc, expires_at_utc=root.expires_at_utc, name="the trust root"
    )


def key_validity(key: TrustedKey) -> Validity:
    """Return from when to when what a key signs counts."""
    return parse_validity(
        issued_at_utc=key.not_before_utc, expires_at_utc=key.not_after_utc, name=f"the key {key.fingerprint}"
    )


def public_key_of(key: TrustedKey) -> PublicKey:
    """Return the key itself."""
    return parse_public_key(key.public_key.encode(), name=f"the key {key.fingerprint}")


def _read_root(statement: Statement, name: str) -> TrustRoot:
    if statement.predicate_type != TRUST_ROOT:
        raise TrustError(f"{name} is a statement of the type {statement.predicate_type[:80]!a}, no trust root")
    try:
        root = from_json(TrustRoot, canonical_json(statement.predicate), what=name)
    except RecordError as error:
        raise TrustError(f"{name} is no trust root: {error.message}") from error
    _refuse_senseless(root, name)
    expected = build_statement(TRUST_ROOT, statement.subjects, statement.predicate)
    if build_root(root) != expected:
        raise TrustError(f"{name} is no trust root: a field is missing or of another kind, or its subject differs")
    return root


def _refuse_senseless(root: TrustRoot, name: str) -> None:
    for fault in root_faults(root):
        raise TrustError(f"{name}: {fault}", hint="hilrig trust init and rotate write one that makes sense")


def _refuse_other_order(root: TrustRoot, previous: TrustRoot, name: str) -> None:
    if root.version <= previous.version:
        raise TrustError(
            f"{name} is version {root.version}: a newer root was seen here, version {previous.version}",
            hint="take the newest trust.json from whoever keeps it",
        )
    if root.version != previous.version + 1:
        raise TrustError(
            f"{name} is version {root.version}; expected {previous.version + 1}: each version is signed by the one"
            " before",
            hint=f"put trust.{previous.version + 1}.json beside it, and those between",
        )
    if root_validity(root).issued_ns < root_validity(previous).issued_ns:
        raise TrustError(f"{name} was issued at {root.issued_at_utc}, before the version that it follows")


def _counted(
    opened: SeveralSigned, by: TrustRoot, new: TrustRoot, whose: str
) -> tuple[frozenset[str], tuple[str, ...]]:
    """Return who of the root keys in `by` signed `new`, and what its threshold lacks."""
    known = root_keys(by)
    signed_by = opened.signed_by([public_key_of(key) for key in known.values()])  # a false one is refused anyway
    signed_by = frozenset(name for name in signed_by if _counts(known[name], root_validity(new).issued_ns))
    threshold = by.roles[Role.ROOT.value].threshold
    if len(signed_by) >= threshold:
        return signed_by, ()
    lack = f"is signed by {len(signed_by)} of {whose} root keys that count; expected {threshold}"
    return signed_by, (lack,)


def _counts(key: TrustedKey, moment_ns: int) -> bool:
    return not key.revoked_at_utc and holds_at(key_validity(key), moment_ns)


def root_keys(root: TrustRoot) -> Mapping[str, TrustedKey]:
    """Return the keys of the role `root` by fingerprint."""
    return {name: root.keys[name] for name in root.roles[Role.ROOT.value].keys}


def _refuse_foreign(opened: SeveralSigned, root: TrustRoot, previous: TrustRoot) -> None:
    for fingerprint in sorted(opened.named - root_keys(root).keys() - root_keys(previous).keys()):
        raise TrustError(f"{opened.name} is signed by {fingerprint}, which is no root key, old or new")
