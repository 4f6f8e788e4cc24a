"""Files by their content: only what is not here yet is taken in.

Two uploads of one file at once put the same bytes in the same places, so they may share the half upload. Nobody
holds its lock while waiting for the link: an upload whose client is gone never blocks the one that resumes it.
"""

import fcntl
import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, Final

from hilrig.core.errors import PreconditionError, RecordError, RigLostError
from hilrig.core.units import BYTES_PER_MIB
from hilrig.rig.agent.arguments import count_of, objects_of, work_folder_of
from hilrig.rig.agent.disk import (
    CHUNK_BYTES,
    JSON_MAX_BYTES,
    disk_error,
    free_mib,
    json_object,
    no_room,
    sync_folder,
)
from hilrig.rig.agent.layout import WorkFolder, safe_sha256

_BLOB_MODE: Final = 0o444
_PART_FLAGS: Final = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def have(arguments: Mapping[str, Any], stream: BinaryIO) -> Iterator[Mapping[str, Any]]:  # noqa: ARG001 - a verb's form
    """Answer which of `files` are not here. Each is read and hashed anew; one that was altered is removed."""
    work = work_folder_of(arguments)
    missing = []
    for file in objects_of(arguments, "files"):
        sha256, size = safe_sha256(file.get("sha256")), count_of(file, "size")
        if not _is_whole(work.blob(sha256), sha256):
            missing.append({"sha256": sha256, "at": _half_bytes(work.part(sha256), size)})
    yield {"missing": missing}


def receive(arguments: Mapping[str, Any], stream: BinaryIO) -> Iterator[Mapping[str, Any]]:
    """Take in blobs: for each a line `{"sha256", "size", "at"}` on the stream, then its bytes from `at` on.

    A broken link leaves the half upload for `have` to report.

    Raises:
        PreconditionError: the disk is full or read-only; a half upload that found no room is removed.
        RecordError: the bytes do not have the digest; they are removed.
        RigLostError: the stream ends in the middle.
    """
    work = work_folder_of(arguments)
    try:
        work.blobs.mkdir(exist_ok=True)
    except OSError as error:
        raise disk_error(work.path, error, needed_bytes=0) from error
    n_received = 0
    while header := stream.readline(JSON_MAX_BYTES + 1):
        upload = _Upload(work, json_object(header, what="the line before a blob"))
        upload.take_in(stream)
        n_received += 1
        yield {"received": upload.sha256}
    yield {"n_received": n_received}


def digest_of(file: BinaryIO) -> str:
    """Return the sha256 of what is left to read, as hex digits."""
    digest = hashlib.sha256()
    buffer = memoryview(bytearray(CHUNK_BYTES))
    while n_bytes := file.readinto(buffer):  # type: ignore[attr-defined]  # every file has it, BinaryIO lacks it
        digest.update(buffer[:n_bytes])
    return digest.hexdigest()


def _is_whole(blob: Path, sha256: str) -> bool:
    try:
        if _found(blob) == sha256:
            with suppress(OSError):  # a read-only disk
                os.utime(blob, follow_symlinks=False)  # what nobody uses for long is tidied away
            return True
    except FileNotFoundError:
        return False
    try:
        blob.unlink(missing_ok=True)
    except OSError as error:
        raise disk_error(blob.parent, error, needed_bytes=0) from error
    return False


def _found(blob: Path) -> str:
    """Return the digest of what is there, "" for a link, anything else but a file, or one on a bad sector.

    Raises:
        FileNotFoundError: nothing is there.
    """
    try:
        with os.fdopen(os.open(blob, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            return digest_of(file) if stat.S_ISREG(os.fstat(file.fileno()).st_mode) else ""
    except FileNotFoundError:
        raise
    except OSError:
        return ""


def _half_bytes(part: Path, size: int) -> int:
    try:
        found = part.lstat()
    except OSError:
        return 0
    return found.st_size if stat.S_ISREG(found.st_mode) and found.st_size <= size else 0


class _Upload:
    """One blob on its way in.

    Args:
        work: where it goes.
        header: what its sender says of it.

    Raises:
        UsageError: the header cannot be meant.
    """

    def __init__(self, work: WorkFolder, header: Mapping[str, Any]) -> None:
        self.sha256 = safe_sha256(header.get("sha256"))
        self._size, self._at = count_of(header, "size"), count_of(header, "at")
        self._blob, self._part = work.blob(self.sha256), work.part(self.sha256)

    def take_in(self, stream: BinaryIO) -> None:
        """Write its bytes and make it a blob."""
        self._check_room()
        try:
            with os.fdopen(os.open(self._part, _PART_FLAGS, 0o600), "r+b", buffering=0) as part:
                self._check_part(part.fileno())
                self._write_all(part.fileno(), stream)
                self._finish(part)
        except OSError as error:
            refused = disk_error(self._part.parent, error, needed_bytes=self._size - self._at)
            with suppress(OSError):  # a disk that cannot be written
                self._part.unlink()
            raise refused from error

    def _check_room(self) -> None:
        if self._size - self._at > free_mib(self._part.parent) * BYTES_PER_MIB:
            raise no_room(self._part.parent, needed_bytes=self._size - self._at)

    def _check_part(self, part: int) -> None:
        found = os.fstat(part)
        if not stat.S_ISREG(found.st_mode):
            raise PreconditionError(f"{self._part} on the rig should be a regular file", hint="remove it there")
        if not self._at <= min(found.st_size, self._size):
            raise RecordError(
                f"the upload of {self.sha256[:12]} goes on at byte {self._at} of {self._size}, "
                f"but {found.st_size} bytes of it are on the rig",
                hint="run the command again",
            )

    def _write_all(self, part: int, stream: BinaryIO) -> None:
        at = self._at
        while at < self._size:
            chunk = stream.read(min(CHUNK_BYTES, self._size - at))
            if not chunk:
                raise RigLostError(f"the upload ended at byte {at} of {self._size}", hint="it goes on from there")
            with self._locked(part) as is_still_wanted:
                if is_still_wanted:
                    _write(part, chunk, at)
            at += len(chunk)

    def _finish(self, part: BinaryIO) -> None:
        with self._locked(part.fileno()) as is_still_wanted:
            if not is_still_wanted:  # somebody else has finished the same upload, or found it wrong
                self._check_other()
                return
            part.truncate(self._size)
            part.seek(0)
            if digest_of(part) != self.sha256:
                self._part.unlink()
                raise self._changed()
            os.fsync(part.fileno())
            self._part.replace(self._blob)
            os.fchmod(part.fileno(), _BLOB_MODE)  # not before: a second upload could not open the half one
            sync_folder(self._blob.parent)

    def _check_other(self) -> None:
        if not self._blob.is_file():
            raise self._changed()

    def _changed(self) -> RecordError:
        return RecordError(
            f"file {self.sha256[:12]} changed on its way to the rig, or while it was read",
            hint="run the command again: it is sent anew",
        )

    @contextmanager
    def _locked(self, part: int) -> Iterator[bool]:
        """Hold the half upload for the block; give whether it still is the half upload of its name."""
        fcntl.flock(part, fcntl.LOCK_EX)
        try:
            yield self._is_named(part)
        finally:
            fcntl.flock(part, fcntl.LOCK_UN)

    def _is_named(self, part: int) -> bool:
        try:
            return os.path.samestat(self._part.lstat(), os.fstat(part))
        except FileNotFoundError:
            return False


def _write(fd: int, data: bytes, at: int) -> None:
    rest = memoryview(data)
    while rest:
        n_bytes = os.pwrite(fd, rest, at)
        rest, at = rest[n_bytes:], at + n_bytes
