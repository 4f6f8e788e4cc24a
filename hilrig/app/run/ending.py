"""What ends a run from outside: a signal, a request in the run directory, the end of the process that called."""

import ctypes
import os
import signal
from pathlib import Path
from types import FrameType
from typing import Final

from hilrig.core.run import Ended
from hilrig.record.stop_request import read_stop_request

PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h


class Stop:
    """Whether somebody asked for the end of the run: by a signal, or in the run directory; read at every poll."""

    def __init__(self) -> None:
        self._words = ""
        self._ended = Ended.ABORTED
        self._run_dir: Path | None = None
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._request)

    def watch(self, run_dir: Path) -> None:
        """Look for requests in this run directory from now on."""
        self._run_dir = run_dir

    def __call__(self) -> bool:
        """Return whether the run is to end."""
        if not self._words and self._run_dir is not None:
            request = read_stop_request(self._run_dir)
            if request is not None:
                self._words, self._ended = request.words, request.ended
        return bool(self._words)

    def told(self) -> tuple[Ended, str]:
        """Return what the end is to be called, and who asked for it and why."""
        return self._ended, self._words

    def request(self) -> None:
        """Ask for the end as a signal would."""
        self._words = self._words or "stopped by the operator"

    def _request(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - a signal handler's form
        self.request()


def end_with(caller_pid: int, stop: Stop) -> None:
    """Have the run end in order when its caller is gone."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != caller_pid:  # it was gone before the line above
        stop.request()
