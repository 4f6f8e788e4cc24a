"""What a process of a run asks of the system: priority, CPUs, resident memory, exact timers.

All of it belongs to the process and ends with it: nothing is left behind on the machine. What was refused is told,
because it explains the numbers, and never ends a run.
"""

import ctypes
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

PRIORITY: Final = 50  # below the kernel's own interrupt threads, above everything that is not real-time
PR_SET_TIMERSLACK: Final = 29  # linux/prctl.h
TIMER_SLACK_NS: Final = 1  # the default of 50 us would delay every wake-up by up to that
MCL_CURRENT: Final = 1  # sys/mman.h; not MCL_FUTURE: a later allocation over RLIMIT_MEMLOCK would then fail


@dataclass(slots=True, kw_only=True)
class Tuned:
    """What this process asked for and got, as `hilrig.core.verdict.ProcessSetup` tells it."""

    real_time_priority: int | None = None
    is_memory_locked: bool | None = None
    cpus: tuple[int, ...] | None = None
    timer_slack_ns: int | None = None
    spin_us: float | None = None
    refused: list[str] = field(default_factory=list)

    def ask_exact_timers(self) -> None:
        """Ask the kernel not to gather this process's timers."""
        if self._ask("timer slack", lambda: _libc("prctl", PR_SET_TIMERSLACK, TIMER_SLACK_NS, 0, 0, 0)):
            self.timer_slack_ns = TIMER_SLACK_NS

    def ask_real_time(self) -> None:
        """Ask for SCHED_FIFO."""
        scheduler = os.sched_param(PRIORITY)
        if self._ask("real-time priority", lambda: os.sched_setscheduler(0, os.SCHED_FIFO, scheduler)):
            self.real_time_priority = PRIORITY

    def ask_memory_lock(self) -> None:
        """Ask for all memory that is mapped now to stay resident."""
        self.is_memory_locked = self._ask("locked memory", lambda: _libc("mlockall", MCL_CURRENT))

    def ask_cpus(self, cpus: Sequence[int]) -> None:
        """Ask to run on these CPUs only; none: anywhere."""
        if cpus and self._ask(f"CPUs {', '.join(map(str, cpus))}", lambda: os.sched_setaffinity(0, cpus)):
            self.cpus = tuple(cpus)

    def told(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {name: getattr(self, name) for name in self.__slots__}

    def _ask(self, what: str, ask: Callable[[], Any]) -> bool:
        try:
            ask()
        except OSError as error:
            self.refused.append(f"{what}: {error.strerror}")
            return False
        return True


def _libc(name: str, *arguments: int) -> None:
    """Call a function of the C library.

    Raises:
        OSError: it returned an error.
    """
    library = ctypes.CDLL(None, use_errno=True)
    if getattr(library, name)(*arguments):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
