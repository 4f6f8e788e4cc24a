"""Keys that never leave a token: PKCS#11, by `hsm:ID?label=TOKEN` instead of a key file.

`PYKCS11LIB` names the vendor's library, as securesystemslib's HSMSigner has it. Needs the extra `hsm`.
"""

import os
import re
from collections.abc import Callable
from typing import Final, TypeVar
from urllib.parse import parse_qsl, urlsplit

from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from securesystemslib.exceptions import UnsupportedLibraryError
from securesystemslib.signer import HSMSigner, SecretsHandler, Signature, Signer, SSlibKey

from hilrig.attest.dsse import holds, low_s
from hilrig.attest.public_key import PublicKey, accept_public_key
from hilrig.core.errors import HilrigError, PreconditionError, TrustError, UsageError
from hilrig.core.trust import TOKEN_SCHEME

LIBRARY_VARIABLE: Final = "PYKCS11LIB"

_KEY_ID: Final = re.compile(r"[0-9]{1,9}")
_PROBE: Final = b"hilrig asks whether this key signs"
"""No DSSE envelope begins like this: the signature over it is worth nothing to anybody."""

_T = TypeVar("_T")


class TokenSigner(Signer):
    """A key in a token; what goes wrong with the token is one of hilrig's errors."""

    def __init__(self, signer: HSMSigner, uri: str) -> None:
        self._signer = signer
        self._uri = uri

    @property
    def public_key(self) -> SSlibKey:
        """Return the public half; its key id is the fingerprint."""
        return self._signer.public_key

    @classmethod
    def from_priv_key_uri(
        cls, priv_key_uri: str, public_key: object, secrets_handler: SecretsHandler | None = None
    ) -> "TokenSigner":
        """Return the signer of a key in a token.

        Raises:
            UsageError: no PIN was given.
        """
        del public_key  # the token's own is taken: what somebody states may be another's
        if secrets_handler is None:
            raise UsageError(f"{priv_key_uri} needs a PIN", hint="--passphrase-file FILE, or --passphrase-fd FD")
        return load_token_signer(priv_key_uri, pin=secrets_handler("pin").encode())

    def sign(self, payload: bytes) -> Signature:
        """Return the signature over `payload`.

        Raises:
            PreconditionError: the token is gone or refuses.
            TrustError: the PIN is wrong.
        """
        return _asked(self._uri, lambda: self._signer.sign(payload))


def load_token_signer(uri: str, *, pin: bytes | None) -> TokenSigner:
    """Return the signer of the key that `uri` names, `hsm:2?label=gate`; it has signed once to show that it can.

    A run must not find out after eight hours that the PIN was wrong.

    Args:
        uri: the key's id in the token, then the token's label.
        pin: of the token's user.

    Raises:
        UsageError: the URI is of another form, or no PIN was given.
        PreconditionError: the extra `hsm`, the library, the token or the key is not there.
        TrustError: the PIN is wrong, or the key is not ECDSA on P-256.
    """
    key_id, label = _parts(uri)
    if pin is None:
        raise UsageError(f"{uri} needs a PIN", hint="--passphrase-file FILE, or --passphrase-fd FD")
    try:
        secret = pin.decode()
    except UnicodeDecodeError as error:
        raise UsageError("the PIN is not text in UTF-8", hint="check the file with the PIN") from error
    _require_library()
    _, stated = _asked(uri, lambda: HSMSigner.import_(key_id, label, lambda _: secret))
    key = accept_public_key(_public(stated), name=uri)
    signer = TokenSigner(HSMSigner(key_id, key.sslib, lambda _: secret, label), uri)
    _probe(signer, key, uri)
    return signer


def is_token_uri(text: str) -> bool:
    """Return whether a key is named by a token's URI, not by a file."""
    return text.startswith(TOKEN_SCHEME)


def _parts(uri: str) -> tuple[int, str]:
    parts = urlsplit(uri)
    query = parse_qsl(parts.query)
    if not (is_token_uri(uri) and _KEY_ID.fullmatch(parts.path) and [name for name, _ in query] == ["label"]):
        raise UsageError(f"{uri[:80]!a} names no key in a token", hint="as in --key 'hsm:2?label=gate'")
    return int(parts.path), query[0][1]


def _require_library() -> None:
    library = os.environ.get(LIBRARY_VARIABLE, "")
    if not os.path.isfile(library):  # noqa: PTH113 - a text from the environment, never a path of ours
        raise PreconditionError(
            f"{LIBRARY_VARIABLE} is {library or 'not set'}; expected the token's PKCS#11 library",
            hint=f"as in {LIBRARY_VARIABLE}=/usr/lib/softhsm/libsofthsm2.so",
        )


def _public(key: SSlibKey) -> PublicKeyTypes:
    return load_pem_public_key(str(key.keyval["public"]).encode())


def _probe(signer: TokenSigner, key: PublicKey, uri: str) -> None:
    signature = bytes.fromhex(signer.sign(_PROBE).signature)
    if not holds(key, low_s(signature), _PROBE):
        raise TrustError(
            f"{uri}: the token's private key does not belong to its public key", hint="ask its keeper"
        )


def _asked(uri: str, step: Callable[[], _T]) -> _T:
    """Return what a call into the token gives; its errors, of the library's own kinds, become ours."""
    try:
        return step()
    except UnsupportedLibraryError as error:
        raise PreconditionError(f"{uri}: {error}", hint="pip install 'hilrig[hsm]'") from error
    except ValueError as error:
        raise PreconditionError(f"{uri}: {error}", hint="pkcs11-tool --module $PYKCS11LIB -L -O") from error
    except Exception as error:
        if not type(error).__module__.startswith("pkcs11"):
            raise
        raise _token_error(uri, type(error).__name__) from error


def _token_error(uri: str, kind: str) -> HilrigError:
    if kind in {"PinIncorrect", "PinInvalid", "PinLenRange"}:
        return TrustError(
            f"{uri}: wrong PIN", hint="look it up before you try again: a few wrong ones lock the token"
        )
    if kind == "PinLocked":
        return TrustError(f"{uri}: the token is locked after too many wrong PINs", hint="its keeper can unlock it")
    return PreconditionError(f"{uri}: the token answers {kind}", hint="is it plugged in? pkcs11-tool -L")
