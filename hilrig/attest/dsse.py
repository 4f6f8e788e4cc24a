"""DSSE envelopes in one byte form, whatever the number of signatures: read strictly, nothing believed yet."""

import base64
import re
from collections.abc import Sequence
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import UnverifiedSignatureError
from securesystemslib.signer import Signature, Signer

from hilrig.attest.public_key import ECDSA_P256, PublicKey
from hilrig.attest.strict_json import read_strict_json
from hilrig.core.canonical import canonical_json
from hilrig.core.errors import TrustError

PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
MAX_ENVELOPE_BYTES: Final = 12 << 20  # holds the largest statement as base64
UNTOUCHED: Final = "take the file anew from where the run was made"

_FINGERPRINT: Final = re.compile(r"SHA256:[A-Za-z0-9+/]{43}")
_P256_ORDER: Final = 0xFFFFFFFF_00000000_FFFFFFFF_FFFFFFFF_BCE6FAAD_A7179E84_F3B9CAC2_FC632551  # SEC 2, 2.4.2


def add_signature(envelope: Envelope, signer: Signer) -> None:
    """Sign an envelope. The signer's key id must be its key's fingerprint, as `load_signer` sees to."""
    signature = envelope.sign(signer)
    if signer.public_key.keytype == "ecdsa":
        signature.signature = low_s(bytes.fromhex(signature.signature)).hex()


def envelope_bytes(envelope: Envelope) -> bytes:
    """Return the one byte form of an envelope: canonical JSON, its signatures in the order of their key ids."""
    document = envelope.to_dict()
    document["signatures"].sort(key=lambda signature: signature["keyid"])
    return canonical_json(document)


def open_envelope(data: bytes, *, name: str, max_signatures: int) -> Envelope:
    """Return the envelope in `data`, which messages call `name`; its signatures are not yet checked.

    Raises:
        TrustError: it is malformed, not in canonical form, or has no or too many signatures, or one key twice.
    """
    document = read_strict_json(data, name=name, max_bytes=MAX_ENVELOPE_BYTES)
    match document:
        case {"payload": str(payload), "payloadType": str(payload_type), "signatures": list(signatures)}:
            _refuse_foreign_type(payload_type, name)
            read = _signatures(signatures, max_signatures, name)
            envelope = Envelope(_decode(payload, name), payload_type, read)
        case _:
            raise TrustError(f"{name} is not a DSSE envelope: expected payload, payloadType and signatures")
    if envelope_bytes(envelope) != data:
        raise TrustError(f"{name} is not in canonical form: a field, a space or the order differs", hint=UNTOUCHED)
    return envelope


def holds(key: PublicKey, signature: bytes, message: bytes) -> bool:
    """Return whether `signature` is the key's over `message`, and the one of its two ECDSA forms that counts."""
    if key.algorithm == ECDSA_P256 and not _is_low_s(signature):
        return False
    try:
        key.sslib.verify_signature(Signature(key.fingerprint, signature.hex()), message)
    except UnverifiedSignatureError:
        return False
    return True


def _refuse_foreign_type(payload_type: str, name: str) -> None:
    if payload_type != PAYLOAD_TYPE:
        raise TrustError(f"{name} has the payload type {payload_type[:80]!a}; expected {PAYLOAD_TYPE}")


def _signatures(signatures: Sequence[Any], max_signatures: int, name: str) -> dict[str, Signature]:
    if not 1 <= len(signatures) <= max_signatures:
        expected = "one" if max_signatures == 1 else f"1 to {max_signatures}"
        raise TrustError(f"{name} holds {len(signatures)} signatures; expected {expected}")
    read = {signature.keyid: signature for signature in (_signature(one, name) for one in signatures)}
    if len(read) < len(signatures):
        raise TrustError(f"{name} holds two signatures by one key", hint=UNTOUCHED)
    return read


def _signature(document: Any, name: str) -> Signature:
    match document:
        case {"keyid": str(key_id), "sig": str(sig)} if _FINGERPRINT.fullmatch(key_id):
            return Signature(key_id, _decode(sig, name).hex())
    raise TrustError(f"{name}: the signature does not name its key by fingerprint; expected keyid SHA256:...")


def _decode(text: str, name: str) -> bytes:
    """Return the bytes of `text` if it is their only spelling in RFC 4648 section 4: padded, no foreign signs."""
    message = f"{name} holds text that is not standard base64"
    try:
        data = base64.b64decode(text)
    except ValueError as error:
        raise TrustError(message, hint=UNTOUCHED) from error
    if base64.b64encode(data).decode() != text:
        raise TrustError(message, hint=UNTOUCHED)
    return data


def _is_low_s(signature: bytes) -> bool:
    try:
        _, s = decode_dss_signature(signature)
    except ValueError:  # not strict DER
        return False
    return s <= _P256_ORDER // 2


def low_s(signature: bytes) -> bytes:
    """Return the twin with the smaller s: (r, s) and (r, n - s) both verify, so only one may count."""
    r, s = decode_dss_signature(signature)
    return encode_dss_signature(r, min(s, _P256_ORDER - s))
