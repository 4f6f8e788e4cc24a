"""How much the target's process has printed.

It is the size of the files that its standard output and error go to.
"""

import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from hilrig.core.channels import PROCESS_OUTPUT
from hilrig.core.telemetry import Channel, ChannelKind, Exactness, Reason, Tier
from hilrig.sampler.source import Value

STREAMS: Final = ("1", "2")
NOWHERE: Final = os.makedev(1, 3)  # /dev/null, Documentation/admin-guide/devices.txt of the kernel


class OutputSource:
    """The size of the log that a process writes, at both edges of the measured part.

    Not known of one whose output goes into a pipe or to a terminal: nothing counts there.
    """

    def __init__(self, root: Path, pid: int) -> None:
        self.channels: tuple[Channel, ...] = (
            Channel(
                name=PROCESS_OUTPUT,
                unit="By",
                kind=ChannelKind.COUNTER,
                tier=Tier.EDGE,
                source="/proc/PID/fd/1 and 2, the size of what they lead to",
                exactness=Exactness.EXACT,
            ),
        )
        self._folder = root / "proc" / str(pid) / "fd"
        self._unfound = Reason.LOST if self._folder.is_dir() else Reason.ABSENT
        self._is_closed = False
        self._detail = ""

    def read(self) -> Sequence[Value]:
        """Return bytes, or why they are not known."""
        self._detail = "the source is closed" if self._is_closed else ""
        if self._is_closed:
            return (Reason.LOST,)
        sizes: dict[tuple[int, int], int] = {}
        for stream in STREAMS:
            try:
                found = (self._folder / stream).stat()
            except OSError as error:
                self._detail = f"{self._folder / stream}: {error.strerror}"
                return (self._reason(error),)
            if stat.S_ISREG(found.st_mode):
                sizes[found.st_dev, found.st_ino] = found.st_size
            elif found.st_rdev != NOWHERE:
                self._detail = "what the process prints goes to no file"
                return (Reason.OFFLINE,)
        return (sum(sizes.values()),)

    def _reason(self, error: OSError) -> Reason:
        if isinstance(error, PermissionError) and not self._has_ended():
            return Reason.NO_PERMISSION
        return self._unfound

    def _has_ended(self) -> bool:
        # What has ended but was not yet waited for has no memory left, and shows its files to nobody but root.
        try:
            return (self._folder.parent / "statm").read_bytes().startswith(b"0 ")
        except OSError:
            return True

    def detail(self) -> str:
        """Return what the last reason means."""
        return self._detail

    def close(self) -> None:
        """Read no more; nothing is held open."""
        self._is_closed = True
