"""Small files of the work folder, with what to say when its disk refuses.

Several processes read these files at once, and somebody else may have prepared them: a file is replaced, never
rewritten in place, and a link is never followed.
"""

import errno
import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from hilrig.core.errors import PreconditionError, RecordError
from hilrig.core.units import BYTES_PER_MIB
from hilrig.rig.agent.layout import safe_relative

CHUNK_BYTES: Final = 1 << 20
"""What is read or written at a time: large enough for a fast disk, small beside the memory of any rig."""

JSON_MAX_BYTES: Final = 4 << 20
"""Of one file or line of JSON: a manifest of 10,000 files is about 2 MiB."""

_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_READ_ONLY: Final = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})


def open_inside(folder: Path, relative: str) -> int:
    """Return a descriptor for reading the regular file `relative` of `folder`; no link on the way is followed.

    Raises:
        UsageError: `relative` is not safe.
        RecordError: there is no such regular file, or it cannot be read.
    """
    *parents, name = safe_relative(relative).split("/")
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK  # a pipe would block
    folders: list[int] = []
    try:
        folders.append(os.open(folder, flags | os.O_DIRECTORY))
        for parent in parents:
            folders.append(os.open(parent, flags | os.O_DIRECTORY, dir_fd=folders[-1]))
        fd = os.open(name, flags, dir_fd=folders[-1])
    except OSError as error:
        raise RecordError(f"{folder / relative} cannot be read: {error.strerror}") from error
    finally:
        for opened in folders:
            os.close(opened)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise RecordError(f"{folder / relative} should be a regular file, found something else")
    return fd


def read_json(path: Path) -> dict[str, Any] | None:
    """Return the JSON object in `path`, None when there is no such file.

    Raises:
        RecordError: it is a link or no regular file, cannot be read, is over 4 MiB, or is not one JSON object.
    """
    if not os.path.lexists(path):
        return None
    try:
        with os.fdopen(open_inside(path.parent, path.name), "rb") as file:
            data = file.read(JSON_MAX_BYTES + 1)
    except RecordError:
        if not os.path.lexists(path):  # removed just now
            return None
        raise
    return json_object(data, what=str(path))


def json_object(data: bytes, *, what: str) -> dict[str, Any]:
    """Return the JSON object that `data` is.

    Raises:
        RecordError: it is something else, or over 4 MiB.
    """
    if len(data) > JSON_MAX_BYTES:
        raise RecordError(f"{what} should be at most {JSON_MAX_BYTES} bytes, found more")
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise RecordError(f"{what} should be JSON: {error}") from error
    if not isinstance(value, dict):
        raise RecordError(f"{what} should be a JSON object, found {type(value).__name__}")
    return value


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Put `value` at `path`, readable by everybody: a power cut leaves the old file or the new one.

    Raises:
        PreconditionError: the disk is full, read-only or broken; the old file stands.
    """
    write_file(path, json.dumps(value, ensure_ascii=False).encode())


def write_file(path: Path, data: bytes) -> None:
    """Put `data` at `path`: a power cut leaves the old file or the new one, never a mixture.

    Raises:
        PreconditionError: the disk is full, read-only or broken; the old file stands.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.unlink(missing_ok=True)  # of a killed process that had this pid
        with os.fdopen(
            os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644), "wb"
        ) as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        if error.errno != errno.EROFS:
            temporary.unlink(missing_ok=True)
        raise disk_error(path.parent, error, needed_bytes=len(data)) from error


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` survive a power cut.

    Raises:
        OSError: the folder cannot be opened or flushed.
    """
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def free_mib(folder: Path) -> float:
    """Return the room for this user on the file system of `folder`.

    Raises:
        OSError: the folder is not there.
    """
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize / BYTES_PER_MIB


def disk_error(folder: Path, error: OSError, *, needed_bytes: int) -> PreconditionError:
    """Return what to raise when something could not be written into `folder`."""
    if error.errno in _FULL:
        return no_room(folder, needed_bytes=needed_bytes)
    hint = "look at the rig's disk: it may be broken"
    if error.errno in _READ_ONLY:
        hint = "make it writable for the user who logs in there, or name another `work_folder` in the rig file"
    return PreconditionError(f"{folder} on the rig cannot be written: {error.strerror}", hint=hint)


def no_room(folder: Path, *, needed_bytes: int) -> PreconditionError:
    """Return what to raise when `folder` has less room than `needed_bytes`."""
    return PreconditionError(
        f"no room on the rig: {folder} has {free_mib(folder):.1f} MiB free, "
        f"{needed_bytes / BYTES_PER_MIB:.1f} MiB are needed",
        hint="`hilrig rigs reap` removes old runs and files that nobody uses there",
    )
