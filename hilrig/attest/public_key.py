"""A public key that hilrig accepts, under the one name that every verifier accepts for it."""

import base64
import hashlib
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
    load_pem_public_key,
)
from securesystemslib.signer import Key, Signer, SSlibKey

from hilrig.core.errors import TrustError

ECDSA_P256: Final = "ecdsa-p256"
ED25519: Final = "ed25519"


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """A public key. Build it with `accept_public_key`, so that the fingerprint is the key's own.

    Args:
        fingerprint: OpenSSH's `SHA256:` fingerprint; also the key id in envelopes. go-securesystemslib (and so
            cosign) skips signatures with any other non-empty key id, securesystemslib refuses an empty one.
        algorithm: `ecdsa-p256` or `ed25519`.
    """

    fingerprint: str
    algorithm: str
    sslib: SSlibKey


def accept_public_key(key: PublicKeyTypes, *, name: str) -> PublicKey:
    """Return `key`, which messages call `name`, if it is ECDSA on P-256 or Ed25519.

    Raises:
        TrustError: it is of another kind.
    """
    algorithm = _algorithm(key, name)
    fingerprint = _fingerprint(key)
    return PublicKey(
        fingerprint=fingerprint, algorithm=algorithm, sslib=SSlibKey.from_crypto(key, keyid=fingerprint)
    )


def public_key_der(key: Key) -> bytes:
    """Return the SubjectPublicKeyInfo (RFC 5280 4.1.2.7) in DER of a signer's public key, `signer.public_key`.

    That is the form in which WebCrypto imports a key; a key that `accept_public_key` accepts has one spelling.
    """
    value = str(key.keyval["public"])  # hex of the raw key for Ed25519, PEM for ECDSA
    if key.keytype == ED25519:
        public: PublicKeyTypes = Ed25519PublicKey.from_public_bytes(bytes.fromhex(value))
    else:
        public = load_pem_public_key(value.encode())
    return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def public_key_of_signer(signer: Signer) -> PublicKey:
    """Return the public half of a signer that `load_signer` made."""
    public = load_der_public_key(public_key_der(signer.public_key))
    return accept_public_key(public, name=str(signer.public_key.keyid))


def _algorithm(key: PublicKeyTypes, name: str) -> str:
    if isinstance(key, Ed25519PublicKey):
        return ED25519
    if isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1):
        return ECDSA_P256
    message = f"{name} is a key of the kind {_kind(key)}; expected ECDSA on P-256 or Ed25519"
    raise TrustError(message, hint="make a key with: hilrig keys")


def _kind(key: PublicKeyTypes) -> str:
    if isinstance(key, EllipticCurvePublicKey):
        return f"ECDSA on {key.curve.name}"
    kind = type(key).__name__.removesuffix("PublicKey")
    return f"{kind}, {key.key_size} bits" if hasattr(key, "key_size") else kind


def _fingerprint(key: PublicKeyTypes) -> str:
    """Return what `ssh-keygen -l` prints (RFC 4253 6.6 blob, sha256, base64 without padding)."""
    line = key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    blob = base64.b64decode(line.split()[1])
    digest = hashlib.sha256(blob).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")
