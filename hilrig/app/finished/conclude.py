"""From the evidence in a run directory to its verdict: result.json, the signature over it, the views."""

import hashlib
import stat
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final, TypeVar

import numpy as np
from securesystemslib.signer import Signer

from hilrig.app.finished.companions import read_companions
from hilrig.app.finished.documents import measured_frames, read_document, render_views
from hilrig.app.finished.thumbnails import write_thumbnails
from hilrig.app.finished.unchanged import refuse_changed_evidence, refuse_other_digests
from hilrig.attest.envelope import sign, to_sigstore_bundle
from hilrig.attest.public_key import public_key_der
from hilrig.attest.result_statement import build_result_statement, build_views_statement
from hilrig.config.noun_json import from_json, to_json
from hilrig.config.plan_file import load_plan
from hilrig.core import files
from hilrig.core.accelerator import AcceleratorProof
from hilrig.core.canonical import sha256_hex
from hilrig.core.document import MeasuredFrames, SignatureInfo
from hilrig.core.errors import RecordError, TrustError
from hilrig.core.exits import ExitCode
from hilrig.core.floor import Floor
from hilrig.core.frame import PoolFrame, Truth
from hilrig.core.power_loss import PowerLossResult
from hilrig.core.result import RESULT_SCHEMA, Result
from hilrig.core.rig import RigInfo
from hilrig.core.run import Ended, RunEvent, RunRecord
from hilrig.core.verdict import Judgement
from hilrig.record.actuations import read_actuations
from hilrig.record.load import load_record
from hilrig.record.run_directory import write_atomic
from hilrig.record.untrusted_file import read_untrusted
from hilrig.verdict.judge import judge
from hilrig.verdict.self_checks.host import OTHER_BOOT, REBOOTED, boot_at_end

DERIVED: Final = (*files.VIEW_FILES, files.ATTESTATION, files.SIGSTORE_BUNDLE, files.VIEWS)
MAX_JSON_BYTES: Final = 64 << 20

_T = TypeVar("_T")


def conclude(run_dir: Path, signer: Signer, *, feed_folder: Path | None = None) -> Result:
    """Judge a run from its directory, write and sign the result, render the views.

    The order matters: evidence, result over it, signature over that, views that show both, their own statement; so
    that every byte is covered and nothing refers to itself. result.json is written last: a directory without it is
    unfinished, and what an attempt that was cut short left behind is made anew.

    Args:
        run_dir: the evidence, whole or recovered.
        signer: signs result and views.
        feed_folder: the profile's folder: from there the worst frames are made again for their pictures, which
            become evidence. None where nobody knows it: pictures that are there already are kept.

    Raises:
        RecordError: the evidence cannot be read.
        TrustError: a file is not what the run wrote.
        OSError: the disk is full.
    """
    for name in DERIVED:
        (run_dir / name).unlink(missing_ok=True)
    record = read_evidence(run_dir)
    frames, judgement = measured_frames(record), judge(record)
    if feed_folder is not None:
        write_thumbnails(run_dir, record.plan.feed, judgement.worst_frames, folder=feed_folder)
    digests = hash_files(run_dir)
    refuse_other_digests(run_dir, record.plan, record.events, digests)
    result = build_result(record, judgement, digests=digests)
    del record  # 160 MB of a shift: room for the page
    result_bytes = to_json(result)
    for name, data in _made_from(run_dir, result, result_bytes, frames, signer).items():
        write_atomic(run_dir / name, data)
    write_atomic(run_dir / files.RESULT, result_bytes)
    return result


def read_evidence(run_dir: Path) -> RunRecord:
    """Return the record of a run directory, whole or recovered.

    Raises:
        RecordError: a file is missing, or none that hilrig writes.
        TrustError: a file is not what the run wrote.
    """
    plan = load_plan(_bytes_of(run_dir, files.PLAN))
    pool = _read(run_dir, files.FEED, tuple[PoolFrame, ...])
    rig = _read(run_dir, files.RIG, RigInfo)
    truths = [Truth(labels=frame.labels) for frame in pool]
    record = load_record(run_dir, plan=plan, truths=truths, rig=asdict(rig)).record
    refuse_changed_evidence(run_dir, plan, record.events)
    return replace(
        record,
        floor=_read_if_there(run_dir, files.FLOOR, Floor),  # older runs have none
        accelerator=_read_if_there(run_dir, files.ACCELERATOR, AcceleratorProof),
        companions=read_companions(run_dir, plan),
        power_loss=_read_if_there(run_dir, files.POWER_LOSS, PowerLossResult),
        actuations=read_actuations(run_dir / files.ACTUATIONS),
    )


def refuse_other_than_run(run_dir: Path) -> None:
    """Refuse a folder that no run was started in, before anything is written into it.

    Raises:
        RecordError: a file is missing that every run writes before its first frame.
    """
    for name in (files.PROFILE, files.PLAN, files.RIG, files.FEED):
        if not (run_dir / name).is_file():
            raise RecordError(f"{run_dir / name} is missing: no run offered a frame here", hint="hilrig list")


def build_result(record: RunRecord, judgement: Judgement, *, digests: Mapping[str, str]) -> Result:
    """Return the result of a judged record.

    Args:
        record: what the judgement was computed from.
        judgement: the verdict with its numbers.
        digests: sha256 of every file of the run directory that the result rests on, by name.
    """
    plan, end = record.plan, _end_of(record.events)
    ended = Ended(end.detail["ended"])
    return Result(
        schema=RESULT_SCHEMA,
        run_id=plan.run_id,
        hilrig_version=plan.hilrig_version,
        started_at_utc=plan.created_at_utc,
        ended_at_utc=end.at_utc,
        ended=ended.value,
        ended_reason=str(end.detail["reason"]),
        exit_code=int(ExitCode.ABORTED if ended is Ended.ABORTED else judgement.status.exit_code),
        profile_name=plan.profile_name,
        profile_sha256=plan.profile_sha256,
        rig=plan.rig,
        device_class=plan.device_class,
        rig_info=record.rig,
        model_bundle_sha256=plan.model_bundle_sha256,
        model_files_sha256=plan.model_files_sha256,
        pipeline_sha256=plan.pipeline_sha256,
        feed=plan.feed.source,
        n_warmup_frames_cut=int(np.count_nonzero(record.frames["frame_id"] < plan.n_warmup_frames)),
        judgement=judgement,
        files=digests,
        judged_from=plan.judged_from,
        operator=plan.operator,
        note=plan.note,
    )


def hash_files(run_dir: Path) -> dict[str, str]:
    """Return the sha256 of every file below a run directory, by its path there.

    Raises:
        TrustError: something in it is neither a file nor a folder (a link could show another file tomorrow).
        RecordError: a file cannot be read.
    """
    digests = {}
    for path in sorted(run_dir.rglob("*")):
        mode = path.lstat().st_mode
        if stat.S_ISDIR(mode):
            continue
        if not stat.S_ISREG(mode):
            raise TrustError(f"{path} is not a regular file", hint="a run directory holds nothing else: remove it")
        digests[str(path.relative_to(run_dir))] = _hash_file(path)
    return digests


def _hash_file(path: Path) -> str:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
    except OSError as error:
        raise RecordError(
            f"{path} cannot be read: {error.strerror}", hint="look at the disk: dmesg, df"
        ) from error
    return digest.hexdigest()


def _read(run_dir: Path, name: str, noun: type[_T]) -> _T:
    return from_json(noun, _bytes_of(run_dir, name), what=str(run_dir / name))


def _read_if_there(run_dir: Path, name: str, noun: type[_T]) -> _T | None:
    return _read(run_dir, name, noun) if (run_dir / name).is_file() else None


def _bytes_of(run_dir: Path, name: str) -> bytes:
    data = read_untrusted(run_dir / name, max_bytes=MAX_JSON_BYTES)
    if data is None:
        raise RecordError(f"{run_dir / name} is missing", hint="this is not a whole run directory: hilrig list")
    return data


def _end_of(events: Sequence[RunEvent]) -> RunEvent:
    """Return the event that ended the run; for a run whose supervisor died, its recovery."""
    for event in reversed(events):
        if event.kind == "run_ended":
            return event
    what = REBOOTED if boot_at_end(tuple(events)) == OTHER_BOOT else "the supervisor itself was lost"
    detail = {"ended": Ended.RECOVERED.value, "reason": f"{what}; recovered from the journals"}
    return replace(events[-1], detail=detail)


def _made_from(
    run_dir: Path, result: Result, result_bytes: bytes, frames: MeasuredFrames, signer: Signer
) -> dict[str, bytes]:
    """Return every file that is made from a result, by name: signatures, views, the statement over both."""
    envelope = sign(build_result_statement(result, result_sha256=sha256_hex(result_bytes)), signer)
    signature = SignatureInfo(
        key_fingerprint=signer.public_key.keyid,
        envelope_file=files.ATTESTATION,
        envelope_sha256=sha256_hex(envelope),
        public_key_der=public_key_der(signer.public_key),
        envelope=envelope,
        signed_result=result_bytes,
    )
    document = read_document(run_dir, result, signature, frames=frames)
    made = {files.ATTESTATION: envelope, files.SIGSTORE_BUNDLE: to_sigstore_bundle(envelope)}
    made |= render_views(document)
    digests = {name: sha256_hex(data) for name, data in made.items()}
    return {**made, files.VIEWS: sign(build_views_statement(digests, result.run_id), signer)}
