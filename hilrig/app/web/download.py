"""A run directory as a tar, sent as it is read: never whole in memory, its length known before the first byte."""

import os
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from hilrig.core.errors import RecordError
from hilrig.record.untrusted_file import open_untrusted

FILES_MAX: Final = 200
"""A run directory holds about twenty-five files; more is no run of ours."""

CHUNK_BYTES: Final = 256 * 1024
_BLOCK_BYTES: Final = 512  # POSIX.1-1988 (ustar): everything is a multiple of it
_END: Final = bytes(2 * _BLOCK_BYTES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One file of a tar: its header block, where it is read, how many of its bytes belong to the tar."""

    header: bytes
    path: Path
    n_bytes: int

    @property
    def padded_bytes(self) -> int:
        """Return its bytes with those that fill up the last block."""
        return -(-self.n_bytes // _BLOCK_BYTES) * _BLOCK_BYTES


def tar_parts(run_dir: Path) -> tuple[Part, ...]:
    """Return the files of a run directory as they are now; links, folders and hidden files are left out.

    Raises:
        RecordError: there are too many, or one cannot be read.
    """
    with os.scandir(run_dir) as found:
        entries = [one for one in found if one.is_file(follow_symlinks=False) and not one.name.startswith(".")]
    if len(entries) > FILES_MAX:
        raise RecordError(f"{run_dir} holds {len(entries)} files, expected at most {FILES_MAX}")
    return tuple(_part(run_dir, entry) for entry in sorted(entries, key=lambda entry: entry.name))


def tar_bytes(parts: tuple[Part, ...]) -> int:
    """Return the length of the tar."""
    return sum(len(part.header) + part.padded_bytes for part in parts) + len(_END)


def tar_chunks(parts: tuple[Part, ...]) -> Iterator[bytes]:
    """Yield the tar in pieces.

    A file that grows meanwhile is cut where it ended when the tar was begun.

    Raises:
        RecordError: a file has become shorter or is gone; the download breaks off, so that nobody trusts it.
    """
    for part in parts:
        yield part.header
        file = open_untrusted(part.path)
        if file is None:
            raise RecordError(f"{part.path} is gone")
        with file:
            yield from _exactly(file, part)
        yield bytes(part.padded_bytes - part.n_bytes)
    yield _END


def file_chunks(file: BinaryIO) -> Iterator[bytes]:
    """Yield an open file in pieces, then close it."""
    with file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def _part(run_dir: Path, entry: "os.DirEntry[str]") -> Part:
    found = entry.stat(follow_symlinks=False)
    info = tarfile.TarInfo(f"{run_dir.name}/{entry.name}")
    info.size, info.mtime, info.mode = found.st_size, int(found.st_mtime), 0o644
    return Part(header=info.tobuf(tarfile.PAX_FORMAT), path=run_dir / entry.name, n_bytes=found.st_size)


def _exactly(file: BinaryIO, part: Part) -> Iterator[bytes]:
    rest = part.n_bytes
    while rest:
        chunk = file.read(min(rest, CHUNK_BYTES))
        if not chunk:
            raise RecordError(f"{part.path} became shorter while it was read")
        rest -= len(chunk)
        yield chunk
