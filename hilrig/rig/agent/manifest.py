"""What a run left on the rig, by a list of its files with their digests.

The files themselves are sent from here, too.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Final

from hilrig.core.errors import RecordError, UsageError
from hilrig.rig.agent.arguments import count_of, objects_of, run_of
from hilrig.rig.agent.blobs import digest_of
from hilrig.rig.agent.disk import CHUNK_BYTES, open_inside, read_json, write_json
from hilrig.rig.agent.layout import RunFolder, safe_relative

FILES_MAX: Final = 10_000
"""A run directory has about thirty; a folder with more is not one."""


def manifest(arguments: Mapping[str, Any], stream: BinaryIO) -> Iterator[Mapping[str, Any]]:  # noqa: ARG001 - a verb's form
    """Answer the files of the run directory: what the keeper listed at the end of the run, else what is there now.

    Raises:
        RigLostError: there is no such run.
        RecordError: the run left no directory, or one that is not a run's.
    """
    run = run_of(arguments)
    yield read_json(run.manifest) or make_manifest(run)


def send(arguments: Mapping[str, Any], stream: BinaryIO) -> Iterator[Mapping[str, Any] | bytes]:  # noqa: ARG001 - a verb's form
    """Send the files of `paths`, each from byte `at` on: an object with `path`, `size`, `at`, then the raw bytes.

    Raises:
        RigLostError: there is no such run.
        RecordError: a file is not there, is no regular file, or became shorter while it was sent.
        UsageError: a path climbs, or `at` is behind a file's end.
    """
    run_directory = run_directory_of(run_of(arguments))
    for asked in objects_of(arguments, "paths"):
        path, at = safe_relative(asked.get("path")), count_of(asked, "at")
        with os.fdopen(open_inside(run_directory, path), "rb", buffering=0) as file:
            size = os.fstat(file.fileno()).st_size
            if at > size:
                raise UsageError(f"{path} has {size} bytes, asked for those from {at} on")
            yield {"path": path, "size": size, "at": at}
            yield from _content(file, path=path, at=at, size=size)
    yield {}


def write_manifest(run: RunFolder) -> int:
    """List the files of an ended run in its manifest.json, as its keeper does; return how many there are.

    Raises:
        RecordError: the run left no directory, or one that is not a run's.
        PreconditionError: the disk is full or read-only.
    """
    made = make_manifest(run)
    write_json(run.manifest, made)
    return len(made["files"])


def make_manifest(run: RunFolder) -> dict[str, Any]:
    """Return `run_dir`, the directory's name, and `files`: path, size and sha256 of each, by path.

    Only regular files; links are not followed. Hidden files are left out: the recorder's reserve and what it had
    half replaced.

    Raises:
        RecordError: the run left no directory, or one that is not a run's.
    """
    folder = run_directory_of(run)
    return {"run_dir": folder.name, "files": [_entry(folder, path) for path in sorted(_paths(folder))]}


def run_directory_of(run: RunFolder) -> Path:
    """Return the one directory below reports/.

    Raises:
        RecordError: there is none, or more than one.
    """
    found = [path for path in _visible(run.reports) if path.is_dir() and not path.is_symlink()]
    if len(found) != 1:
        raise RecordError(
            f"run {run.run_id} should have left one directory on the rig, found {len(found)}",
            hint=f"look at {run.log} on the rig",
        )
    return found[0]


def _visible(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if not path.name.startswith(".")]
    except FileNotFoundError:
        return []


def _paths(folder: Path) -> list[str]:
    found: list[str] = []
    waiting = [folder]
    while waiting:
        for path in _visible(waiting.pop()):
            if path.is_symlink():
                continue
            if path.is_dir():
                waiting.append(path)
            elif path.is_file():
                found.append(safe_relative(str(path.relative_to(folder))))
        if len(found) + len(waiting) > FILES_MAX:
            raise RecordError(f"{folder} on the rig should be a run directory, found more than {FILES_MAX} files")
    return found


def _entry(folder: Path, path: str) -> dict[str, Any]:
    with os.fdopen(open_inside(folder, path), "rb", buffering=0) as file:
        sha256 = digest_of(file)
        return {"path": path, "size": file.tell(), "sha256": sha256}


def _content(file: Any, *, path: str, at: int, size: int) -> Iterator[bytes]:
    file.seek(at)
    while at < size:
        chunk = file.read(min(CHUNK_BYTES, size - at))
        if not chunk:
            raise RecordError(f"{path} on the rig became shorter while it was sent", hint="run the command again")
        at += len(chunk)
        yield chunk
