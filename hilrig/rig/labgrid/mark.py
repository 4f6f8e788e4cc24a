"""The mark that hilrig leaves on a labgrid place it acquired: which process holds it.

labgrid keeps a place acquired when the client dies, for ever, and all processes of one user look alike to it.
The mark is a name that is allowed to use the place; labgrid forgets it with the acquisition itself, so it is never
out of date.
"""

import os
import re
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

_MARK: Final = re.compile(r"[^/]*/hilrig-(?P<pid>\d+)-(?P<started>\d+)-(?P<boot>[0-9a-f-]{36})-(?P<pid_space>\d+)")
_STATE_FIELD, _STARTED_FIELD = 0, 19  # of /proc/PID/stat behind the name in brackets: 3 and 22 in proc_pid_stat(5)


class Holding(Enum):
    """Whether the process of a mark still runs, as far as can be seen from here."""

    RUNS = "runs"
    GONE = "gone"
    HIDDEN = "hidden"  # in another container of this machine


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A process that acquired a place.

    Args:
        pid: its number.
        started: clock ticks from boot to its start: a number may be given again.
        boot_id: of the boot that it belongs to.
        pid_space: the namespace that its number counts in.
    """

    pid: int
    started: int
    boot_id: str
    pid_space: int

    def text(self, host: str) -> str:
        """Return it as labgrid takes it: host/user."""
        return f"{host}/hilrig-{self.pid}-{self.started}-{self.boot_id}-{self.pid_space}"


def own_mark() -> Mark:
    """Return the mark of this process."""
    pid = os.getpid()
    return Mark(pid=pid, started=_started(pid) or 0, boot_id=_boot_id(), pid_space=_pid_space())


def read_mark(text: str) -> Mark | None:
    """Return the mark in a name that labgrid gave, None where it is a person's."""
    found = _MARK.fullmatch(text)
    if found is None:
        return None
    return Mark(
        pid=int(found["pid"]),
        started=int(found["started"]),
        boot_id=found["boot"],
        pid_space=int(found["pid_space"]),
    )


def holding(mark: Mark) -> Holding:
    """Tell whether a mark's process still runs. Asked for marks of this host only."""
    if mark.boot_id != _boot_id():
        return Holding.GONE
    if mark.pid_space != _pid_space():
        return Holding.HIDDEN
    return Holding.RUNS if _started(mark.pid) == mark.started else Holding.GONE


def _started(pid: int) -> int | None:
    """Return when a running process was started, in clock ticks from boot; None where there is none."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[_STATE_FIELD] in "ZX" else int(fields[_STARTED_FIELD])  # a zombie has ended


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _pid_space() -> int:
    return Path("/proc/self/ns/pid").stat().st_ino
