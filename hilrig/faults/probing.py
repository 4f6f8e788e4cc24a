"""The grid on which a companion is asked, free of coordinated omission.

Probe i is due at `t0 + i * period`, whatever became of the one before it. Its answer is timed from that moment, so
that a companion that hangs for a second shows as many slow probes as were due in that second, not one.
"""

from collections.abc import Callable
from typing import Final, Protocol

from hilrig.core.clock import Clock
from hilrig.core.companion import ProbeSpec
from hilrig.core.units import NS_PER_MS, NS_PER_US
from hilrig.faults.companion_journal import FAILED_US, Probed

LOOK_NS: Final = 100 * NS_PER_MS
"""How long a wait goes on before it is asked whether to stop."""


class Ask(Protocol):
    """Ask a companion once."""

    def __call__(self, *, deadline_ns: int) -> bool:
        """Return whether it is well; False at the latest when CLOCK_MONOTONIC reaches `deadline_ns`."""


class Prober:
    """Asks one companion on its grid, one question at a time.

    A question that waits for the answer before it is late by the companion's fault: part of its answer time.
    One whose deadline has passed by then has failed without being asked.

    Args:
        spec: how often, and how long an answer may take.
        ask: asks once.
        clock: CLOCK_MONOTONIC, or one that a test moves.
        t0_ns: when the first probe is due.
    """

    def __init__(self, spec: ProbeSpec, ask: Ask, *, clock: Clock, t0_ns: int) -> None:
        self._ask = ask
        self._clock = clock
        self._due_ns = self._free_ns = t0_ns
        self._period_ns, self._timeout_ns = spec.period_ms * NS_PER_MS, spec.timeout_ms * NS_PER_MS

    def next(self, is_over: Callable[[], bool]) -> Probed | None:
        """Wait for the next probe and make it; None when `is_over` said so before it was due."""
        due_ns = self._due_ns
        while (now_ns := self._clock.monotonic_ns()) < due_ns:
            if is_over():
                return None
            self._clock.sleep_until(min(due_ns, now_ns + LOOK_NS))
        self._due_ns += self._period_ns
        late_ns = now_ns - max(due_ns, self._free_ns)
        deadline_ns = due_ns + self._timeout_ns
        is_well = now_ns < deadline_ns and self._ask(deadline_ns=deadline_ns)
        self._free_ns = self._clock.monotonic_ns()
        is_in_time = is_well and self._free_ns <= deadline_ns
        answer_us = (self._free_ns - due_ns) // NS_PER_US if is_in_time else FAILED_US
        return Probed(t_ns=due_ns, answer_us=answer_us, late_us=max(0, late_ns) // NS_PER_US)
