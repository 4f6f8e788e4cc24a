"""DSSE envelopes with one signature, in the only byte form that hilrig writes or accepts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from securesystemslib.dsse import Envelope
from securesystemslib.signer import Signer

from hilrig.attest.dsse import PAYLOAD_TYPE, UNTOUCHED, add_signature, envelope_bytes, holds, open_envelope
from hilrig.attest.public_key import PublicKey
from hilrig.attest.statement import Statement, read_statement
from hilrig.core.canonical import canonical_json
from hilrig.core.errors import TrustError, UnknownKeyError
from hilrig.core.files import ATTESTATION

BUNDLE_TYPE: Final = "application/vnd.dev.sigstore.bundle.v0.3+json"


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedStatement:
    """A statement whose signature holds, and the fingerprint of the trusted key that made it."""

    statement: Statement
    key_fingerprint: str


def sign(statement: bytes, signer: Signer) -> bytes:
    """Return the DSSE envelope of `statement`, signed, as canonical JSON.

    The signer's key id must be its key's fingerprint, as `load_signer` sees to.
    """
    envelope = Envelope(statement, PAYLOAD_TYPE, {})
    add_signature(envelope, signer)
    return envelope_bytes(envelope)


def to_sigstore_bundle(envelope: bytes) -> bytes:
    """Return `envelope` as a sigstore v0.3 key bundle, which `cosign verify-blob-attestation --key` reads.

    cosign checks signature, subject and predicate type, not the verdict: it also accepts a signed FAILED.

    Raises:
        TrustError: the envelope is not in the form that `sign` returns.
    """
    opened = open_envelope(envelope, name=ATTESTATION, max_signatures=1)
    (key_id,) = opened.signatures
    bundle = {
        "mediaType": BUNDLE_TYPE,
        "verificationMaterial": {"publicKey": {"hint": key_id}},
        "dsseEnvelope": opened.to_dict(),
    }
    return canonical_json(bundle)


def verify_envelope(data: bytes, keys: Sequence[PublicKey], *, name: str = ATTESTATION) -> VerifiedStatement:
    """Return the statement in the envelope `data`, which messages call `name`, if one of `keys` signed it.

    One signature, and one byte form for it: a second signature, a byte changed anywhere, the (r, n - s) twin of an
    ECDSA signature are all refused.

    Raises:
        UnknownKeyError: it is of sound form and names a key that is not among `keys`.
        TrustError: it is malformed or not canonical, or the signature does not hold.
    """
    envelope = open_envelope(data, name=name, max_signatures=1)
    key = _signing_key(envelope, keys, name)
    statement = read_statement(envelope.payload, name=name)
    return VerifiedStatement(statement=statement, key_fingerprint=key.fingerprint)


def _signing_key(envelope: Envelope, keys: Sequence[PublicKey], name: str) -> PublicKey:
    """Return the key that made the signature, whatever key the envelope names."""
    (named,) = envelope.signatures
    signature = bytes.fromhex(envelope.signatures[named].signature)
    signing = next((key for key in keys if holds(key, signature, envelope.pae())), None)
    if signing is None and named not in {key.fingerprint for key in keys}:
        hint = f"if you trust this key: hilrig verify DIR --key FILE.pub, where FILE.pub is {named}"
        raise UnknownKeyError(f"{name} is signed by an unknown key, {named}", hint=hint)
    if signing is None:
        raise TrustError(f"{name}: the signature by {named} does not hold: the content changed", hint=UNTOUCHED)
    if signing.fingerprint != named:
        raise TrustError(f"{name} names the key {named}, but was signed by {signing.fingerprint}", hint=UNTOUCHED)
    return signing
