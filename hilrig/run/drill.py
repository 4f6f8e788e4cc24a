"""The supervisor's hand in the drill: it says when a fault is on.

It breaks and mends what is not the camera's.
"""

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, TypeAlias

from hilrig.core.drill import FaultSpan, fault_spans
from hilrig.core.fault import DEATHS, FaultKind
from hilrig.core.run import RunPlan
from hilrig.core.units import s_to_ns
from hilrig.run.clock_keeper import ClockKeeper
from hilrig.run.crew import Crew, Lost
from hilrig.run.full_disk import fill_disk
from hilrig.run.shared_block import SharedBlock, Word

DEATH_WINDOW_S: Final = 10.0
"""How long after a fault began a dead worker is taken for its doing: a crash waits for its frame in the queue."""

Event: TypeAlias = Callable[[str, dict[str, Any]], None]
Mend: TypeAlias = Callable[[], dict[str, float] | None]
"""Mends what was broken; returns what there is to say of it."""


def _nothing() -> None:
    """Mend nothing: the fault is the camera's, or over."""


def losing_files(plan: RunPlan) -> tuple[str, ...]:
    """Return the roles whose process will not be able to write a file for a while."""
    return ("worker",) if any(fault.kind is FaultKind.DISK_FULL for fault in plan.faults) else ()


class Drill:
    """The faults of one run, in the order in which they happen.

    Args:
        plan: the run's plan.
        block: the run's shared memory.
        crew: the run's processes.
        event: writes an event, stamped now.
        make_keeper: gives what sets the wall clock; asked only for a plan with such a fault.
    """

    def __init__(
        self,
        plan: RunPlan,
        block: SharedBlock,
        *,
        crew: Crew,
        event: Event,
        make_keeper: Callable[[], ClockKeeper] = ClockKeeper,
    ) -> None:
        self._block, self._crew, self._event = block, crew, event
        self._waiting = list(fault_spans(plan))
        self._on: FaultSpan | None = None
        self._is_elsewhere = plan.pipeline.target == "ring"  # its process is the worker's child, not ours
        self._mend: Mend = _nothing
        self._make_keeper = make_keeper
        self._keeper: ClockKeeper | None = None
        self._may_die: tuple[FaultSpan, int] | None = None  # a death that belongs to the drill, and until when

    @property
    def has_moved_clock(self) -> bool:
        """Return whether the wall clock is not what it would be, by our own doing."""
        return self._on is not None and self._on.spec.kind is FaultKind.CLOCK_STEPS

    def prepare(self) -> None:
        """Start what takes time to start; nothing that a plan without such a fault has."""
        if any(span.spec.kind is FaultKind.CLOCK_STEPS for span in self._waiting):
            self._keeper = self._make_keeper()

    def step(self, since_t0_ns: int) -> None:
        """Begin and end what is due by now."""
        self._pass_on()
        if self._on is not None and since_t0_ns >= self._on.end_ns:
            self._end(self._on)
        if self._waiting and self._on is None and since_t0_ns >= self._waiting[0].begin_ns:
            self._begin(self._waiting.pop(0), since_t0_ns)

    def expects(self, lost: Lost, since_t0_ns: int) -> bool:
        """Return whether a process was lost to a fault; then another one is started in its place."""
        if lost.role != "worker" or self._may_die is None or since_t0_ns > self._may_die[1]:
            return False
        fault, self._may_die = self._may_die[0], None
        self._event("worker_lost", {"name": fault.spec.name, "how": lost.how})
        self._crew.replace("worker")
        return True

    def calm(self) -> None:
        """Mend what is broken: the run ends."""
        self._pass_on()
        if self._on is not None:
            self._mended(self._on)
            self._on = None

    def close(self) -> None:
        """Leave nothing broken behind, however the run ended."""
        with suppress(OSError):
            self._mend()
        if self._keeper is not None:
            self._keeper.close()

    def _begin(self, fault: FaultSpan, since_t0_ns: int) -> None:
        if fault.spec.kind in DEATHS:
            self._may_die = (fault, since_t0_ns + s_to_ns(DEATH_WINDOW_S))
        try:
            self._mend = self._broken(fault)
        except OSError as error:
            self._say_not_done(fault, error)
            return
        self._on = fault
        self._say(fault, "start")
        if fault.spec.kind in DEATHS:
            self._end(fault)

    def _broken(self, fault: FaultSpan) -> Mend:
        """Break what is the supervisor's to break; return what mends it.

        Raises:
            OSError: the system refuses.
        """
        kind = fault.spec.kind
        if kind is FaultKind.WORKER_KILLED:
            self._signal(signal.SIGKILL)
        if kind is FaultKind.MODEL_HANGS:
            self._signal(signal.SIGSTOP)
            return lambda: self._signal(signal.SIGCONT)
        if kind is FaultKind.DISK_FULL:
            return fill_disk(self._worker_pid())
        if kind is FaultKind.CLOCK_STEPS and self._keeper is not None:
            return self._keeper.step(fault.spec.step_s)
        return _nothing

    def _end(self, fault: FaultSpan) -> None:
        self._pass_on()
        told = self._mended(fault)
        self._on = None
        if told is not None:
            self._say(fault, "stop", **told)

    def _mended(self, fault: FaultSpan) -> dict[str, float] | None:
        """Mend what is broken; return what there is to say of it, None when that failed."""
        mend, self._mend = self._mend, _nothing
        try:
            return mend() or {}
        except OSError as error:
            self._say_not_done(fault, error)
            return None

    def _pass_on(self) -> None:
        """Write down what the worker said, and whom the sampler and the next fault find in its place."""
        while self._crew.said:
            self._event("fault", self._crew.said.pop(0))
        pid = self._worker_pid()
        if pid != self._block[Word.TARGET_PID]:
            self._block[Word.TARGET_PID] = pid
            self._event(
                "worker_returned", {"pid": pid, "load_time_ms": self._crew.facts["worker"]["load_time_ms"]}
            )

    def _signal(self, number: signal.Signals) -> None:
        """Signal the pipeline's process; our own child by its handle, so that no other process can be meant."""
        if not self._is_elsewhere:
            self._crew.send_signal("worker", number)
            return
        with suppress(ProcessLookupError):
            os.kill(self._worker_pid(), number)

    def _worker_pid(self) -> int:
        pid: int = self._crew.facts["worker"]["pid"]
        return pid

    def _say(self, fault: FaultSpan, state: str, **more: Any) -> None:
        detail = {"name": fault.spec.name, "kind": fault.spec.kind.value, "state": state}
        self._event("fault", detail | more)

    def _say_not_done(self, fault: FaultSpan, error: OSError) -> None:
        self._say(fault, "not_done", words=f"the system refused it: {error.strerror}")
