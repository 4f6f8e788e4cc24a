"""The clocks that a run reads.

One of them is moved by hand, for tests.
"""

import time
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockTriple:
    """One reading of three clocks, in nanoseconds, as close together as possible.

    Against `monotonic_ns`, a jump of `realtime_ns` shows a step of the wall clock, a jump of `boottime_ns` shows
    that the machine was suspended.
    """

    monotonic_ns: int
    realtime_ns: int
    boottime_ns: int


class Clock(Protocol):
    """What hilrig asks of time."""

    def monotonic_ns(self) -> int:
        """Return CLOCK_MONOTONIC: the same epoch in every process of the machine."""

    def sleep_until(self, deadline_ns: int) -> None:
        """Return at or shortly after `deadline_ns` on CLOCK_MONOTONIC; at once if it has passed."""

    def triple(self) -> ClockTriple:
        """Return one reading of the three clocks."""


class SystemClock:
    """The machine's own clocks."""

    def monotonic_ns(self) -> int:
        """Return CLOCK_MONOTONIC."""
        return time.monotonic_ns()

    def sleep_until(self, deadline_ns: int) -> None:
        """Sleep to an absolute deadline."""
        wait_ns = deadline_ns - time.monotonic_ns()
        if wait_ns > 0:
            time.sleep(wait_ns / 1e9)

    def triple(self) -> ClockTriple:
        """Return one reading of the three clocks."""
        return ClockTriple(
            monotonic_ns=time.monotonic_ns(),
            realtime_ns=time.time_ns(),
            boottime_ns=time.clock_gettime_ns(time.CLOCK_BOOTTIME),
        )


class ManualClock:
    """A clock that moves only when told to, or when somebody sleeps on it: for tests without waiting."""

    def __init__(self, start_ns: int = 0) -> None:
        self.now_ns = start_ns
        self.realtime_offset_ns = 1_700_000_000 * 1_000_000_000
        self.boottime_offset_ns = 0

    def monotonic_ns(self) -> int:
        """Return the time set by hand."""
        return self.now_ns

    def sleep_until(self, deadline_ns: int) -> None:
        """Move the time to the deadline."""
        self.now_ns = max(self.now_ns, deadline_ns)

    def triple(self) -> ClockTriple:
        """Return the three clocks with their offsets."""
        return ClockTriple(
            monotonic_ns=self.now_ns,
            realtime_ns=self.now_ns + self.realtime_offset_ns,
            boottime_ns=self.now_ns + self.boottime_offset_ns,
        )
