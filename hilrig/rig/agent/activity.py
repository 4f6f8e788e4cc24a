"""Whether something goes on in files, told from their changes: a wall clock that jumps makes nothing look old."""

import os
from collections.abc import Callable, Hashable
from contextlib import suppress
from pathlib import Path

from hilrig.rig.agent.layout import RunFolder, WorkFolder
from hilrig.rig.agent.seconds import boottime_ns, to_ns


class Silence:
    """Says for how long something has not changed.

    Args:
        look: returns what is to be compared.
        limit_s: what is too long.
    """

    def __init__(self, look: Callable[[], Hashable], *, limit_s: float) -> None:
        self._look, self._limit_ns = look, to_ns(limit_s)
        self._last, self._since_ns = look(), boottime_ns()

    def is_too_long(self) -> bool:
        """Look again; return whether there was no change for the limit."""
        now = self._look()
        if now != self._last:
            self._last, self._since_ns = now, boottime_ns()
        return boottime_ns() - self._since_ns >= self._limit_ns


def upload(work: WorkFolder, run: RunFolder) -> Hashable:
    """Return what changes while files are uploaded or put in place for a run."""
    return tuple(_state(folder) for folder in (work.blobs, run.path)), _parts(work.blobs)


def followed(run: RunFolder) -> Hashable:
    """Return what changes while somebody follows the run."""
    return _state(run.followed)


def _parts(blobs: Path) -> tuple[Hashable, ...]:
    return tuple(_state(part) for part in sorted(blobs.glob("*.part")))


def _state(path: Path) -> tuple[int, int] | None:
    with suppress(OSError):
        found = os.lstat(path)
        return found.st_size, found.st_mtime_ns
    return None
