"""What to write to the PLC at a tick.

Each decision is written once and in order; fail-safe where one is missing, late or lost.
"""

from collections import deque

from hilrig.core.plc import FailSafeReason, PlcDecision, PlcWrite
from hilrig.core.units import NS_PER_MS
from hilrig.node.plc.decision import Decision


class Outputs:
    """The decisions that wait, the one that stands, the heartbeat. No clock, no line: times are given.

    Each tick shows one decision, the oldest that waits; a PLC that reads once a period misses none. Where more
    come than can be shown, the newest `depth` stay and the fail-safe output stands in for those that were lost.

    Args:
        depth: decisions that may wait.
        max_age_ns: an older decision is not written as good, and does not stand as good.

    Attributes:
        n_lost: decisions that were pushed out of the queue.
        n_late: decisions that were too old when their turn came.
    """

    def __init__(self, *, depth: int, max_age_ns: int) -> None:
        self._depth, self._max_age_ns = depth, max_age_ns
        self._waiting: deque[Decision] = deque()
        self._lost: Decision | None = None
        self._shown: Decision | None = None
        self._heartbeat = 0
        self.n_lost = self.n_late = 0

    def take(self, decision: Decision) -> None:
        """Put a decision behind those that wait."""
        self._waiting.append(decision)
        if len(self._waiting) > self._depth:
            self._lost = self._waiting.popleft().fail_safe(FailSafeReason.QUEUE_FULL)
            self.n_lost += 1

    def end(self, decision: Decision) -> None:
        """Have `decision` written next, whatever waits: there will be no other."""
        self._waiting = deque([decision])
        self._lost = None

    def due(self, now_ns: int) -> PlcWrite:
        """Return what to write now; it stays due until `written` is called."""
        decision = self._next(now_ns)
        if decision is None:
            return PlcWrite(self._heartbeat, PlcDecision.NONE, 0, 0, FailSafeReason.NONE)
        age_ms = max(0, now_ns - decision.decided_ns) // NS_PER_MS
        return PlcWrite(self._heartbeat, decision.decision, decision.sequence, age_ms, decision.reason)

    def written(self, now_ns: int) -> None:
        """Go on to the next decision: the PLC has what `due(now_ns)` gave."""
        shown = self._next(now_ns)
        if self._lost is not None:
            self._lost = None
        elif self._waiting:
            self._waiting.popleft()
            self.n_late += shown is not None and shown.reason is FailSafeReason.LATE
        self._shown = shown
        self.tried()

    def tried(self) -> None:
        """Count a write, also one of which nobody knows whether it arrived."""
        self._heartbeat = (self._heartbeat + 1) % (1 << 16)

    def _next(self, now_ns: int) -> Decision | None:
        if self._lost is not None:
            return self._lost
        if self._waiting:
            return self._fresh(self._waiting[0], now_ns, FailSafeReason.LATE)
        return None if self._shown is None else self._fresh(self._shown, now_ns, FailSafeReason.ABSENT)

    def _fresh(self, decision: Decision, now_ns: int, reason: FailSafeReason) -> Decision:
        """Return the decision, as the fail-safe output where it is too old; a fail-safe keeps its first reason."""
        is_old = now_ns - decision.decided_ns > self._max_age_ns
        return (
            decision.fail_safe(reason) if is_old and decision.decision is not PlcDecision.FAIL_SAFE else decision
        )
