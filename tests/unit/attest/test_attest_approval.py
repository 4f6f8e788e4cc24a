"""Approvals: one person's word on one manifest, in their role, for a time."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilrig.attest.approval import APPROVAL, approval_validity, build_approval, verify_approval
from hilrig.attest.envelope import sign
from hilrig.attest.statement import build_statement
from hilrig.core.approval import Approval
from hilrig.core.errors import TrustError, UnknownKeyError
from hilrig.core.gate_manifest import MANIFEST_FILE

SOUND = Approval(
    manifest_sha256="a" * 64,
    role="security",
    reason="The gate's key is new; we checked it.",
    waives=("rollout-plan", "support-readiness"),
    issued_at_utc="2026-11-21T06:00:00Z",
    expires_at_utc="2026-12-21T06:00:00Z",
)
NAME = "approvals/ann-1.dsse.json"


def test_what_was_approved_is_read_back_with_the_key(rig_key):
    """The approval as it was built, and the fingerprint of who signed."""
    signer, key = rig_key
    found = verify_approval(sign(build_approval(SOUND), signer), [key], name=NAME)
    assert found == replace(SOUND, key_fingerprint=key.fingerprint)
    assert approval_validity(found).expires_ns - approval_validity(found).issued_ns == 30 * 86_400 * 10**9


def test_a_stranger_approves_nothing(rig_key, other_key):
    """None of the keys signed it."""
    with pytest.raises(UnknownKeyError):
        verify_approval(sign(build_approval(SOUND), other_key[0]), [rig_key[1]], name=NAME)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"reason": ""}, "reason is empty"),
        ({"reason": "  \n"}, "reason is empty"),
        ({"reason": "x" * 2_001}, "2001 characters"),
        ({"reason": "fine\u202e"}, "cannot be printed"),
        ({"reason": "\x1b[2J"}, "cannot be printed"),
        ({"role": ""}, "cannot be a role"),
        ({"role": "Security"}, "cannot be a role"),
        ({"role": "s\u0435curity"}, "cannot be a role"),
        ({"waives": ("rollout-pl\u0430n",)}, "cannot be an item's id"),
        ({"waives": ("b", "a")}, "not sorted"),
        ({"waives": ("a", "a")}, "stands twice"),
        ({"schema": "hilrig.approval/2"}, "expected hilrig.approval/1"),
        ({"expires_at_utc": "2026-11-21T06:00:00Z"}, "before it was issued"),
        ({"expires_at_utc": "2036-11-21T06:00:00Z"}, "more than 366 days"),
        ({"issued_at_utc": "2026-11-21"}, "is not a time"),
    ],
)
def test_what_no_gate_would_take_nobody_signs(rig_key, changes, words):
    """The writer refuses it, and the reader too when another writer signed it."""
    with pytest.raises(TrustError, match=words):
        build_approval(replace(SOUND, **changes))
    predicate = {**json.loads(build_approval(SOUND))["predicate"], **changes}
    statement = build_statement(APPROVAL, {MANIFEST_FILE: "a" * 64}, predicate)
    with pytest.raises(TrustError, match=words):
        verify_approval(sign(statement, rig_key[0]), [rig_key[1]], name=NAME)


@pytest.mark.parametrize(
    "change",
    [
        {"key_fingerprint": "SHA256:" + "A" * 43},
        {"manifest_sha256": "b" * 64},
        {"approved": True},
        {"waives": "rollout-plan"},
        {"waives": None},
        {"reason": 7},
    ],
)
def test_a_field_more_or_of_another_kind_is_refused(rig_key, change):
    """Who signed and for what say the signature and the subject, and nothing else."""
    predicate = {**json.loads(build_approval(SOUND))["predicate"], **change}
    statement = build_statement(APPROVAL, {MANIFEST_FILE: "a" * 64}, predicate)
    with pytest.raises(TrustError, match="no approval"):
        verify_approval(sign(statement, rig_key[0]), [rig_key[1]], name=NAME)


@pytest.mark.parametrize("field", ["schema", "role", "reason", "waives", "issued_at_utc", "expires_at_utc"])
def test_a_missing_field_is_refused(rig_key, field):
    """Also one that has a default: two readers must not differ."""
    predicate = json.loads(build_approval(SOUND))["predicate"]
    del predicate[field]
    statement = build_statement(APPROVAL, {MANIFEST_FILE: "a" * 64}, predicate)
    with pytest.raises(TrustError, match="no approval"):
        verify_approval(sign(statement, rig_key[0]), [rig_key[1]], name=NAME)


def test_another_statement_is_no_approval(rig_key):
    """A statement of another type or over another file is refused, whoever signed it."""
    predicate = json.loads(build_approval(SOUND))["predicate"]
    for statement in (
        build_statement("https://slsa.dev/verification_summary/v1", {MANIFEST_FILE: "a" * 64}, predicate),
        build_statement(APPROVAL, {"release.json": "a" * 64}, predicate),
        build_statement(APPROVAL, {MANIFEST_FILE: "a" * 64, "release.json": "b" * 64}, predicate),
    ):
        with pytest.raises(TrustError):
            verify_approval(sign(statement, rig_key[0]), [rig_key[1]], name=NAME)


def test_every_changed_byte_is_refused(rig_key):
    """A byte changed anywhere in the file, and nobody approved."""
    data = sign(build_approval(SOUND), rig_key[0])
    for position in range(len(data)):
        changed = bytearray(data)
        changed[position] ^= 1
        with pytest.raises(TrustError):
            verify_approval(bytes(changed), [rig_key[1]], name=NAME)


@given(
    predicate=st.dictionaries(
        st.sampled_from(["schema", "role", "reason", "waives", "issued_at_utc", "expires_at_utc", "x"]),
        st.one_of(
            st.none(),
            st.booleans(),
            st.text(max_size=20),
            st.lists(st.text(max_size=5), max_size=3),
            st.sampled_from(["hilrig.approval/1", "security", "2026-11-21T06:00:00Z", "2026-12-21T06:00:00Z"]),
        ),
    )
)
def test_whatever_a_predicate_holds_the_reader_returns_or_refuses(predicate, rig_key):
    """Nothing but an approval or a TrustError, and what is returned the writer could have written."""
    data = sign(build_statement(APPROVAL, {MANIFEST_FILE: "a" * 64}, predicate), rig_key[0])
    try:
        found = verify_approval(data, [rig_key[1]], name=NAME)
    except TrustError:
        return
    assert json.loads(build_approval(found))["predicate"] == predicate
