"""The folder of one run: its name, its making, its atomic file replacement, its reserve for a full disk."""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from hilrig.core.errors import RecordError
from hilrig.core.units import BYTES_PER_MIB
from hilrig.record.utc import compact_utc

RESERVE_NAME: Final = ".reserve"
RESERVE_BYTES: Final = 4 * BYTES_PER_MIB
DISK_FULL_ERRNOS: Final = frozenset({errno.ENOSPC, errno.EDQUOT})

_PROFILE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_RUN_ID: Final = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9._]{0,99}"
)  # no hyphen: the last one in the name stands before it


def create(reports: Path, *, profile_name: str, run_id: str, started_at_utc: str) -> Path:
    """Make the folder of a new run, `<UTC start>-<profile>-<id>`, with its reserve; return its path.

    Args:
        reports: an existing folder.
        profile_name: goes into the name.
        run_id: goes into the name.
        started_at_utc: ISO 8601 with an offset, for example `2026-11-21T05:33:12Z`.

    Raises:
        RecordError: the name is taken or cannot be made, `reports` is missing or read-only, the disk is full.
    """
    _check_part("profile", profile_name, _PROFILE)
    _check_part("run id", run_id, _RUN_ID)
    name = f"{compact_utc(started_at_utc)}-{profile_name}-{run_id}"
    folder = reports / name
    try:
        folder.mkdir(mode=0o755)
        _reserve(folder)
        sync_folder(reports)
    except OSError as error:
        raise _creation_error(folder, error) from error
    return folder


def _check_part(what: str, text: str, pattern: re.Pattern[str]) -> None:
    if not pattern.fullmatch(text):
        raise RecordError(f"a {what} in a folder's name should match {pattern.pattern}, found {text!r}")


def _reserve(folder: Path) -> None:
    fd = create_file(folder / RESERVE_NAME)
    try:
        os.posix_fallocate(fd, 0, RESERVE_BYTES)
    except OSError:
        (folder / RESERVE_NAME).unlink()
        folder.rmdir()
        raise
    finally:
        os.close(fd)


def _creation_error(folder: Path, error: OSError) -> RecordError:
    if isinstance(error, FileExistsError):
        return RecordError(f"{folder} exists already; a run never reuses a folder", hint="start the run again")
    if isinstance(error, FileNotFoundError):
        return RecordError(f"the reports folder {folder.parent} does not exist", hint=f"mkdir -p {folder.parent}")
    if error.errno in DISK_FULL_ERRNOS:
        return RecordError(f"no room for a run in {folder.parent}: {error.strerror}", hint="free some disk space")
    hint = f"make {folder.parent} writable or choose another reports folder"
    return RecordError(f"cannot make {folder}: {error.strerror}", hint=hint)


def release_reserve(folder: Path) -> None:
    """Give the reserve's 4 MiB back to the disk; nothing happens when they are given back already.

    A folder in its place is somebody else's, and holds nothing back.
    """
    with suppress(FileNotFoundError, IsADirectoryError):
        (folder / RESERVE_NAME).unlink()


@contextmanager
def reserve_for_full_disk(folder: Path) -> Iterator[None]:
    """Give the reserve back when the body meets a full disk, so that the end of the run still finds room.

    Raises:
        OSError: the body's own, ENOSPC included: the caller ends the run.
    """
    try:
        yield
    except OSError as error:
        if error.errno in DISK_FULL_ERRNOS:
            release_reserve(folder)
        raise


def write_atomic(path: Path, data: bytes) -> None:
    """Put `data` at `path` so that a power cut leaves the old file or the new one, never a mixture.

    Raises:
        OSError: the file cannot be written; the old one stands. The reserve is used up before ENOSPC comes out.
    """
    try:
        _write_and_sync(path, data)
    except OSError as error:
        if error.errno not in DISK_FULL_ERRNOS:
            raise
        release_reserve(path.parent)
        _write_and_sync(path, data)


def _write_and_sync(path: Path, data: bytes) -> None:
    with replacing(path) as fd:
        write_all(fd, data, 0)
        os.fsync(fd)
    sync_folder(path.parent)


@contextmanager
def replacing(path: Path) -> Iterator[int]:
    """Give a descriptor to write to; rename it to `path` when the body is through, drop it when the body fails.

    Raises:
        OSError: the temporary file cannot be made or renamed.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.unlink(missing_ok=True)  # of a writer that was killed
    fd = create_file(temporary)
    try:
        yield fd
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):  # the body's error is the one to tell
            temporary.unlink()
        raise
    finally:
        os.close(fd)


def create_file(path: Path) -> int:
    """Return a descriptor for writing a file that must not exist yet: a link in its place is not followed.

    Raises:
        OSError: the file exists or cannot be made.
    """
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)


def write_all(fd: int, data: bytes | memoryview, offset: int) -> None:
    """Write all of `data` at byte `offset`: the kernel may take it in pieces.

    Raises:
        OSError: a part could not be written.
    """
    rest = memoryview(data)
    while rest:
        n_bytes = os.pwrite(fd, rest, offset)
        rest, offset = rest[n_bytes:], offset + n_bytes


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` survive a power cut (a new or renamed file is else known only to the cache).

    Raises:
        OSError: the folder cannot be opened or flushed.
    """
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
