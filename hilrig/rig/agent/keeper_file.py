"""keeper.json: which process keeps a run, told in a way that no other process can take its place.

A pid alone is used again after a while; with its start time and the boot it is not.
"""

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hilrig.core.errors import RecordError
from hilrig.rig.agent.disk import read_json, write_json
from hilrig.rig.agent.layout import RunFolder


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One process of one boot.

    Args:
        pid: as the rig counts them.
        start_ticks: field 22 of /proc/PID/stat (proc(5)): clock ticks since boot.
        boot_id: of the boot that it runs in.
    """

    pid: int
    start_ticks: int
    boot_id: str

    @property
    def lives(self) -> bool:
        """Return whether it is still there; a zombie is not."""
        return self.boot_id == boot_id() and _start_ticks(self.pid) == self.start_ticks


def this_process() -> Process:
    """Return the process that asks."""
    found = process_of(os.getpid())
    if found is None:
        raise RecordError("/proc/self/stat cannot be read: is /proc mounted?")
    return found


def process_of(pid: int) -> Process | None:
    """Return the process that has this pid now; None when there is none."""
    ticks = _start_ticks(pid)
    return None if ticks is None else Process(pid=pid, start_ticks=ticks, boot_id=boot_id())


def boot_id() -> str:
    """Return what changes with every boot."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def write_keeper(run: RunFolder, process: Process) -> None:
    """Name the keeper of `run`.

    Raises:
        PreconditionError: the disk is full or read-only.
    """
    write_json(run.keeper, asdict(process))


def read_keeper(run: RunFolder) -> Process | None:
    """Return the keeper of `run`, alive or not; None when it has none, or the file is damaged."""
    try:
        found = read_json(run.keeper)
    except RecordError:
        return None
    return None if found is None else _process(found)


def keeper_lives(run: RunFolder) -> bool:
    """Return whether the keeper of `run` is still there."""
    keeper = read_keeper(run)
    return keeper is not None and keeper.lives


def _process(found: Mapping[str, Any]) -> Process | None:
    pid, ticks, boot = found.get("pid"), found.get("start_ticks"), found.get("boot_id")
    if not isinstance(pid, int) or not isinstance(ticks, int) or not isinstance(boot, str):
        return None
    return Process(pid=pid, start_ticks=ticks, boot_id=boot)


def _start_ticks(pid: int) -> int | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    state, *fields = text.rpartition(")")[2].split()  # the name before it may hold spaces and brackets
    return None if state in {"Z", "X"} else int(fields[18])
