"""DSSE envelopes with one signature, in the only byte form that hilrig writes or accepts."""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import UnverifiedSignatureError
from securesystemslib.signer import Signature, Signer

from hilrig.attest.public_key import ECDSA_P256, PublicKey
from hilrig.attest.statement import Statement, read_statement
from hilrig.attest.strict_json import read_strict_json
from hilrig.core.canonical import canonical_json
from hilrig.core.errors import TrustError, UnknownKeyError
from hilrig.core.files import ATTESTATION

PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
BUNDLE_TYPE: Final = "application/vnd.dev.sigstore.bundle.v0.3+json"
MAX_ENVELOPE_BYTES: Final = 12 << 20  # holds the largest statement as base64

_UNTOUCHED: Final = "take the file anew from where the run was made"
_FINGERPRINT: Final = re.compile(r"SHA256:[A-Za-z0-9+/]{43}")
_P256_ORDER: Final = 0xFFFFFFFF_00000000_FFFFFFFF_FFFFFFFF_BCE6FAAD_A7179E84_F3B9CAC2_FC632551  # SEC 2, 2.4.2


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
    signature = envelope.sign(signer)
    if signer.public_key.keytype == "ecdsa":
        signature.signature = _low_s(bytes.fromhex(signature.signature)).hex()
    return canonical_json(envelope.to_dict())


def to_sigstore_bundle(envelope: bytes) -> bytes:
    """Return `envelope` as a sigstore v0.3 key bundle, which `cosign verify-blob-attestation --key` reads.

    cosign checks signature, subject and predicate type, not the verdict: it also accepts a signed FAILED.

    Raises:
        TrustError: the envelope is not in the form that `sign` returns.
    """
    opened = _open(envelope, ATTESTATION)
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
    envelope = _open(data, name)
    key = _signing_key(envelope, keys, name)
    statement = read_statement(envelope.payload, name=name)
    return VerifiedStatement(statement=statement, key_fingerprint=key.fingerprint)


def _open(data: bytes, name: str) -> Envelope:
    """Return the envelope in `data`, its signature not yet checked."""
    document = read_strict_json(data, name=name, max_bytes=MAX_ENVELOPE_BYTES)
    match document:
        case {"payload": str(payload), "payloadType": str(payload_type), "signatures": list(signatures)}:
            _refuse_foreign_type(payload_type, name)
            signature = _only_signature(signatures, name)
            envelope = Envelope(_decode(payload, name), payload_type, {signature.keyid: signature})
        case _:
            raise TrustError(f"{name} is not a DSSE envelope: expected payload, payloadType and signatures")
    if canonical_json(envelope.to_dict()) != data:
        raise TrustError(
            f"{name} is not in canonical form: a field, a space or the order differs", hint=_UNTOUCHED
        )
    return envelope


def _refuse_foreign_type(payload_type: str, name: str) -> None:
    if payload_type != PAYLOAD_TYPE:
        raise TrustError(f"{name} has the payload type {payload_type[:80]!a}; expected {PAYLOAD_TYPE}")


def _only_signature(signatures: Sequence[Any], name: str) -> Signature:
    if len(signatures) != 1:
        raise TrustError(f"{name} holds {len(signatures)} signatures; expected one")
    match signatures[0]:
        case {"keyid": str(key_id), "sig": str(sig)} if _FINGERPRINT.fullmatch(key_id):
            return Signature(key_id, _decode(sig, name).hex())
    raise TrustError(f"{name}: the signature does not name its key by fingerprint; expected keyid SHA256:...")


def _decode(text: str, name: str) -> bytes:
    """Return the bytes of `text` if it is their only spelling in RFC 4648 section 4: padded, no foreign signs."""
    message = f"{name} holds text that is not standard base64"
    try:
        data = base64.b64decode(text)
    except ValueError as error:
        raise TrustError(message, hint=_UNTOUCHED) from error
    if base64.b64encode(data).decode() != text:
        raise TrustError(message, hint=_UNTOUCHED)
    return data


def _signing_key(envelope: Envelope, keys: Sequence[PublicKey], name: str) -> PublicKey:
    """Return the key that made the signature, whatever key the envelope names."""
    (named,) = envelope.signatures
    signature = bytes.fromhex(envelope.signatures[named].signature)
    signing = next((key for key in keys if _holds(key, signature, envelope.pae())), None)
    if signing is None and named not in {key.fingerprint for key in keys}:
        hint = f"if you trust this key: hilrig verify DIR --key FILE.pub, where FILE.pub is {named}"
        raise UnknownKeyError(f"{name} is signed by an unknown key, {named}", hint=hint)
    if signing is None:
        raise TrustError(f"{name}: the signature by {named} does not hold: the content changed", hint=_UNTOUCHED)
    if signing.fingerprint != named:
        raise TrustError(f"{name} names the key {named}, but was signed by {signing.fingerprint}", hint=_UNTOUCHED)
    return signing


def _holds(key: PublicKey, signature: bytes, message: bytes) -> bool:
    if key.algorithm == ECDSA_P256 and not _is_low_s(signature):
        return False
    try:
        key.sslib.verify_signature(Signature(key.fingerprint, signature.hex()), message)
    except UnverifiedSignatureError:
        return False
    return True


def _is_low_s(signature: bytes) -> bool:
    try:
        _, s = decode_dss_signature(signature)
    except ValueError:  # not strict DER
        return False
    return s <= _P256_ORDER // 2


def _low_s(signature: bytes) -> bytes:
    """Return the twin with the smaller s: (r, s) and (r, n - s) both verify, so only one may count."""
    r, s = decode_dss_signature(signature)
    return encode_dss_signature(r, min(s, _P256_ORDER - s))
