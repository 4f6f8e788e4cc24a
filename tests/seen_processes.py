"""Processes as /proc shows them, looked at without the code under test."""

import os
import time
from pathlib import Path

PROC = Path("/proc")


def children(pid):
    """Return every living descendant of a process."""
    found = []
    for child in map(int, filter(str.isdigit, (path.name for path in PROC.iterdir()))):
        if is_alive(child) and int(fields(child)[1]) == pid:
            found += [child, *children(child)]
    return found


def is_alive(pid):
    """Return whether a process is there; a zombie is not."""
    return fields(pid)[0] not in {"Z", "X"}


def is_running(argument):
    """Return whether any process has this argument."""
    return any(argument.encode() in read(path / "cmdline").split(b"\0") for path in PROC.iterdir())


def is_ever_below(pid, limit_pct, *, n_tries=8):
    """Return whether a process uses less than a share of one core in one of a few spans of two seconds.

    What else runs on the machine only adds to the CPU time that is counted, so the quietest span is its own cost.
    """
    return any(cpu_pct(pid) < limit_pct for _ in range(n_tries))


def cpu_pct(pid):
    """Return how busy a process is for the next two seconds, in percent of one core."""
    before, began_s = cpu_ticks(pid), time.monotonic()
    time.sleep(2)
    return 100 * (cpu_ticks(pid) - before) / os.sysconf("SC_CLK_TCK") / (time.monotonic() - began_s)


def cpu_ticks(pid):
    """Return the CPU time that a process has used, in clock ticks."""
    return int(fields(pid)[11]) + int(fields(pid)[12])


def status_of(pid, name):
    """Return a number of /proc/PID/status."""
    lines = (PROC / str(pid) / "status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1])


def fields(pid):
    """Return the fields of /proc/PID/stat behind the name; of a process that is gone, those of a dead one."""
    return read(PROC / str(pid) / "stat").decode(errors="replace").rpartition(")")[2].split() or ["X", "0"]


def read(path):
    """Return what is in a file, nothing when it is gone by now."""
    try:
        return path.read_bytes()
    except OSError:
        return b""
