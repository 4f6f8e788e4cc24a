"""A real pseudo-terminal with a command on it, for tests of what people see and of terminals that go away."""

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass
class Terminal:
    """A command in a session of its own whose terminal this process holds the other end of."""

    pid: int
    fd: int
    shown: str = ""

    def read_until(self, text: str, *, limit_s: float = 60) -> str:
        """Return all that was shown, without escape sequences, once `text` is in it."""
        end_s = time.monotonic() + limit_s
        while text not in self.plain:
            assert time.monotonic() < end_s, f"no {text!r} in:\n{self.plain}"
            if not self._read(1.0):
                assert text in self.plain, f"it ended without {text!r}:\n{self.plain}"
        return self.plain

    @property
    def plain(self) -> str:
        """Return all that was shown, without escape sequences."""
        return ESCAPE.sub("", self.shown)

    def type(self, text: str) -> None:
        """Type something; the character 3 is Ctrl-C."""
        os.write(self.fd, text.encode())

    def wait(self, *, limit_s: float = 60) -> int:
        """Read to the end; return the exit code, negative for a signal."""
        end_s = time.monotonic() + limit_s
        while self._read(1.0):
            assert time.monotonic() < end_s, f"it goes on:\n{self.plain}"
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def hang_up(self) -> int:
        """Close the terminal, as a closed window or a dropped ssh link does; return how the command ended."""
        os.close(self.fd)
        self.fd = -1
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def close(self) -> None:
        """End what is left."""
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        if self.fd >= 0:
            os.close(self.fd)

    def _read(self, wait_s: float) -> bool:
        """Take in what was shown; return whether more can come."""
        if not select.select([self.fd], [], [], wait_s)[0]:
            return True
        try:
            data = os.read(self.fd, 1 << 16)
        except OSError:
            return False  # the other end is closed
        self.shown += data.decode(errors="replace")
        return bool(data)


@contextlib.contextmanager
def terminal(
    command: Sequence[str], *, folder: Path, environment: Mapping[str, str], columns: int = 100
) -> Iterator[Terminal]:
    """Run a command on a terminal of 40 lines."""
    pid, fd = pty.fork()
    if not pid:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))  # before anybody asks for it
        os.chdir(folder)
        os.execvpe(command[0], command, dict(environment))
    started = Terminal(pid, fd)
    try:
        yield started
    finally:
        started.close()
