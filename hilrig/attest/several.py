"""DSSE envelopes that several people sign: one canonical byte form, signatures counted by distinct public keys."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from securesystemslib.dsse import Envelope
from securesystemslib.signer import Signer

from hilrig.attest.dsse import PAYLOAD_TYPE, UNTOUCHED, add_signature, envelope_bytes, holds, open_envelope
from hilrig.attest.public_key import PublicKey, public_key_der
from hilrig.attest.statement import Statement, read_statement
from hilrig.core.errors import TrustError, UsageError

MAX_SIGNATURES: Final = 32
"""Of one root's keys, the old and the new: more people than that never meet over a key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeveralSigned:
    """An envelope of sound form. `statement` is believed once `signed_by` says who signed it."""

    statement: Statement
    envelope: Envelope
    name: str

    @property
    def named(self) -> frozenset[str]:
        """Return the fingerprints that the signatures name."""
        return frozenset(self.envelope.signatures)

    def signed_by(self, keys: Iterable[PublicKey]) -> frozenset[str]:
        """Return the fingerprints of those of `keys` that signed: distinct SubjectPublicKeyInfo, never ids.

        Raises:
            TrustError: a signature names one of the keys and does not hold.
        """
        distinct = {public_key_der(key.sslib): key for key in keys}
        return frozenset(key.fingerprint for key in distinct.values() if self._holds(key))

    def _holds(self, key: PublicKey) -> bool:
        signature = self.envelope.signatures.get(key.fingerprint)
        if signature is None:
            return False
        if not holds(key, bytes.fromhex(signature.signature), self.envelope.pae()):
            raise TrustError(
                f"{self.name}: the signature by {key.fingerprint} does not hold: the content changed",
                hint=UNTOUCHED,
            )
        return True


def sign_several(statement: bytes, signers: Sequence[Signer]) -> bytes:
    """Return the envelope of `statement`, signed by each of `signers`, in its one byte form.

    Raises:
        UsageError: two of them are one key.
    """
    envelope = Envelope(statement, PAYLOAD_TYPE, {})
    for signer in signers:
        _refuse_second(envelope, signer)
        add_signature(envelope, signer)
    return envelope_bytes(envelope)


def sign_too(data: bytes, signer: Signer, *, name: str) -> bytes:
    """Return the envelope `data`, which messages call `name`, with one more signature.

    Raises:
        TrustError: it is malformed or not canonical.
        UsageError: this key has signed it already.
    """
    envelope = open_several(data, name=name).envelope
    _refuse_second(envelope, signer)
    add_signature(envelope, signer)
    return envelope_bytes(envelope)


def open_several(data: bytes, *, name: str) -> SeveralSigned:
    """Return the envelope in `data`, which messages call `name`, with 1 to 32 signatures, none checked yet.

    Raises:
        TrustError: it is malformed, its statement too, or not canonical; a key's signature stands twice.
    """
    envelope = open_envelope(data, name=name, max_signatures=MAX_SIGNATURES)
    return SeveralSigned(statement=read_statement(envelope.payload, name=name), envelope=envelope, name=name)


def _refuse_second(envelope: Envelope, signer: Signer) -> None:
    if signer.public_key.keyid in envelope.signatures:
        raise UsageError(f"the key {signer.public_key.keyid} has signed it already", hint="give another key")
