"""The supervisor's hand in the drill: says when a fault is on; stops, kills, replaces the pipeline's process."""

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from hilrig.core.drill import FaultSpan, fault_spans
from hilrig.core.fault import DEATHS, FaultKind
from hilrig.core.run import RunPlan
from hilrig.core.units import s_to_ns
from hilrig.run.crew import Crew, Lost
from hilrig.run.shared_block import SharedBlock, Word

DEATH_WINDOW_S: Final = 10.0
"""How long after a fault began a dead worker is taken for its doing: a crash waits for its frame in the queue."""

Event = Callable[[str, dict[str, Any]], None]


class Drill:
    """The faults of one run, in the order in which they happen.

    Args:
        plan: the run's plan.
        block: the run's shared memory.
        crew: the run's processes.
        event: writes an event, stamped now.
    """

    def __init__(self, plan: RunPlan, block: SharedBlock, *, crew: Crew, event: Event) -> None:
        self._block, self._crew, self._event = block, crew, event
        self._waiting = list(fault_spans(plan))
        self._on: FaultSpan | None = None
        self._is_elsewhere = plan.pipeline.target == "ring"  # its process is the worker's child, not ours
        self._is_stopped = False
        self._may_die: tuple[FaultSpan, int] | None = None  # a death that belongs to the drill, and until when

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
        """Let a stopped process go on: the run ends."""
        self._pass_on()
        if self._is_stopped:
            self._signal(signal.SIGCONT)
            self._is_stopped = False

    def _begin(self, fault: FaultSpan, since_t0_ns: int) -> None:
        self._on = fault
        self._say(fault, "start")
        if fault.spec.kind in DEATHS:
            self._may_die = (fault, since_t0_ns + s_to_ns(DEATH_WINDOW_S))
        if fault.spec.kind is FaultKind.WORKER_KILLED:
            self._signal(signal.SIGKILL)
        if fault.spec.kind is FaultKind.MODEL_HANGS:
            self._is_stopped = True
            self._signal(signal.SIGSTOP)
        if fault.spec.kind in DEATHS:
            self._end(fault)

    def _end(self, fault: FaultSpan) -> None:
        self.calm()
        self._say(fault, "stop")
        self._on = None

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

    def _say(self, fault: FaultSpan, state: str) -> None:
        self._event("fault", {"name": fault.spec.name, "kind": fault.spec.kind.value, "state": state})
