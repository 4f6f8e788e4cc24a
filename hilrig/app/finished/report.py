"""`hilrig report`: the views of a finished run rendered anew, on any machine, from what its signature covers."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from hilrig.app.finished.baseline import baseline_of
from hilrig.app.finished.conclude import hash_files, read_evidence
from hilrig.app.finished.documents import measured_frames, read_document
from hilrig.app.finished.signed_result import SignedResult, read_signed_result
from hilrig.attest.keys import load_public_keys
from hilrig.attest.public_key import public_key_der
from hilrig.core import files
from hilrig.core.canonical import sha256_hex
from hilrig.core.document import Document, SignatureInfo
from hilrig.core.errors import RecordError, TrustError, UsageError
from hilrig.core.result import Result
from hilrig.record.run_directory import write_atomic
from hilrig.record.untrusted_file import read_untrusted
from hilrig.verdict.many_runs.conditions import MODEL, changes, conditions_of_result

SIGNED_BYTES_MAX: Final = 64 << 20
SHOWN: Final = (files.PROFILE, files.THUMBNAILS, files.BASELINE)
"""Evidence that a page shows besides the result."""


def signed_document(run_dir: Path, keys: Sequence[Path]) -> Document:
    """Return what a page of a finished run is rendered from, all but its frames.

    Args:
        run_dir: a finished run.
        keys: files of the public keys that it may be signed with.

    Raises:
        RecordError: it is no run directory.
        PreconditionError: the run is unfinished.
        TrustError: none of the keys signed it, or a file that the page shows is not what was signed.
    """
    signed = read_signed_result(run_dir, keys)
    _refuse_changed(run_dir, signed.result, SHOWN)
    return read_document(run_dir, signed.result, _signature_of(signed, keys), frames=None)


def with_frames(document: Document, run_dir: Path) -> Document:
    """Return the document with every measured frame, so that its page can zoom.

    Raises:
        TrustError: the evidence is not what was signed.
        RecordError: it cannot be read.
    """
    _refuse_changed(run_dir, document.result, tuple(document.result.files))
    return replace(document, frames=measured_frames(read_evidence(run_dir)))


def with_baseline(document: Document, baseline_dir: Path, keys: Sequence[Path]) -> Document:
    """Return the document beside another finished run, whose signature is checked as well.

    Raises:
        HilrigError: as `signed_document`.
    """
    then = conditions_of_result(read_signed_result(baseline_dir, keys).result)
    differs = changes(then, conditions_of_result(document.result), but={MODEL})
    return replace(document, baseline=replace(baseline_of(baseline_dir, keys), differs=differs))


def refuse_target(path: Path, *, run_dir: Path) -> None:
    """Refuse a place for a view before anything is computed: the files of a run directory are signed.

    Raises:
        UsageError: it is in the run directory, or is a folder.
    """
    target = path.resolve()
    if target.is_relative_to(run_dir.resolve()):
        raise UsageError(f"{path} is in the run directory, whose files are signed", hint="choose another place")
    if target.is_dir():
        raise UsageError(f"{path} is a folder", hint=f"name a file: {path / run_dir.resolve().name}.html")


def write_view(path: Path, data: bytes) -> None:
    """Write a view to `path`, whole or not at all.

    Raises:
        RecordError: the file cannot be written.
    """
    try:
        write_atomic(path.resolve(), data)
    except OSError as error:
        raise RecordError(f"{path} cannot be written: {error.strerror}", hint="choose another place") from error


def _signature_of(signed: SignedResult, keys: Sequence[Path]) -> SignatureInfo:
    """Return the signature with all that a page needs to check it itself."""
    envelope = read_untrusted(signed.run_dir / files.ATTESTATION, max_bytes=SIGNED_BYTES_MAX) or b""
    data = read_untrusted(signed.run_dir / files.RESULT, max_bytes=SIGNED_BYTES_MAX) or b""
    if sha256_hex(data) != signed.result_sha256:
        raise TrustError(f"{signed.run_dir / files.RESULT} changed while it was read", hint="again")
    key = next(key for key in load_public_keys(keys) if key.fingerprint == signed.key_fingerprint)
    return SignatureInfo(
        key_fingerprint=signed.key_fingerprint,
        envelope_file=files.ATTESTATION,
        envelope_sha256=sha256_hex(envelope),
        public_key_der=public_key_der(key.sslib),
        envelope=envelope,
        signed_result=data,
    )


def _refuse_changed(run_dir: Path, result: Result, names: Sequence[str]) -> None:
    """Refuse evidence that is not what was signed; a file that the run never had must not be there either."""
    found = hash_files(run_dir)
    for name in names:
        if found.get(name) != result.files.get(name):
            what = "changed or is missing" if name in result.files else "was not there"
            raise TrustError(f"{run_dir / name} {what} when the run was signed", hint=f"hilrig verify {run_dir}")
