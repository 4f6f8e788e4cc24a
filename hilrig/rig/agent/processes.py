"""Every process of a run, found in /proc to be ended.

A process belongs to a run when it carries the run's mark in its environment, is in the session of the keeper, or
descends from such a one or from the keeper. The keeper adopts orphans, so a daemon that left its session and
emptied its environment is still found while the keeper lives; afterwards only by its mark.
"""

import ctypes
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hilrig.rig.agent.layout import RunFolder

MARK: Final = "HILRIG_RUN"
TERM_S: Final = 2.0
"""From SIGTERM to SIGKILL: for removing a temporary file, not for finishing work."""

KILL_S: Final = 3.0
"""After SIGKILL: what is still there then waits for a device, and no signal ends it."""

LOOK_S: Final = 0.03
PR_SET_CHILD_SUBREAPER: Final = 36  # linux/prctl.h
PROC: Final = Path("/proc")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A process that was seen alive; with its start time no other can be taken for it."""

    pid: int
    parent: int
    session: int
    start_ticks: int
    name: str


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends (prctl(2))."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def processes_of(run: RunFolder, *, keeper: int | None) -> list[Found]:
    """Return the living processes of a run, its keeper not among them.

    Args:
        run: whose folder their mark names: two work folders of one machine may hold runs of one name.
        keeper: the process id of the living keeper; None when it is gone.
    """
    alive = {found.pid: found for found in _alive()}
    mark = f"{MARK}={run.path}".encode()
    ours = {pid for pid, found in alive.items() if found.session == keeper or _is_marked(pid, mark)}
    ours |= {keeper} if keeper is not None else set()
    while grown := {pid for pid, found in alive.items() if found.parent in ours} - ours:
        ours |= grown
    return [alive[pid] for pid in sorted(ours - {keeper, os.getpid()}) if pid in alive]


def end_all(find: Callable[[], list[Found]]) -> list[Found]:
    """End every process that `find` finds, at first with SIGTERM; return those that no signal ends."""
    termed: set[tuple[int, int]] = set()
    kill_at_s = time.monotonic() + TERM_S
    while (left := find()) and time.monotonic() < kill_at_s:
        for found in left:
            if (found.pid, found.start_ticks) not in termed:
                send(found.pid, found.start_ticks, signal.SIGTERM)
                send(found.pid, found.start_ticks, signal.SIGCONT)  # one that is stopped does not hear it
                termed.add((found.pid, found.start_ticks))
        time.sleep(LOOK_S)
    give_up_s = time.monotonic() + KILL_S
    while (left := find()) and time.monotonic() < give_up_s:
        for found in left:
            send(found.pid, found.start_ticks, signal.SIGKILL)
        time.sleep(LOOK_S)
    return left


def send(pid: int, start_ticks: int, number: signal.Signals) -> None:
    """Send a signal to this process and to no other that has its number by now."""
    with suppress(OSError):
        fd = os.pidfd_open(pid)
        try:
            now = _found(pid)
            if now is not None and now.start_ticks == start_ticks:
                signal.pidfd_send_signal(fd, number)
        finally:
            os.close(fd)


def marked(environment: Mapping[str, str], run: RunFolder) -> dict[str, str]:
    """Return an environment that marks what gets it as a process of the run."""
    return {**environment, MARK: str(run.path)}


def names(processes: list[Found]) -> list[str]:
    """Return processes as they are told to people."""
    return [f"{found.name} (pid {found.pid})" for found in processes]


def _alive() -> Iterator[Found]:
    for entry in os.listdir(PROC):  # noqa: PTH208 - names alone: this is looked at while processes are being ended
        if entry.isdigit():
            found = _found(int(entry))
            if found is not None:
                yield found


def _found(pid: int) -> Found | None:
    """Return the process as /proc/PID/stat (proc(5)) tells of it; None when it has ended."""
    try:
        text = (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    before, _, after = text.rpartition(")")  # the name may hold spaces and brackets
    state, parent, _group, session, *rest = after.split()
    if state in {"Z", "X"}:
        return None
    return Found(
        pid=pid,
        parent=int(parent),
        session=int(session),
        start_ticks=int(rest[15]),
        name=before.partition("(")[2],
    )


def _is_marked(pid: int, mark: bytes) -> bool:
    try:
        return mark in (PROC / str(pid) / "environ").read_bytes().split(b"\0")
    except OSError:  # another user's, or gone
        return False
