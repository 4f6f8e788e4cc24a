"""The trust root: what a careless or hostile hand can do to it."""

import json
from dataclasses import replace

import pytest

from hilrig.attest.several import sign_several
from hilrig.attest.statement import build_statement
from hilrig.attest.trust_root import TRUST_FILE, TRUST_ROOT, build_root, inspect_root, verify_root
from hilrig.core.canonical import canonical_json, sha256_hex
from hilrig.core.errors import TrustError
from hilrig.core.trust import Role, RoleKeys
from trust_roots import Roots


@pytest.fixture(scope="module")
def roots(tmp_path_factory) -> Roots:
    roots = Roots(tmp_path_factory.mktemp("roots"))
    roots.first(
        roots.new(Role.RIG, "rig", "x86-cpu"),
        roots.new(Role.GATE, "gate"),
        roots.new(Role.APPROVER, "ann", "quality", "security"),
        roots=("root", "root2"),
    )
    return roots


@pytest.fixture(scope="module")
def first(roots):
    return verify_root(roots.path.read_bytes(), previous=None)


def signed(roots: Roots, root, *names: str) -> bytes:
    """Return a root signed by these, if a sound writer writes it."""
    return sign_several(build_root(root), [roots.signer(name).signer for name in names])


def forged(roots: Roots, predicate: dict, *names: str) -> bytes:
    """Return whatever predicate as a statement of the right form, signed by these."""
    subject = {TRUST_FILE: sha256_hex(canonical_json(predicate))}
    statement = build_statement(TRUST_ROOT, subject, predicate)
    return sign_several(statement, [roots.signer(name).signer for name in names])


def predicate_of(root) -> dict:
    return json.loads(build_root(root))["predicate"]


def following(root, **changes):
    return replace(root, **{"version": root.version + 1, **changes})


def with_roots(roots: Roots, root, *names: str, threshold: int):
    """Return a next version whose root keys are these."""
    old = set(root.roles["root"].keys)
    keys = {name: key for name, key in root.keys.items() if name not in old}
    sample = root.keys[next(iter(old))]
    for name in names:
        path = roots.signer(name).public_key
        key = roots.key(name)
        keys[key.fingerprint] = replace(
            sample, fingerprint=key.fingerprint, public_key=path.read_text(), owner=name
        )
    role = RoleKeys(keys=tuple(sorted(roots.key(name).fingerprint for name in names)), threshold=threshold)
    return following(root, keys=keys, roles={**root.roles, "root": role})


def test_a_root_that_both_signed_is_read_back(roots, first):
    """Version 1 with two root keys and the threshold two holds, and says what was written."""
    assert first.version == 1
    assert first.roles["root"].threshold == 2
    assert first.keys[roots.key("ann").fingerprint].approver_roles == ("quality", "security")
    assert build_root(first) == build_root(verify_root(roots.path.read_bytes(), previous=None))


def test_the_next_version_needs_both_thresholds(roots, first):
    """Signed by two old and two new keys it holds; without one of either side it does not."""
    new = with_roots(roots, first, "new1", "new2", threshold=2)
    everybody = ("root", "root2", "new1", "new2")
    assert verify_root(signed(roots, new, *everybody), previous=first) == new
    for missing in everybody:
        by = [name for name in everybody if name != missing]
        whose = "older root's" if missing.startswith("root") else "its own"
        with pytest.raises(TrustError, match=f"signed by 1 of (the )?{whose} root keys that count; expected 2"):
            verify_root(signed(roots, new, *by), previous=first)


def test_a_root_by_new_keys_alone_is_no_successor(roots, first):
    """Whoever makes up keys of their own signs nothing that the old root's owners would."""
    new = with_roots(roots, first, "new1", "new2", threshold=2)
    data = signed(roots, new, "new1", "new2")
    with pytest.raises(TrustError, match="0 of the older root's"):
        verify_root(data, previous=first)
    assert verify_root(data, previous=None) == new  # of itself it is sound: only the old root tells


def test_an_older_and_a_skipped_version_are_refused(roots, first):
    """The same version, an older one, one that is two ahead: only version + 1 follows."""
    both = ("root", "root2")
    second = following(first)
    for previous, version, words in (
        (second, 1, "a newer root was seen"),
        (second, 2, "a newer root"),
        (first, 3, "expected 2"),
    ):
        data = signed(roots, replace(first, version=version), *both)
        with pytest.raises(TrustError, match=words):
            verify_root(data, previous=previous)


def test_a_root_that_was_issued_before_the_one_that_it_follows_is_refused(roots, first):
    """The times go forward with the versions."""
    early = following(first, issued_at_utc="2020-01-01T00:00:00Z")
    with pytest.raises(TrustError, match="before the version that it follows"):
        verify_root(signed(roots, early, "root", "root2"), previous=first)


def test_a_signature_of_a_stranger_is_refused(roots, first):
    """Who is no root key, old or new, has no business in the envelope: not the gate either."""
    data = signed(roots, following(first), "root", "root2", "gate")
    with pytest.raises(TrustError, match="is no root key, old or new"):
        verify_root(data, previous=first)


def test_a_revoked_root_key_does_not_count(roots, first):
    """A revoked key's signature under the new root is there, and counts only for the old one."""
    name = roots.key("root2").fingerprint
    keys = {**first.keys, name: replace(first.keys[name], revoked_at_utc="2026-11-21T07:00:00Z")}
    role = replace(first.roles["root"], threshold=1)
    new = following(first, keys=keys, roles={**first.roles, "root": role})
    assert verify_root(signed(roots, new, "root", "root2"), previous=first).version == 2
    third = following(new)
    with pytest.raises(TrustError, match="0 of the older root's"):
        verify_root(signed(roots, third, "root2"), previous=new)


def test_an_expired_root_key_does_not_count(roots, first):
    """A key that ended before the new root was issued signs for nobody."""
    name = roots.key("root2").fingerprint
    late = following(first, issued_at_utc="2030-01-01T00:00:00Z", expires_at_utc="2031-01-01T00:00:00Z")
    assert first.keys[name].not_after_utc < late.issued_at_utc
    with pytest.raises(TrustError, match="0 of the older root's"):
        verify_root(signed(roots, late, "root", "root2"), previous=first)


def test_what_lacks_is_said_of_both_roots(roots, first):
    """Somebody who looks at a waiting root sees who signed and what is missing."""
    found = inspect_root(signed(roots, following(first), "root"), previous=first)
    assert found.signed_by == roots.fingerprints("root")
    assert len(found.lacks) == 2


def second_name(predicate: dict, roots: Roots) -> None:
    """One key under two ids, to reach a threshold of two alone."""
    own = roots.key("root").fingerprint
    other = "SHA256:" + "A" * 43
    predicate["keys"][other] = {**predicate["keys"][own], "fingerprint": other}
    predicate["roles"]["root"]["keys"] = sorted([own, other])
    del predicate["keys"][roots.key("root2").fingerprint]


def in_root(**changes):
    return lambda predicate, _: predicate["roles"]["root"].update(changes)


def in_key(name: str, **changes):
    return lambda predicate, roots: predicate["keys"][roots.key(name).fingerprint].update(changes)


def two_roles(predicate: dict, roots: Roots) -> None:
    predicate["roles"]["gate"]["keys"] = sorted(
        [*predicate["roles"]["gate"]["keys"], roots.key("rig").fingerprint]
    )


def cyrillic_id(predicate: dict, roots: Roots) -> None:
    """An id whose letter `A` is the Cyrillic one."""
    own = roots.key("rig").fingerprint
    alike = own.replace("S", "\u0405", 1)
    predicate["keys"][alike] = {**predicate["keys"].pop(own), "fingerprint": alike}
    predicate["roles"]["rig"]["keys"] = [alike]


SENSELESS = {
    "one key under two ids": (second_name, "a key has one name, its own"),
    "look-alike letters in an id": (cyrillic_id, "a key has one name, its own"),
    "look-alike letters in an owner": (in_key("ann", owner="\u0430nn"), "cannot be an owner"),
    "look-alike letters in a class": (in_key("rig", device_classes=["x86-\u0441pu"]), "cannot be meant"),
    "look-alike letters in a role": (in_key("ann", approver_roles=["\u0455ecurity"]), "cannot be meant"),
    "threshold 0": (in_root(threshold=0), "expected 1 to 2"),
    "threshold over its keys": (in_root(threshold=3), "expected 1 to 2"),
    "negative threshold": (in_root(threshold=-1), "expected 1 to 2"),
    "threshold as a text": (in_root(threshold="1"), "threshold"),
    "threshold true": (in_root(threshold=True), "threshold"),
    "a root without keys": (in_root(keys=[]), "there is none"),
    "a key twice in a role": (
        lambda p, _: p["roles"]["root"].update(keys=p["roles"]["root"]["keys"] * 2),
        "twice",
    ),
    "keys out of order": (lambda p, _: p["roles"]["root"]["keys"].reverse(), "not sorted"),
    "an unknown role": (lambda p, _: p["roles"].update(admin=p["roles"]["gate"]), "'admin' is no role"),
    "no root role": (lambda p, _: p["roles"].pop("root"), "no role 'root'"),
    "a key with two roles": (two_roles, "has 2 roles"),
    "a key without a role": (lambda p, _: p["roles"].pop("gate"), "has 0 roles"),
    "a role's key missing": (lambda p, r: p["keys"].pop(r.key("gate").fingerprint), "its key is missing"),
    "gate with threshold 2": (lambda p, _: p["roles"]["gate"].update(threshold=2), "expected 1"),
    "approver without a role": (in_key("ann", approver_roles=[]), "it needs one"),
    "a rig that approves": (in_key("rig", approver_roles=["security"]), "belong to an approver's key"),
    "no classes": (in_key("rig", device_classes=[]), "device_classes is empty"),
    "all classes and one": (in_key("rig", device_classes=["*", "x86-cpu"]), "all of them"),
    "classes out of order": (in_key("rig", device_classes=["b", "a"]), "not sorted"),
    "a private key": (in_key("rig", public_key="-----BEGIN PRIVATE KEY-----\n"), "is a private key"),
    "another spelling of the PEM": (
        lambda p, r: in_key("rig", public_key=p["keys"][r.key("rig").fingerprint]["public_key"] + "\n")(p, r),
        "not in the one form",
    ),
    "another's public key": (
        lambda p, r: in_key("rig", public_key=p["keys"][r.key("gate").fingerprint]["public_key"])(p, r),
        "a key has one name, its own",
    ),
    "a time that is none": (in_key("rig", not_before_utc="yesterday"), "is not a time"),
    "a key that ends before it begins": (
        in_key("rig", not_after_utc="2001-01-01T00:00:00Z"),
        "before it was issued",
    ),
    "a root that ends before it begins": (lambda p, _: p.update(expires_at_utc="2001-01-01T00:00:00Z"), "ends at"),
    "version 0": (lambda p, _: p.update(version=0), "version is 0"),
    "version 1.0": (lambda p, _: p.update(version=1.0), "version"),
    "another schema": (lambda p, _: p.update(schema="hilrig.trust/2"), "expected hilrig.trust/1"),
    "an unknown field": (lambda p, _: p.update(admins=[]), "unknown key 'admins'"),
    "a field missing": (lambda p, _: p.pop("schema"), "a field is missing"),
}


@pytest.mark.parametrize("what", SENSELESS)
def test_what_cannot_be_meant_is_refused_although_it_is_signed(roots, first, what):
    """Signed by everybody who may, and still refused with the reason: the reader believes no writer."""
    change, words = SENSELESS[what]
    predicate = predicate_of(first)
    change(predicate, roots)
    with pytest.raises(TrustError, match=words) as refused:
        verify_root(forged(roots, predicate, "root", "root2"), previous=None)
    assert refused.value.message.isascii()


def test_no_writer_makes_what_no_reader_takes(first):
    """`build_root` refuses what `verify_root` would."""
    with pytest.raises(TrustError, match="version is 0"):
        build_root(replace(first, version=0))


def test_a_key_twice_in_the_json_is_refused(roots, first):
    """Two readers would take two different keys."""
    text = build_root(first).decode()
    name = roots.key("rig").fingerprint
    doubled = text.replace(f'"{name}":{{', f'"{name}":{{}},"{name}":{{', 1).encode()
    assert doubled != text.encode()
    data = sign_several(doubled, [roots.signer("root").signer, roots.signer("root2").signer])
    with pytest.raises(TrustError, match="stands twice"):
        verify_root(data, previous=None)


def test_another_signed_statement_is_no_root(roots, first):
    """A root key's signature over something else is not taken for a root: type and subject are looked at."""
    predicate = predicate_of(first)
    signers = [roots.signer(name).signer for name in ("root", "root2")]
    digest = sha256_hex(canonical_json(predicate))
    for statement in (
        build_statement("urn:hilrig:approval:v0.1", {TRUST_FILE: digest}, predicate),
        build_statement(TRUST_ROOT, {TRUST_FILE: "0" * 64}, predicate),
        build_statement(TRUST_ROOT, {"other.json": digest}, predicate),
    ):
        with pytest.raises(TrustError, match="no trust root"):
            verify_root(sign_several(statement, signers), previous=None)


def test_every_changed_byte_is_refused(roots):
    """A byte changed anywhere in the file: no root. Every seventh place, as the whole is 5 kB of base64."""
    data = roots.path.read_bytes()
    for position in range(0, len(data), 7):
        changed = bytearray(data)
        changed[position] ^= 1
        with pytest.raises(TrustError):
            verify_root(bytes(changed), previous=None)
