"""Keys as PEM text."""

import re
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from securesystemslib.signer import CryptoSigner

from hilrig.attest.public_key import PublicKey, accept_public_key
from hilrig.core.errors import TrustError

_BEGIN: Final = re.compile(rb"-----BEGIN ([A-Z0-9 ]{1,64})-----")
_PUBLIC: Final = "PUBLIC KEY"
_PRIVATE: Final = "PRIVATE KEY"
_ENCRYPTED: Final = "ENCRYPTED PRIVATE KEY"
_TO_PKCS8: Final = "convert it: openssl pkcs8 -topk8 -in FILE -out FILE.pem, or ssh-keygen -p -m PKCS8 -f FILE"


def parse_public_key(data: bytes, *, name: str) -> PublicKey:
    """Return the public key in `data`, which messages call `name`.

    Raises:
        TrustError: it is not one PEM block, not a public key, or of a kind that hilrig does not accept.
    """
    label = _label(data, name)
    if label.endswith(_PRIVATE):
        hint = "give the public half, FILE.pub: the private half never leaves its machine"
        raise TrustError(f"{name} is a private key; expected a public key", hint=hint)
    if label != _PUBLIC:
        raise TrustError(
            f"{name} holds '{label}'; expected '{_PUBLIC}'", hint="give the FILE.pub of the rig's key"
        )
    try:
        key = load_pem_public_key(data)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise TrustError(f"{name} is damaged: its PEM block is not a public key", hint="copy it again") from error
    return accept_public_key(key, name=name)


def parse_signer(data: bytes, *, name: str, passphrase: bytes | None) -> CryptoSigner:
    """Return the signer of the private key in `data`, which messages call `name`; its key id is the fingerprint.

    Raises:
        TrustError: it is not one PKCS8 block, the passphrase is wrong, missing or not needed, or the key is of a
            kind that hilrig does not accept.
    """
    label = _label(data, name)
    if label == _PUBLIC:
        raise TrustError(f"{name} is a public key; expected a private key", hint="give the private half, FILE.pem")
    if label not in {_PRIVATE, _ENCRYPTED}:
        raise TrustError(f"{name} holds '{label}'; expected '{_PRIVATE}' (PKCS8)", hint=_TO_PKCS8)
    _check_passphrase(name, encrypted=label == _ENCRYPTED, passphrase=passphrase)
    key = _private_key(data, name, passphrase)
    return CryptoSigner(key, accept_public_key(key.public_key(), name=name).sslib)


def _label(data: bytes, name: str) -> str:
    """Return what the only PEM block is: of two, one reader takes the first and another the last."""
    if not data.strip():
        raise TrustError(f"{name} is empty; expected a key in PEM form", hint="copy it again")
    labels = _BEGIN.findall(data)
    if len(labels) != 1:
        raise TrustError(f"{name} holds {len(labels)} PEM blocks; expected one", hint="give one key in PEM form")
    return str(labels[0], "ascii")


def _check_passphrase(name: str, *, encrypted: bool, passphrase: bytes | None) -> None:
    if encrypted and passphrase is None:
        hint = "give its passphrase in a file or through a file descriptor"
        raise TrustError(f"{name} is encrypted; expected a passphrase, found none", hint=hint)
    if not encrypted and passphrase is not None:
        hint = "leave the passphrase out, or encrypt the key: openssl pkcs8 -topk8 -in FILE -out FILE.pem"
        raise TrustError(f"{name} is not encrypted, yet a passphrase was given", hint=hint)


def _private_key(data: bytes, name: str, passphrase: bytes | None) -> PrivateKeyTypes:
    try:
        return load_pem_private_key(data, passphrase)
    except (ValueError, UnsupportedAlgorithm) as error:
        if passphrase is None:
            raise TrustError(
                f"{name} is damaged: its PEM block is not a private key", hint="copy it again"
            ) from error
        raise TrustError(
            f"{name} does not open: wrong passphrase", hint="give the passphrase of this key"
        ) from error
