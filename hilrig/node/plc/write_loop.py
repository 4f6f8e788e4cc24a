"""The write loop: one write at each tick of an absolute time grid, for as long as the service lives."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from hilrig.core.clock import Clock
from hilrig.core.plc import FailSafeReason, PlcDecision, PlcWrite
from hilrig.core.units import NS_PER_MS, NS_PER_S, NS_PER_US
from hilrig.node.plc.link import PlcLink, PlcLinkError
from hilrig.node.plc.outputs import Outputs
from hilrig.node.plc.url import PlcUrl

RETRY_LEAST_NS: Final = 50 * NS_PER_MS
RETRY_MOST_NS: Final = NS_PER_S
"""A PLC that comes back is written to again within a second; one that stays away costs one try a second."""

LATENESS_BINS_US: Final = 10_001
"""Lateness of ticks is counted in whole microseconds up to 10 ms; all beyond share the last bin."""

Log = Callable[..., None]


def _no_fail_safe() -> dict[FailSafeReason, int]:
    return {reason: 0 for reason in FailSafeReason if reason is not FailSafeReason.NONE}


@dataclass(slots=True)
class Counts:
    """What a write loop has done.

    `late_us[i]`: ticks that began i microseconds after they were due. `n_fail_safe`: those of the writes that were
    the fail-safe output, by their reason.
    """

    n_written: int = 0
    n_failed: int = 0
    n_ticks_missed: int = 0
    n_fail_safe: dict[FailSafeReason, int] = field(default_factory=_no_fail_safe)
    late_us: list[int] = field(default_factory=lambda: [0] * LATENESS_BINS_US)

    def note_written(self, write: PlcWrite) -> None:
        """Count a write that the PLC took."""
        self.n_written += 1
        if write.decision is PlcDecision.FAIL_SAFE:
            self.n_fail_safe[write.reason] += 1

    def note_tick(self, late_ns: int) -> None:
        """Count a tick by how late it began."""
        self.late_us[min(late_ns // NS_PER_US, LATENESS_BINS_US - 1)] += 1

    def lateness_us(self, permille: int) -> int | None:
        """Return a nearest-rank percentile of the ticks' lateness in microseconds; None without a tick."""
        total = sum(self.late_us)
        rank, seen = -(-total * permille // 1000), 0
        for late_us, count in enumerate(self.late_us):
            seen += count
            if total and seen >= rank:
                return late_us
        return None


class WriteLoop:
    """Writes to one PLC.

    A tick that is missed, because a write took longer than a period, is left out: the grid never moves. While the
    PLC does not answer, nothing is written, so that its heartbeat stands still, which is what it watches.

    Args:
        link: the line; this loop opens it, and opens it anew.
        url: period and age.
        clock: of the grid.
        log: told of what changes, with an error code.
    """

    def __init__(self, link: PlcLink, url: PlcUrl, *, clock: Clock, log: Log) -> None:
        self.outputs = Outputs(depth=url.depth, max_age_ns=url.max_age_ms * NS_PER_MS)
        self.counts = Counts()
        self.is_connected = False
        self._link, self._clock, self._log = link, clock, log
        self._period_ns = url.period_ms * NS_PER_MS
        self._t0_ns = clock.monotonic_ns()
        self._tick = 0
        self._retry_ns, self._retry_after_ns = 0, RETRY_LEAST_NS
        self._told: PlcDecision | None = None
        self._is_answering: bool | None = None

    def wait(self) -> None:
        """Sleep until the next tick is due."""
        self._clock.sleep_until(self._t0_ns + self._tick * self._period_ns)

    def tick(self) -> None:
        """Write what is due now; never raises for a PLC that does not answer."""
        now_ns = self._clock.monotonic_ns()
        self.counts.note_tick(now_ns - (self._t0_ns + self._tick * self._period_ns))
        if self.is_connected or self._connect(now_ns):
            self._write(self._clock.monotonic_ns())
        passed = (self._clock.monotonic_ns() - self._t0_ns) // self._period_ns
        following = max(self._tick, passed) + 1
        self.counts.n_ticks_missed += following - self._tick - 1
        self._tick = following

    def close(self) -> None:
        """Close the line."""
        self._link.close()

    def _connect(self, now_ns: int) -> bool:
        if now_ns < self._retry_ns:
            return False
        try:
            self._link.connect()
        except PlcLinkError as error:
            self._lose(str(error))
            return False
        self.is_connected = True
        return True

    def _write(self, now_ns: int) -> None:
        write = self.outputs.due(now_ns)
        try:
            self._link.write(write)
        except PlcLinkError as error:
            self.outputs.tried()
            self.counts.n_failed += 1
            self._lose(str(error))
            return
        self.outputs.written(now_ns)
        self.counts.note_written(write)
        self._find()
        self._tell(write)

    def _find(self) -> None:
        """Take note that it answers; only an answer proves that, not an open connection."""
        if not self._is_answering:
            self._log("plc.connected")
        self._is_answering, self._retry_after_ns = True, RETRY_LEAST_NS

    def _lose(self, why: str) -> None:
        self._link.close()
        self.is_connected = False
        self._retry_ns = self._clock.monotonic_ns() + self._retry_after_ns
        self._retry_after_ns = min(2 * self._retry_after_ns, RETRY_MOST_NS)
        if self._is_answering is not False:
            self._log("plc.lost", error_code="HR-401", detail=why)
        self._is_answering = False

    def _tell(self, write: PlcWrite) -> None:
        """Log where the output goes to fail-safe and where it comes back, not every write."""
        is_change = (write.decision is PlcDecision.FAIL_SAFE) is not (self._told is PlcDecision.FAIL_SAFE)
        self._told = write.decision
        if not is_change:
            return
        if write.decision is PlcDecision.FAIL_SAFE:
            reason = write.reason.name.lower()
            self._log("plc.fail_safe", error_code="HR-402", sequence=write.sequence, detail=reason)
        else:
            self._log("plc.decisions_again", sequence=write.sequence)
