"""The readers that decide about trust, each with its writer: what is accepted must be what the writer writes.

Signed documents are read with the hostile hand in the best place there is: a trusted key signs whatever comes.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.signer import CryptoSigner

from gated_releases import ROLLOUT, utc
from hilrig.attest.approval import build_approval, verify_approval
from hilrig.attest.desired_state import DesiredState, build_desired_state, verify_desired_state
from hilrig.attest.dsse import envelope_bytes
from hilrig.attest.envelope import sign, to_sigstore_bundle, verify_envelope
from hilrig.attest.gate_decision import Evidence, GateDecision, build_gate_decision, verify_gate_decision
from hilrig.attest.public_key import PublicKey, accept_public_key, public_key_der
from hilrig.attest.result_statement import build_views_statement
from hilrig.attest.several import open_several, sign_several
from hilrig.attest.statement import build_statement
from hilrig.attest.strict_json import read_strict_json
from hilrig.attest.trust_root import build_root, verify_root
from hilrig.attest.trust_root_sense import canonical_pem
from hilrig.core.approval import Approval
from hilrig.core.canonical import canonical_json
from hilrig.core.errors import HilrigError, TrustError
from hilrig.core.trust import RoleKeys, TrustedKey, TrustRoot

DIGEST = "a" * 64
DECISION = GateDecision(
    release_sha256=DIGEST,
    manifest_sha256="b" * 64,
    model_files_sha256={"model.onnx": "c" * 64, "weights/part.bin": "d" * 64},
    bundle_sha256="e" * 64,
    passed=True,
    device_class="x86-cpu",
    stack_sha256="f" * 64,
    sequence=7,
    decided_at_utc=utc(-1),
    expires_at_utc=utc(30),
    policy=Evidence(uri="hilrig:policy/default", sha256="6" * 64),
    attestations=(Evidence(uri="hilrig:run/run-1", sha256="7" * 64),),
)
DESIRED = DesiredState(
    release_sha256=DIGEST,
    nodes=("cell-3", "cell-4"),
    device_class="x86-cpu",
    sequence=3,
    issued_at_utc=utc(-1),
    expires_at_utc=utc(30),
    release_url=f"releases/{DIGEST}",
    rollout=ROLLOUT,
)
APPROVED = Approval(
    manifest_sha256=DIGEST,
    role="security",
    reason="The key was replaced as planned: ticket 12, K\u00f6ln.",
    waives=("rollout-plan",),
    issued_at_utc=utc(-1),
    expires_at_utc=utc(30),
)


@dataclass(frozen=True, kw_only=True)
class Reader:
    """One reader: `read` takes bytes or raises its refusal; `write` gives the bytes of what was read.

    Args:
        refusal: what it raises, and nothing else.
        seeds: what the writer wrote, to start from.
        is_exact: False where the reader also takes another spelling than the writer's, as one of plain JSON must.
    """

    name: str
    read: Callable[[bytes], Any]
    write: Callable[[Any], bytes]
    seeds: tuple[bytes, ...]
    refusal: type[HilrigError] = TrustError
    is_exact: bool = True


def refuses_or_rewrites(reader: Reader, data: bytes) -> bool:
    """Return whether `data` was accepted, and fail unless the reader kept its word.

    Refused: with its own error, in words that a terminal can show. Accepted: the writer gives these bytes again.
    """
    found, said = _read(reader, data)
    if said is not None:
        assert said
        assert said.isprintable(), said
        return False
    written = reader.write(found)
    assert reader.read(written) == found
    assert written == data or not reader.is_exact
    return True


def _read(reader: Reader, data: bytes) -> tuple[Any, str | None]:
    try:
        return reader.read(data), None
    except reader.refusal as error:
        return None, error.message


def _new_key() -> tuple[CryptoSigner, PublicKey]:
    """Return a key pair; Ed25519 signs fastest."""
    private = Ed25519PrivateKey.generate()
    key = accept_public_key(private.public_key(), name="test key")
    return CryptoSigner(private, key.sslib), key


@cache
def own_key() -> tuple[CryptoSigner, PublicKey]:
    """Return the key pair that every reader trusts."""
    return _new_key()


def signed(statement: bytes) -> bytes:
    """Return the envelope in which the trusted key signed `statement`, whatever it is."""
    return sign(statement, own_key()[0])


def _keys() -> list[PublicKey]:
    return [own_key()[1]]


VIEWS = build_views_statement({"report.html": DIGEST, "summary.md": "b" * 64}, "run-1")
STRICT_JSON = Reader(
    name="strict_json",
    read=lambda data: read_strict_json(data, name="a.json", max_bytes=1 << 20),
    write=canonical_json,
    seeds=(VIEWS, b'[1,-2.5,true,null,"\xc3\xa9\\u0000",{"a":[]}]'),
    is_exact=False,
)
ENVELOPE = Reader(
    name="envelope",  # its form alone: a made-up signature would not get far
    read=to_sigstore_bundle,
    write=lambda bundle: canonical_json(json.loads(bundle)["dsseEnvelope"]),
    seeds=(signed(VIEWS), signed(b"{}")),
)
STATEMENT = Reader(
    name="statement",
    read=lambda data: verify_envelope(signed(data), _keys()).statement,
    write=lambda found: build_statement(found.predicate_type, found.subjects, found.predicate),
    seeds=(VIEWS, build_gate_decision(DECISION)),
)
GATE_DECISION = Reader(
    name="gate_decision",
    read=lambda data: verify_gate_decision(signed(data), _keys()),
    write=build_gate_decision,
    seeds=(build_gate_decision(DECISION), build_gate_decision(replace(DECISION, passed=False, attestations=()))),
)
DESIRED_STATE = Reader(
    name="desired_state",
    read=lambda data: verify_desired_state(signed(data), _keys()),
    write=build_desired_state,
    seeds=(build_desired_state(DESIRED),),
    is_exact=False,
)
APPROVAL = Reader(
    name="approval",
    read=lambda data: verify_approval(signed(data), _keys(), name="the approval"),
    write=build_approval,
    seeds=(build_approval(APPROVED),),
)


def _trusted(key: PublicKey, **changes: Any) -> TrustedKey:
    known = TrustedKey(
        fingerprint=key.fingerprint,
        public_key=canonical_pem(public_key_der(key.sslib)),
        owner="quality lab",
        device_classes=("*",),
        approver_roles=(),
        not_before_utc=utc(-2),
        not_after_utc=utc(300),
    )
    return replace(known, **changes)


def _root() -> TrustRoot:
    """Return a root with the trusted key as its own, and an approver's."""
    approver = _trusted(_new_key()[1], approver_roles=("quality", "security"), device_classes=("x86-cpu",))
    own = _trusted(own_key()[1])
    return TrustRoot(
        version=1,
        issued_at_utc=utc(-1),
        expires_at_utc=utc(200),
        roles={
            "root": RoleKeys(keys=(own.fingerprint,), threshold=1),
            "approver": RoleKeys(keys=(approver.fingerprint,), threshold=1),
        },
        keys={one.fingerprint: one for one in (own, approver)},
    )


TRUST_ROOT = Reader(
    name="trust_root",
    read=lambda data: verify_root(sign_several(data, [own_key()[0]]), previous=None),
    write=build_root,
    seeds=(build_root(_root()),),
)
SEVERAL = Reader(
    name="several",  # the form of an envelope with several signatures, as a trust root has
    read=lambda data: open_several(data, name="trust.json"),
    write=lambda found: envelope_bytes(found.envelope),
    seeds=(sign_several(VIEWS, [own_key()[0], _new_key()[0]]),),
)
READERS = (STRICT_JSON, ENVELOPE, STATEMENT, GATE_DECISION, DESIRED_STATE, APPROVAL, TRUST_ROOT, SEVERAL)
