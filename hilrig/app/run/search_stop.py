"""Whether the operator asked for the end of a search: Ctrl-C between two runs, or while one was being judged."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from hilrig.app.run.run import STOP_SIGNALS

N_SIGNALS_READ = 256


class StopWatch:
    """Reads which signals came; a run hands its own to the run's process, which may have finished by then."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._requested = False

    @property
    def requested(self) -> bool:
        """Return whether a signal asked for the end since the search began."""
        try:
            came = os.read(self._fd, N_SIGNALS_READ)
        except BlockingIOError:
            came = b""
        self._requested = self._requested or any(number in came for number in STOP_SIGNALS)
        return self._requested


@contextmanager
def stop_watch() -> Iterator[StopWatch]:
    """Give the watch; while it is on, a stop signal ends the search in order instead of killing it.

    The interpreter itself writes the number of every signal that it handles to a pipe, whoever handles it.
    """
    reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    heeded = [number for number in STOP_SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]  # nohup ignores
    before = {number: signal.signal(number, _leave_to_the_watch) for number in heeded}
    fd_before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    try:
        yield StopWatch(reader)
    finally:
        signal.set_wakeup_fd(fd_before)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(reader)
        os.close(writer)


def _leave_to_the_watch(number: int, frame: FrameType | None) -> None:
    """Do nothing: the pipe has the number."""
