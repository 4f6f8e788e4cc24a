"""Programs that print lines, well or badly, in place of a board's own tools; and a clock that can be pushed on."""

import time
from pathlib import Path

from hilrig.core.clock import SystemClock

WAIT_S = 60.0  # more than this loaded machine ever needs; nothing waits for it that works


class PushedClock(SystemClock):
    """The machine's monotonic clock, plus what a test says has passed."""

    def __init__(self):
        self.pushed_ns = 0

    def monotonic_ns(self):
        """Return the time with what was added."""
        return super().monotonic_ns() + self.pushed_ns

    def push(self, seconds):
        """Let time pass."""
        self.pushed_ns += round(seconds * 1e9)


def write_program(path: Path, body: str) -> Path:
    """Write a shell script."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def printing(*texts: str, then: str = "exec sleep 600") -> str:
    """Return a script's body that prints the texts, a line each, and then goes on with `then`."""
    said = "\n".join(f"printf '%s\\n' '{text}'" for text in texts)
    return f"{said}\n{then}"


def until(condition, *, timeout_s=WAIT_S):
    """Return the first truthy value of `condition()`, looked at every few milliseconds."""
    deadline_s = time.monotonic() + timeout_s
    while time.monotonic() < deadline_s:
        if found := condition():
            return found
        time.sleep(0.005)
    raise AssertionError("it did not happen in time")


def is_gone(pid: int) -> bool:
    """Return whether a process is no more, not even as a zombie."""
    return not Path(f"/proc/{pid}").exists()


earlier: frozenset[int] = frozenset()
"""Processes that were there before the test, such as the browser of all tests: set before each by conftest."""


def children() -> list[int]:
    """Return the processes that this one started since the test began and has not waited for, zombies included."""
    return sorted(all_children() - earlier)


def all_children() -> frozenset[int]:
    """Return every process that this one started and has not waited for."""
    return frozenset(pid for task in Path("/proc/self/task").iterdir() for pid in _children_of(task))


def _children_of(task: Path) -> list[int]:
    """Return what one thread started: none where the thread has ended since it was listed."""
    try:
        return [int(pid) for pid in (task / "children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []
