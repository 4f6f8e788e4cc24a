"""Putting a run's files in place on the rig, so that its keeper can begin."""

import errno
import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Final

from hilrig.core.errors import RecordError, UsageError
from hilrig.rig.agent.arguments import objects_of, run_of, work_folder_of
from hilrig.rig.agent.disk import disk_error, read_json, sync_folder, write_file, write_json
from hilrig.rig.agent.layout import RunFolder, WorkFolder, safe_relative, safe_sha256

_NO_LINKS: Final = frozenset({errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP, errno.ENOSYS})
"""What file systems without hard links answer, or with too many of one file."""


def place(arguments: Mapping[str, Any], stream: BinaryIO) -> Iterator[Mapping[str, Any]]:  # noqa: ARG001 - a verb's form
    """Put `files` (blobs, by path in the profile's folder) and `texts` (by name, beside it) there, then `job`.

    All or nothing: job.json is written last, and the keeper looks for nothing else. Asked again for the same job,
    after an answer that was lost, it is done already.

    Raises:
        RigLostError: there is no such run: its keeper gave it up.
        RecordError: a blob is not here, or another job is in place.
        UsageError: a path climbs or is one of the agent's own.
        PreconditionError: the disk is full or read-only.
    """
    work, run = work_folder_of(arguments), run_of(arguments)
    job, texts = arguments.get("job"), arguments.get("texts")
    if not isinstance(job, dict) or not isinstance(texts, dict):
        raise UsageError("place needs a job and texts, each a JSON object")
    if not _is_done(run, job):
        blobs = _blobs(work, objects_of(arguments, "files"))
        contents = {_text_path(run, name): _encoded(text) for name, text in texts.items()}
        _place_profile(run, blobs)
        run.reports.mkdir(exist_ok=True)
        for path, content in contents.items():
            write_file(path, content)
        write_json(run.job, job)
    yield {"placed": run.run_id}


def _is_done(run: RunFolder, job: Mapping[str, Any]) -> bool:
    placed = read_json(run.job)
    if placed is not None and placed != job:
        raise RecordError(f"run {run.run_id} has another job already", hint="start a new run")
    return placed is not None


def _blobs(work: WorkFolder, files: list[Mapping[str, Any]]) -> dict[str, Path]:
    blobs = {safe_relative(file.get("path")): work.blob(safe_sha256(file.get("sha256"))) for file in files}
    if len(blobs) != len(files):
        raise UsageError("place was given two files with one path")
    for blob in blobs.values():
        if not _is_regular(blob):
            raise RecordError(f"file {blob.name[:12]} is not on the rig", hint="run the command again: it is sent")
    return blobs


def _is_regular(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except FileNotFoundError:
        return False


def _text_path(run: RunFolder, name: object) -> Path:
    path = run.path / safe_relative(name)
    if path != run.rig_file:
        raise UsageError(f"the only text beside a profile is {run.rig_file.name}, found {name!r:.100}")
    return path


def _encoded(text: object) -> bytes:
    if not isinstance(text, str):
        raise UsageError(f"a text should be a text, found {text!r:.100}")
    return text.encode()


def _place_profile(run: RunFolder, blobs: Mapping[str, Path]) -> None:
    new = run.path / ".profile.new"
    try:
        for old in (new, run.profile):  # of an attempt that did not come to its job
            shutil.rmtree(old, ignore_errors=True)
        new.mkdir()
        for path, blob in blobs.items():
            (new / path).parent.mkdir(parents=True, exist_ok=True)
            _link_or_copy(blob, new / path)
        new.rename(run.profile)
        sync_folder(run.path)
    except OSError as error:
        needed_bytes = sum(blob.stat().st_size for blob in blobs.values())
        raise disk_error(run.path, error, needed_bytes=needed_bytes) from error


def _link_or_copy(blob: Path, path: Path) -> None:
    try:
        os.link(blob, path, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        shutil.copy(blob, path, follow_symlinks=False)
