"""All file calls of the store that change something.

What must be durable, and when, is the caller's business. Paths are relative to the store's folder, with `/`.
Every method raises OSError; nothing is retried: after a failed fsync the kernel may call lost pages clean, so
only a new file can be trusted (PostgreSQL's "fsyncgate" of 2018).
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from hilrig.node.disk_trace import DiskTrace, trace_of_environment
from hilrig.node.layout import TMP

_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_APPEND: Final = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FOLDER_MODE: Final = 0o755
_FILE_MODE: Final = 0o644


@dataclass(slots=True)
class OpenFile:
    """A file that is being written: where the next byte goes is `size`."""

    path: str
    fd: int
    size: int


class Disk:
    """The store's folder on a disk.

    Args:
        folder: the store.
        trace: the record of calls; None: none is kept.
    """

    def __init__(self, folder: Path, *, trace: DiskTrace | None = None) -> None:
        self.folder = folder
        self._trace = trace

    @contextmanager
    def create(self, path: str) -> Iterator[OpenFile]:
        """Open a file that must not be there yet."""
        with _closing(OpenFile(path, os.open(self._at(path), _NEW, _FILE_MODE), 0)) as file:
            self._note("create", path=path)
            yield file

    @contextmanager
    def append(self, path: str) -> Iterator[OpenFile]:
        """Open a file that is there, to write at its end."""
        fd = os.open(self._at(path), _APPEND)
        with _closing(OpenFile(path, fd, os.fstat(fd).st_size)) as file:
            yield file

    def write(self, file: OpenFile, data: bytes | memoryview) -> None:
        """Write all of `data` at the end of `file`."""
        rest = memoryview(data)
        while rest:
            n_written = os.pwrite(file.fd, rest, file.size)
            if self._trace is not None:
                self._trace.note_write(file.path, file.size, rest[:n_written])
            file.size += n_written
            rest = rest[n_written:]

    def truncate(self, file: OpenFile, size: int) -> None:
        """Cut `file` to `size` bytes."""
        os.ftruncate(file.fd, size)
        file.size = size
        self._note("truncate", path=file.path, size=size)

    def chmod(self, file: OpenFile, mode: int) -> None:
        """Set the permissions of `file`."""
        os.fchmod(file.fd, mode)
        self._note("chmod", path=file.path, mode=mode)

    def fsync(self, file: OpenFile) -> None:
        """Make what was written to `file` durable."""
        os.fsync(file.fd)
        self._note("fsync", path=file.path)

    def fsync_folder(self, path: str) -> None:
        """Make the names in the folder `path` durable; `.` is the store itself."""
        fd = os.open(self._at(path), _FOLDER)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
        self._note("fsync_folder", path=path)

    def rename(self, old: str, new: str) -> None:
        """Give a file or folder another name; a file of that name is replaced at once."""
        self._at(old).rename(self._at(new))
        self._note("rename", **{"from": old, "to": new})

    def link(self, old: str, new: str) -> None:
        """Give a file a second name."""
        os.link(self._at(old), self._at(new), follow_symlinks=False)
        self._note("link", **{"from": old, "to": new})

    def unlink(self, path: str) -> None:
        """Remove a name of a file."""
        self._at(path).unlink()
        self._note("unlink", path=path)

    def mkdir(self, path: str) -> None:
        """Make a folder."""
        self._at(path).mkdir(_FOLDER_MODE)
        self._note("mkdir", path=path)

    def rmdir(self, path: str) -> None:
        """Remove an empty folder."""
        self._at(path).rmdir()
        self._note("rmdir", path=path)

    def write_file(self, path: str, data: bytes) -> None:
        """Make a new file with `data` in it, durable; its name is not, before its folder is synced."""
        with self.create(path) as file:
            self.write(file, data)
            self.fsync(file)

    def replace_file(self, path: str, data: bytes) -> None:
        """Give `path` the content `data` at once, durable with its name."""
        folder, _, name = path.rpartition("/")
        self.write_file(f"{TMP}/{name}.new", data)
        self.rename(f"{TMP}/{name}.new", path)
        self.fsync_folder(folder or ".")

    def remove_tree(self, path: str) -> None:
        """Remove a file, or a folder with all that is in it; links are removed, never followed."""
        if not self._is_folder(path):
            self.unlink(path)
            return
        for name in self.names(path):
            self.remove_tree(f"{path}/{name}")
        self.rmdir(path)

    def names(self, path: str) -> tuple[str, ...]:
        """Return what is in a folder, sorted; nothing when there is no such folder."""
        try:
            return tuple(sorted(os.listdir(self._at(path))))  # noqa: PTH208 - names, not paths
        except FileNotFoundError:
            return ()

    def exists(self, path: str) -> bool:
        """Tell whether there is something of this name, a broken link included."""
        return os.path.lexists(self._at(path))

    def free_bytes(self) -> int:
        """Return how much more an unprivileged user may write here."""
        found = os.statvfs(self.folder)
        return found.f_bavail * found.f_frsize

    def _is_folder(self, path: str) -> bool:
        at = self._at(path)
        return at.is_dir() and not at.is_symlink()

    def _at(self, path: str) -> Path:
        return self.folder / PurePosixPath(path)

    def _note(self, op: str, **fields: object) -> None:
        if self._trace is not None:
            self._trace.note(op, **fields)


class ReadOnlyDisk(Disk):
    """A disk on which nothing changes: what a start would do is looked at, and left undone."""

    @contextmanager
    def create(self, path: str) -> Iterator[OpenFile]:
        """Open nothing."""
        with _closing(OpenFile(path, os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC), 0)) as file:
            yield file

    append = create

    def write(self, file: OpenFile, data: bytes | memoryview) -> None:
        """Write nothing."""

    def truncate(self, file: OpenFile, size: int) -> None:
        """Cut nothing."""

    def chmod(self, file: OpenFile, mode: int) -> None:
        """Change nothing."""

    def fsync(self, file: OpenFile) -> None:
        """Nothing was written."""

    def fsync_folder(self, path: str) -> None:
        """Nothing was changed."""

    def rename(self, old: str, new: str) -> None:
        """Change nothing."""

    def link(self, old: str, new: str) -> None:
        """Change nothing."""

    def unlink(self, path: str) -> None:
        """Change nothing."""

    def mkdir(self, path: str) -> None:
        """Change nothing."""

    def rmdir(self, path: str) -> None:
        """Change nothing."""


def open_disk(folder: Path) -> Disk:
    """Return the disk of a store, with the record of calls that the environment asks for."""
    return Disk(folder, trace=trace_of_environment())


@contextmanager
def _closing(file: OpenFile) -> Iterator[OpenFile]:
    try:
        yield file
    finally:
        os.close(file.fd)
