"""A finished run whose result may be believed: its signature is looked at before its first number."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hilrig.app.finished.conclude import refuse_other_than_run
from hilrig.attest.dsse import MAX_ENVELOPE_BYTES
from hilrig.attest.envelope import verify_envelope
from hilrig.attest.keys import load_public_keys
from hilrig.attest.result_statement import TEST_RESULT
from hilrig.attest.statement import Statement, read_statement
from hilrig.attest.strict_json import read_strict_json
from hilrig.config.noun_json import from_json
from hilrig.core import files
from hilrig.core.canonical import sha256_hex
from hilrig.core.errors import PreconditionError, RecordError, TrustError, UnknownKeyError
from hilrig.core.result import Result
from hilrig.record.untrusted_file import read_untrusted

MAX_SIGNED_BYTES: Final = 64 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedResult:
    """A finished run: its folder, its result, what is known of who signed that.

    Args:
        result_sha256: of result.json, as the signature names it.
        key_fingerprint: of the key that signed, or is said to have signed.
        is_key_known: whether it is one of the caller's keys and its signature holds. False: nobody checked it,
            anybody can have written the result and signed it.
    """

    run_dir: Path
    result: Result
    result_sha256: str
    key_fingerprint: str
    is_key_known: bool


def read_signed_result(run_dir: Path, keys: Sequence[Path]) -> SignedResult:
    """Return the result of a finished run, signed by one of these keys.

    Args:
        run_dir: a finished run.
        keys: files of the public keys that it may be signed with.

    Raises:
        RecordError: it is no run directory, or its result is none that this hilrig writes.
        PreconditionError: the run is unfinished.
        TrustError: another key signed it, or the result is not what was signed.
    """
    data, envelope = _read(run_dir)
    verified = verify_envelope(envelope, load_public_keys(keys))
    return _result_of(
        run_dir, data, verified.statement, key_fingerprint=verified.key_fingerprint, is_key_known=True
    )


def read_result_by_any_key(run_dir: Path, keys: Sequence[Path]) -> SignedResult:
    """Return what `read_signed_result` does, also of a run that none of `keys` signed: `is_key_known` tells.

    Raises:
        RecordError: as `read_signed_result`. PreconditionError alike.
        TrustError: the signature of a known key does not hold, or the result is not what the statement names.
    """
    data, envelope = _read(run_dir)
    known = load_public_keys(keys)
    try:
        verified = verify_envelope(envelope, known)
    except UnknownKeyError:
        named, statement = _unchecked(envelope)
        return _result_of(run_dir, data, statement, key_fingerprint=named, is_key_known=False)
    return _result_of(
        run_dir, data, verified.statement, key_fingerprint=verified.key_fingerprint, is_key_known=True
    )


def _read(run_dir: Path) -> tuple[bytes, bytes]:
    """Return result.json and the envelope over it, byte for byte."""
    if not run_dir.is_dir():
        raise RecordError(f"{run_dir} is not a folder", hint="hilrig list")
    refuse_other_than_run(run_dir)
    return _bytes_of(run_dir, files.RESULT), _bytes_of(run_dir, files.ATTESTATION)


def _bytes_of(run_dir: Path, name: str) -> bytes:
    data = read_untrusted(run_dir / name, max_bytes=MAX_SIGNED_BYTES)
    if data is None:
        raise PreconditionError(
            f"{run_dir} has no {name}: the run is unfinished", hint=f"hilrig recover {run_dir}"
        )
    return data


def _unchecked(envelope: bytes) -> tuple[str, Statement]:
    """Return the key that an envelope of sound form names, and its statement, believing neither.

    `verify_envelope` has read it as far as the key, so that its form is known to be the one that hilrig writes.
    """
    document = read_strict_json(envelope, name=files.ATTESTATION, max_bytes=MAX_ENVELOPE_BYTES)
    try:
        (signature,) = document["signatures"]
        named, payload = str(signature["keyid"]), base64.b64decode(document["payload"])
    except (LookupError, TypeError, ValueError) as error:
        raise TrustError(f"{files.ATTESTATION} is not a DSSE envelope") from error
    return named, read_statement(payload, name=files.ATTESTATION)


def _result_of(
    run_dir: Path, data: bytes, statement: Statement, *, key_fingerprint: str, is_key_known: bool
) -> SignedResult:
    digest = sha256_hex(data)
    if statement.predicate_type != TEST_RESULT or statement.subjects.get(files.RESULT) != digest:
        raise TrustError(
            f"{run_dir / files.RESULT} is not the one that was signed", hint=f"hilrig verify {run_dir}"
        )
    return SignedResult(
        run_dir=run_dir,
        result=from_json(Result, data, what=str(run_dir / files.RESULT)),
        result_sha256=digest,
        key_fingerprint=key_fingerprint,
        is_key_known=is_key_known,
    )
