"""The external process behind the ring: started, waited for until it is ready, ended."""

import ctypes
import os
import select
import signal
import stat
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from hilrig.core.errors import PreconditionError
from hilrig.run.child import PR_SET_PDEATHSIG
from hilrig.run.ring_block import RingBlock
from hilrig.run.shared_block import SharedBlock
from hilrig.target.ring_target import RingOptions, find_program

END_GRACE_S: Final = 2.0
"""For the process to release its devices; the supervisor gives the relay five seconds."""
LAST_WORDS_BYTES: Final = 2000
LAST_WORDS_LINES: Final = 10
SIGNAL_NAMES: Final = {int(number): number.name for number in signal.Signals}  # most real-time signals have none
_LIBC: Final = ctypes.CDLL(None)  # loaded here: between fork and exec is no place for it


class RingProcess:
    """A started process.

    Attributes:
        pid: what telemetry looks at.
        exit_fd: becomes readable when it ends.
    """

    def __init__(self, process: subprocess.Popen[bytes], block: RingBlock, log: "_Log") -> None:
        self.pid = process.pid
        self.exit_fd = os.pidfd_open(process.pid)
        self._process = process
        self._block = block
        self._log = log

    def await_ready(self, timeout_s: float) -> None:
        """Return when the process says that it has loaded what it needs.

        Raises:
            PreconditionError: it did not within `timeout_s`, or it ended; the message has its last words.
        """
        poll = select.poll()
        poll.register(self._block.answer_fd, select.POLLIN)
        poll.register(self.exit_fd, select.POLLIN)
        deadline_s = time.monotonic() + timeout_s
        while not self._block.is_ready():
            events = dict(poll.poll(max(0.0, deadline_s - time.monotonic()) * 1000))
            if self.exit_fd in events:
                raise self._refusal(f"ended before it was ready: {self.death()}")
            if not events:
                raise self._refusal(f"was not ready within {timeout_s:g} s")

    def death(self) -> str:
        """Return in words how the process ended. Its pid stays taken until `end`, so that it names nobody else."""
        ended = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        if ended is None or ended.si_code == os.CLD_EXITED:
            return f"exit status {ended.si_status if ended else 'unknown'}"
        return f"killed by signal {SIGNAL_NAMES.get(ended.si_status, ended.si_status)}"

    def end(self) -> None:
        """Let the process end by itself, then end it with all that it started in its session."""
        self._block.end()
        poll = select.poll()
        poll.register(self.exit_fd, select.POLLIN)
        poll.poll(END_GRACE_S * 1000)
        with suppress(ProcessLookupError):  # nobody is left
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self.exit_fd)

    def _refusal(self, what: str) -> PreconditionError:
        command = " ".join(map(str, self._process.args))  # type: ignore[arg-type] # we gave a list
        return PreconditionError(
            f"the external process '{command}' {what}{self._log.last_words()}",
            hint="docs/ring.md: a process calls hilrig_ring_open, loads its model, then calls hilrig_ring_ready",
        )


@contextmanager
def ring_process(
    options: RingOptions, folder: Path, *, block: RingBlock, frames: SharedBlock
) -> Iterator[RingProcess]:
    """Start the external process and end it with the block.

    Args:
        options: the command and how long it may load.
        folder: the profile's; where the command runs.
        block: the ring.
        frames: the run's block, whose slots the process may read.

    Raises:
        PreconditionError: the command cannot be started.
    """
    program = find_program(options.command[0], folder)
    log = _Log()
    frames_fd = os.open(f"/proc/self/fd/{frames.fd}", os.O_RDONLY)
    named = {"RING": block.fd, "FRAMES": frames_fd, "REQUEST": block.request_fd, "ANSWER": block.answer_fd}
    told = {f"HILRIG_{name}_FD": str(fd) for name, fd in named.items()}
    told["HILRIG_FRAMES_OFFSET"] = str(frames.layout.slots_offset)
    try:
        process = subprocess.Popen(
            [program, *options.command[1:]],
            cwd=folder,
            env=os.environ | told,
            stdin=subprocess.DEVNULL,
            pass_fds=tuple(named.values()),
            start_new_session=True,  # Ctrl-C at the terminal is the supervisor's business; ends as one group
            preexec_fn=_end_with_relay,  # noqa: PLW1509 - the relay has one thread, and the call takes no lock
        )
    except OSError as error:
        raise PreconditionError(
            f"the program {program} cannot be started: {error.strerror}",
            hint="built for this machine? a script needs its interpreter in the first line",
        ) from error
    finally:
        os.close(frames_fd)
    started = RingProcess(process, block, log)
    try:
        yield started
    finally:
        started.end()


def _end_with_relay() -> None:
    _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


class _Log:
    """The file that our stdout goes to, as far as a process writes to it after now."""

    def __init__(self) -> None:
        self._path = Path("/proc/self/fd/1")
        self._start = self._path.stat().st_size if self._is_file() else 0

    def last_words(self) -> str:
        """Return the last lines for a message; empty when nothing was printed, or not to a file."""
        if not self._is_file():
            return ""
        with self._path.open("rb") as log:
            log.seek(max(self._start, log.seek(0, os.SEEK_END) - LAST_WORDS_BYTES))
            lines = log.read().decode(errors="replace").strip().splitlines()
        return (
            "".join(f"\n    {line}" for line in ["; it printed last:", *lines[-LAST_WORDS_LINES:]])
            if lines
            else ""
        )

    def _is_file(self) -> bool:
        return stat.S_ISREG(os.fstat(1).st_mode)
