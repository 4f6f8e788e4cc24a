"""Disks for tests of the store: one that loses its power at a call, one that refuses a call."""

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hilrig.node.disk import Disk, OpenFile


class PowerCut(BaseException):
    """The power went."""


class CountingDisk(Disk):
    """A disk that stops at its n-th call; nothing waits for the real disk, which these tests do not ask."""

    def __init__(
        self, folder: Path, *, stop_at: int = 0, op: str = "", stop: Callable[[], None] | None = None
    ) -> None:
        super().__init__(folder)
        self.n_calls = 0
        self._stop_at = stop_at
        self._op = op
        self._stop = stop or cut_power

    def _count(self, op: str) -> None:
        if self._op not in {"", op}:
            return
        self.n_calls += 1
        if self.n_calls == self._stop_at or (self._stop is cut_power and 0 < self._stop_at < self.n_calls):
            self._stop()

    @contextmanager
    def create(self, path: str) -> Iterator[OpenFile]:
        self._count("create")
        with super().create(path) as file:
            yield file

    def write(self, file: OpenFile, data: bytes | memoryview) -> None:
        self._count("write")
        super().write(file, data)

    def chmod(self, file: OpenFile, mode: int) -> None:
        self._count("chmod")
        super().chmod(file, mode)

    def fsync(self, file: OpenFile) -> None:
        self._count("fsync")

    def fsync_folder(self, path: str) -> None:
        self._count("fsync_folder")

    def rename(self, old: str, new: str) -> None:
        self._count("rename")
        super().rename(old, new)

    def link(self, old: str, new: str) -> None:
        self._count("link")
        super().link(old, new)

    def unlink(self, path: str) -> None:
        self._count("unlink")
        super().unlink(path)

    def mkdir(self, path: str) -> None:
        self._count("mkdir")
        super().mkdir(path)

    def rmdir(self, path: str) -> None:
        self._count("rmdir")
        super().rmdir(path)


def cut_power() -> None:
    """End what runs, and every later call with it."""
    raise PowerCut


def refuse(number: int = errno.EIO) -> Callable[[], Any]:
    """Return a stop that refuses the call with this error."""

    def stop() -> None:
        raise OSError(number, errno.errorcode[number])

    return stop
