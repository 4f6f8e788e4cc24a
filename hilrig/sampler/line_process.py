"""A child process that prints lines, of which the newest is taken without ever waiting for it."""

import ctypes
import os
import select
import signal
import subprocess
from dataclasses import dataclass
from typing import Final, NamedTuple

from hilrig.core.clock import Clock
from hilrig.core.telemetry import Reason
from hilrig.core.units import NS_PER_MS

INTERVAL_MS: Final = 1000
"""How often a line is asked for: the shortest interval at which neither tool is known to misbehave."""

STALE_AFTER_NS: Final = 5 * INTERVAL_MS * NS_PER_MS // 2
"""Two and a half intervals: one line may be late, two missing ones are a standstill."""

LINE_BYTES_MAX: Final = 16 << 10
"""A line of tegrastats has about 700 bytes, one of jtop some thousands."""

_MS_PER_S: Final = 1000
_CHUNK_BYTES: Final = 1 << 16
_CHUNKS_MAX: Final = 4
"""More than a pipe holds: what is left after that comes from a process that never stops printing."""

_END_GRACE_S: Final = 1.0
_NICENESS: Final = 10
"""The target goes first: what the samplers' process asks for itself, and only after it has started us."""

_PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h
_LIBC: Final = ctypes.CDLL(None)  # loaded here: between fork and exec is no place for it


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What is started: its path and arguments, what messages call it, what a person may do when it fails."""

    command: tuple[str, ...]
    title: str
    advice: str


class Fault(NamedTuple):
    """Why there is nothing to read, for all channels of a source at once."""

    reason: Reason
    detail: str


class LineProcess:
    """A command whose standard output is read line by line. Nothing raises: what goes wrong is a `fault`.

    When a line was written is not known, only between which two looks. Its age counts from the earlier one, so
    that an old line never passes for a new one, however late we look.

    Args:
        program: what to start.
        clock: CLOCK_MONOTONIC, or one that a test moves.
    """

    def __init__(self, program: Program, *, clock: Clock) -> None:
        self._program = program
        self._clock = clock
        self._process: subprocess.Popen[bytes] | None = None
        self._fd = -1
        self._unstarted = self._fault(Reason.LOST, "is not running")
        self._pending = b""
        self._looked_ns = 0
        self._written_ns: int | None = None
        self._is_after_gap = False
        self._is_at_end = False

    def start(self) -> None:
        """Start the command; it ends with this process."""
        parent = os.getpid()
        try:
            process = subprocess.Popen(
                self._program.command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                cwd="/",  # `python -m` looks into the current folder first: nobody's files are there
                start_new_session=True,  # Ctrl-C at the terminal is ours to handle; it ends as one group
                preexec_fn=lambda: _stand_back(parent),  # noqa: PLW1509 - the calls in it take no lock
            )
        except OSError as error:
            self._unstarted = self._fault(_start_reason(error), f"cannot be started ({error.strerror})")
            return
        assert process.stdout is not None  # noqa: S101 - a pipe was asked for
        self._process, self._fd = process, process.stdout.fileno()
        os.set_blocking(self._fd, False)
        self._looked_ns = self._clock.monotonic_ns()

    def wait(self, timeout_s: float) -> None:
        """Return when there is something to take or the process ended; at the latest after `timeout_s`."""
        if self._process is not None:
            poller = select.poll()
            poller.register(self._fd, select.POLLIN)
            poller.poll(timeout_s * _MS_PER_S)

    def take(self) -> bytes | None:
        """Return the newest complete line since the last call, None when none came.

        A line longer than LINE_BYTES_MAX is returned as an empty one.
        """
        if self._process is None:
            return None
        before_ns, self._looked_ns = self._looked_ns, self._clock.monotonic_ns()
        line = self._newest_line(self._drain())
        if line is not None:
            self._written_ns = before_ns
        if self._looked_ns - before_ns > STALE_AFTER_NS:
            self._is_after_gap = True
        return line

    def fault(self) -> Fault | None:
        """Return why the newest line no longer counts, None while it does."""
        if self._process is None:
            return self._unstarted
        if self._process.poll() is not None:
            return self._fault(Reason.LOST, f"ended ({_death(self._process.returncode)})")
        if self._is_at_end:
            return self._fault(Reason.LOST, "closed its output")
        if self._written_ns is None:
            return self._fault(Reason.STALE, "has printed no line yet")
        if self._clock.monotonic_ns() - self._written_ns > STALE_AFTER_NS:
            return self._fault(Reason.STALE, f"printed no line for {STALE_AFTER_NS // NS_PER_MS} ms")
        return None

    def close(self) -> None:
        """End the process, wait for its end, close the pipe; from here on it is LOST."""
        process, self._process = self._process, None
        self._unstarted = self._fault(Reason.LOST, "is closed")
        if process is None:
            return
        if process.poll() is None:
            _end_group(process)
        assert process.stdout is not None  # noqa: S101 - a pipe was asked for
        process.stdout.close()

    def _fault(self, reason: Reason, what: str) -> Fault:
        return Fault(reason, f"{self._program.title} {what}: {self._program.advice}")

    def _drain(self) -> bytes:
        data = b""
        try:
            for _ in range(_CHUNKS_MAX):
                chunk = os.read(self._fd, _CHUNK_BYTES)
                data += chunk
                self._is_at_end = not chunk
                if len(chunk) < _CHUNK_BYTES:
                    break
        except BlockingIOError:
            pass  # nothing more just now
        return data

    def _newest_line(self, data: bytes) -> bytes | None:
        whole, newline, rest = (self._pending + data).rpartition(b"\n")
        self._pending = rest[: LINE_BYTES_MAX + 1]
        if not newline:
            return None
        _, is_second, line = whole.rpartition(b"\n")
        was_after_gap, self._is_after_gap = self._is_after_gap, False
        if was_after_gap and not is_second:
            return None  # it may have waited for room in the pipe all through the gap
        return line if len(line) <= LINE_BYTES_MAX else b""


def _stand_back(parent: int) -> None:
    os.nice(_NICENESS)
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it was gone before the line above
        os._exit(1)


def _end_group(process: subprocess.Popen[bytes]) -> None:
    os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(_END_GRACE_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _start_reason(error: OSError) -> Reason:
    if isinstance(error, PermissionError):
        return Reason.NO_PERMISSION
    return Reason.ABSENT if isinstance(error, FileNotFoundError) else Reason.ERROR


def _death(code: int) -> str:
    return f"killed by signal {-code}" if code < 0 else f"exit status {code}"
