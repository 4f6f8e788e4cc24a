"""The processes of companions: started, listened to with bounds, ended with everything that they started.

Each leads a session of its own, ends when the process that started it does (PR_SET_PDEATHSIG), and carries a mark
in its environment. The keeper adopts orphans, so a daemon that left its session is still found below it.
"""

import ctypes
import fcntl
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Any, Final

import psutil

MARK: Final = "HILRIG_COMPANION"
LOG_BYTES_MAX: Final = 1 << 20
"""Enough for a night of sound log lines; a companion that floods its output must not fill the disk."""

PIPE_BYTES: Final = 1 << 20
TERM_S: Final = 2.0
"""From SIGTERM to SIGKILL: for removing a temporary file, not for finishing work."""

KILL_S: Final = 3.0
"""After SIGKILL: what is still there then waits for a device, and no signal ends it."""

LOOK_S: Final = 0.03
PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h
PR_SET_CHILD_SUBREAPER: Final = 36
_LIBC: Final = ctypes.CDLL(None)  # loaded here: between fork and exec is no place for it


class Children:
    """The processes that this one started: told apart from orphans, which are adopted and only buried.

    Used by several threads.
    """

    def __init__(self) -> None:
        self._own: set[int] = set()
        self._lock = Lock()
        _LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    def start(self, argv: Sequence[str], **how: Any) -> "subprocess.Popen[bytes]":
        """Start a process as `subprocess.Popen` does.

        Raises:
            OSError: it cannot be started.
        """
        with self._lock:
            process = subprocess.Popen(argv, **how)
            self._own.add(process.pid)
            return process

    def forget(self, process: "subprocess.Popen[bytes]") -> None:
        """Take note that somebody waited for one."""
        with self._lock:
            self._own.discard(process.pid)

    def bury_orphans(self) -> None:
        """Wait for adopted processes that have ended: a companion that forks for hours would fill the table."""
        with self._lock, suppress(ChildProcessError):
            while (
                ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            ) and ended.si_pid not in self._own:
                os.waitpid(ended.si_pid, 0)


class CompanionProcess:
    """One started companion.

    Args:
        argv: its program's path and its arguments.
        folder: where it runs.
        log_path: where the first MiB of what it prints goes; the rest is thrown away.
        environment: what it sees.
        children: who starts it.

    Raises:
        OSError: it cannot be started.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        folder: Path,
        log_path: Path,
        environment: dict[str, str],
        children: Children,
    ) -> None:
        parent = os.getpid()
        self._children = children
        self._log = log_path.open("wb", buffering=0)
        self._n_logged = 0
        self._process = children.start(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
            cwd=folder,
            env=environment,
            start_new_session=True,
            preexec_fn=lambda: _end_with(parent),  # called before there is a second thread
        )
        assert self._process.stdout is not None  # noqa: S101 - it was started with a pipe
        self.output_fd = self._process.stdout.fileno()
        self.exit_fd = os.pidfd_open(self._process.pid)
        os.set_blocking(self.output_fd, False)
        with suppress(OSError):
            fcntl.fcntl(self.output_fd, fcntl.F_SETPIPE_SZ, PIPE_BYTES)

    def listen(self) -> bool:
        """Take what it printed into the log; return whether more may come."""
        try:
            data = os.read(self.output_fd, PIPE_BYTES)
        except BlockingIOError:
            return True
        room = LOG_BYTES_MAX - self._n_logged
        if data and room > 0:
            with suppress(OSError):  # a full disk: the run itself says so
                self._log.write(data[:room])
            self._n_logged += len(data)
        return bool(data)

    def exit_status(self) -> int | None:
        """Return how it ended, below 0 the signal; None while it runs."""
        status = self._process.poll()
        if status is not None:
            self._children.forget(self._process)
        return status

    def last_words(self) -> str:
        """Return the last line that it printed; empty for none."""
        self.listen()
        lines = Path(self._log.name).read_bytes().decode(errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "")[:200]

    def close(self) -> None:
        """Close its log and its pipe."""
        assert self._process.stdout is not None  # noqa: S101 - it was started with a pipe
        self._process.stdout.close()
        os.close(self.exit_fd)
        self._log.close()


def end_descendants() -> list[str]:
    """End every process below this one; return by name those that no signal ends."""
    return end_all(lambda: psutil.Process().children(recursive=True))


def end_marked(run_id: str) -> list[str]:
    """End the companions of a run whose keeper is gone; return by name those that no signal ends."""
    return end_all(lambda: [one for one in psutil.process_iter() if _is_marked(one, run_id)])


def end_all(find: Callable[[], list[psutil.Process]]) -> list[str]:
    """End every process that `find` finds, at first with SIGTERM; return by name those that no signal ends."""
    begin_s = time.monotonic()
    termed: set[psutil.Process] = set()
    while left := [one for one in find() if _is_alive(one)]:
        spent_s = time.monotonic() - begin_s
        if spent_s > TERM_S + KILL_S:
            return [f"{_name(one)} (pid {one.pid})" for one in left]
        for one in left:
            if spent_s > TERM_S:
                _send(one, signal.SIGKILL)
            elif one not in termed:
                _send(one, signal.SIGTERM)
                _send(one, signal.SIGCONT)  # one that is stopped does not hear it
        termed.update(left)
        time.sleep(LOOK_S)
    return []


def wait_readable(fds: Sequence[int], *, timeout_s: float) -> list[int]:
    """Return which descriptors have something to read, at the latest after `timeout_s`; an end is something."""
    poller = select.poll()
    for fd in fds:
        poller.register(fd, select.POLLIN)
    return [fd for fd, _ in poller.poll(timeout_s * 1000)]


def _send(process: psutil.Process, number: signal.Signals) -> None:
    with suppress(psutil.Error):  # psutil looks first whether it is still the same process
        process.send_signal(number)


def _is_alive(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD))
    except psutil.Error:
        return False


def _is_marked(process: psutil.Process, run_id: str) -> bool:
    try:
        return process.environ().get(MARK) == run_id
    except (psutil.Error, OSError):  # another user's, or gone
        return False


def _name(process: psutil.Process) -> str:
    try:
        return str(process.name())
    except psutil.Error:
        return "a process"


def _end_with(parent: int) -> None:
    """Have the kernel end this process when its parent does; between fork and exec."""
    _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it was gone before the line above
        os._exit(1)
