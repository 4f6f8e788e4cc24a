"""The wall clock of this machine, set for a fault until whoever asked for it is done or gone.

A process of its own does it: it puts the clock back when it is told to and when its input ends, as that of a
killed supervisor does. Signals do not end it.
"""

import ctypes
import json
import os
import platform
import signal
import sys
import time
from collections.abc import Callable, Iterable
from typing import Final, TextIO

from hilrig.core.clock import ClockTriple, SystemClock

SETTIMEOFDAY_OF: Final = {"x86_64": 164, "aarch64": 170}  # asm/unistd_64.h, asm-generic/unistd.h
IGNORED: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
BACK: Final = "back"


class SteppedClock:
    """A wall clock that is set ahead or back, and then put where it would have been.

    Args:
        read: reads the clocks.
        set_realtime_ns: sets CLOCK_REALTIME.
    """

    def __init__(self, *, read: Callable[[], ClockTriple], set_realtime_ns: Callable[[int], None]) -> None:
        self._read, self._set = read, set_realtime_ns
        self._before: ClockTriple | None = None

    def step(self, step_ns: int) -> None:
        """Set the clock `step_ns` ahead, or back when that is below 0.

        Raises:
            OSError: this process may not; the clock is as it was.
        """
        before = self._read()
        self._set(before.realtime_ns + step_ns)
        self._before = before

    def put_back(self) -> int:
        """Set the clock to where it would be; return by how much it was off, in ns. Does nothing a second time.

        What passed meanwhile is told by CLOCK_BOOTTIME: it is monotonic, and goes on while the machine sleeps.
        """
        if self._before is None:
            return 0
        now = self._read()
        right_ns = self._before.realtime_ns + now.boottime_ns - self._before.boottime_ns
        self._set(right_ns)
        self._before = None
        return now.realtime_ns - right_ns


def why_no_step() -> str:
    """Return why this process may not set the clock; empty when it may. The clock is not touched.

    settimeofday(2) without a time and a zone changes nothing, and is refused to whom a time would be.
    """
    number = SETTIMEOFDAY_OF.get(platform.machine())
    if number is None:
        return f"hilrig does not know how to ask on {platform.machine()}"
    library = ctypes.CDLL(None, use_errno=True)
    if library.syscall(number, None, None):
        return f"{os.strerror(ctypes.get_errno())} (it needs CAP_SYS_TIME)"
    return ""


def serve(asked: Iterable[str], answers: TextIO, clock: SteppedClock) -> None:
    """Do what is asked, a line each: nanoseconds to step by, or `back`; put the clock back at the end.

    Answers each with a line of JSON: `offset_ns`, where the clock was, or `error`.
    """
    try:
        for line in asked:
            answers.write(json.dumps(_done(line.strip(), clock)) + "\n")
            answers.flush()
    finally:
        clock.put_back()


def _done(asked: str, clock: SteppedClock) -> dict[str, int | str]:
    try:
        if asked == BACK:
            return {"offset_ns": clock.put_back()}
        clock.step(int(asked))
    except OSError as error:
        return {"error": error.strerror or str(error)}
    return {"offset_ns": 0}


def _set_realtime_ns(realtime_ns: int) -> None:
    time.clock_settime_ns(time.CLOCK_REALTIME, realtime_ns)


def main() -> None:
    """Serve whoever started this process."""
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)
    serve(sys.stdin, sys.stdout, SteppedClock(read=SystemClock().triple, set_realtime_ns=_set_realtime_ns))


if __name__ == "__main__":
    main()
