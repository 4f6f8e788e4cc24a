"""Waiting for a deadline: sleep until shortly before it, then watch the clock.

A sleeping process wakes 60 to 150 us late on an idle machine; the last stretch is therefore spent awake
(`reference/measurement.md` 3.2: median lateness 0.04 us at 0.3 % of a core and 30 fps).
"""

import ctypes
import os
import time
from typing import Final

SPIN_NS: Final = 200_000
"""How long before a deadline to stop sleeping: above the usual wake-up lateness, below 1 % of a 30 fps period."""

PR_SET_TIMERSLACK: Final = 29  # linux/prctl.h
FEEDER_PRIORITY: Final = 50  # below the kernel's own interrupt threads, above everything that is not real-time


def wait_until(deadline_ns: int) -> int:
    """Return CLOCK_MONOTONIC at or after `deadline_ns`; at once when it has passed."""
    now_ns = time.monotonic_ns()
    if deadline_ns - now_ns > SPIN_NS:
        time.sleep((deadline_ns - now_ns - SPIN_NS) / 1e9)
    while now_ns < deadline_ns:
        now_ns = time.monotonic_ns()
    return now_ns


def make_timers_exact() -> None:
    """Ask the kernel not to delay this process's timers by its default 50 us."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0)


def try_real_time() -> bool:
    """Return whether this process now has real-time priority; without permission it stays as it was."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(FEEDER_PRIORITY))
    except PermissionError:
        return False
    return True
