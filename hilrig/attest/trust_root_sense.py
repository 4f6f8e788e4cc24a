"""What makes a trust root senseless: two names for one key, thresholds out of reach, letters that look alike."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from hilrig.attest.pem import parse_public_key
from hilrig.attest.public_key import public_key_der
from hilrig.attest.validity import parse_validity
from hilrig.core.errors import TrustError
from hilrig.core.trust import ANY_CLASS, TRUST_SCHEMA, Role, RoleKeys, TrustedKey, TrustRoot

MAX_KEYS: Final = 256
"""A plant with more rigs than that has more than one trust root."""

OWNER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._@+-]{0,63}")
DEVICE_CLASS: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
APPROVER_ROLE: Final = re.compile(r"[a-z][a-z0-9-]{0,63}")

_ROLES: Final = frozenset(role.value for role in Role)


def root_faults(root: TrustRoot) -> Iterator[str]:
    """Say what of a trust root cannot be meant; nothing for a sound one. Names are ASCII."""
    if root.schema != TRUST_SCHEMA:
        yield f"schema is {root.schema[:40]!a}; expected {TRUST_SCHEMA}"
    if root.version < 1:
        yield f"version is {root.version}; expected 1 or more"
    if len(root.keys) > MAX_KEYS:
        yield f"it holds {len(root.keys)} keys; expected at most {MAX_KEYS}"
    yield from _time_faults("it", root.issued_at_utc, root.expires_at_utc)
    yield from _role_faults(root)
    for fingerprint, key in root.keys.items():
        for fault in _key_faults(fingerprint, key):
            yield f"the key {fingerprint[:60]!a}: {fault}"


def _role_faults(root: TrustRoot) -> Iterator[str]:
    if Role.ROOT.value not in root.roles:
        yield "it has no role 'root': nobody could sign the next one"
    for name, role in root.roles.items():
        if name not in _ROLES:
            yield f"{name[:40]!a} is no role; there are {', '.join(sorted(_ROLES))}"
            continue
        for fault in _one_role_faults(root, Role(name), role):
            yield f"the role {name}: {fault}"
    uses = Counter(fingerprint for role in root.roles.values() for fingerprint in role.keys)
    for fingerprint in sorted(root.keys.keys() | uses):
        if fingerprint not in root.keys:
            yield f"{fingerprint[:60]!a} has a role, but its key is missing"
        elif uses[fingerprint] != 1:
            yield f"{fingerprint[:60]!a} has {uses[fingerprint]} roles; expected one: who measures never decides"


def _one_role_faults(root: TrustRoot, role: Role, keys: RoleKeys) -> Iterator[str]:
    if list(keys.keys) != sorted(set(keys.keys)) or not keys.keys:
        yield "its keys are not sorted, or one stands twice, or there is none"
    usable = [name for name in keys.keys if name in root.keys and not root.keys[name].revoked_at_utc]
    if role is not Role.ROOT and keys.threshold != 1:
        yield f"threshold is {keys.threshold}; expected 1: what it signs has one signature"
    if role is Role.ROOT and not 1 <= keys.threshold <= len(usable):
        yield f"threshold is {keys.threshold}; expected 1 to {len(usable)}, its keys that are not revoked"
    for name in keys.keys:
        yield from _use_faults(role, name, root.keys.get(name))


def _use_faults(role: Role, name: str, key: TrustedKey | None) -> Iterator[str]:
    if key is not None and (role is Role.APPROVER) != bool(key.approver_roles):
        yield f"{name[:60]!a}: approver_roles belong to an approver's key, and it needs one"


def _key_faults(fingerprint: str, key: TrustedKey) -> Iterator[str]:
    try:
        found = parse_public_key(key.public_key.encode(), name="its PEM")
    except TrustError as error:
        yield error.message
        return
    if not fingerprint == key.fingerprint == found.fingerprint:
        yield f"its public key has the fingerprint {found.fingerprint}: a key has one name, its own"
    if key.public_key != canonical_pem(public_key_der(found.sslib)):
        yield "its PEM is not in the one form that OpenSSL writes"
    if not OWNER.fullmatch(key.owner):
        yield f"{key.owner[:40]!a} cannot be an owner: plain letters, digits and ' ._@+-'"
    yield from _time_faults("it", key.not_before_utc, key.not_after_utc)
    if key.revoked_at_utc:
        yield from _time_faults("its revocation", key.revoked_at_utc, "9999-12-31T23:59:59Z")
    yield from _list_faults("device_classes", key.device_classes, DEVICE_CLASS, any_of=ANY_CLASS)
    yield from _list_faults("approver_roles", key.approver_roles, APPROVER_ROLE)
    if not key.device_classes:
        yield f"device_classes is empty; expected classes, or {ANY_CLASS}"


def canonical_pem(der: bytes) -> str:
    """Return a SubjectPublicKeyInfo in the one PEM form that a trust root holds."""
    return load_der_public_key(der).public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def _list_faults(
    field: str, values: Sequence[str], pattern: re.Pattern[str], *, any_of: str = ""
) -> Iterator[str]:
    if list(values) != sorted(set(values)):
        yield f"{field} is not sorted, or one stands twice"
    if any_of and any_of in values and len(values) > 1:
        yield f"{field} holds {any_of} and more: {any_of} is all of them"
    for value in values:
        if value != any_of and not pattern.fullmatch(value):
            yield f"{field}: {value[:40]!a} cannot be meant"


def _time_faults(what: str, from_utc: str, to_utc: str) -> Iterator[str]:
    try:
        parse_validity(issued_at_utc=from_utc, expires_at_utc=to_utc, name=what)
    except TrustError as error:
        yield error.message
