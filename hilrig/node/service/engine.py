"""The engine: one model in its process, a bounded queue before it, late answers fenced by ticket number.

All of it happens on the event loop of the service; nothing here waits with a thread.
"""

import asyncio
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from time import monotonic_ns
from typing import Any, Final, Protocol

from hilrig.core.errors import PreconditionError
from hilrig.core.release import ReleaseManifest
from hilrig.node.service.config import ServiceConfig
from hilrig.node.service.engine_process import EngineProcess
from hilrig.node.service.input_spec import InputSpec, input_spec
from hilrig.node.service.messages import Answer, Kind

RECEIVING_MAX: Final = 4
"""Requests whose bodies may be on their way at once: enough for a station's clients, and memory is bounded."""


class QueueFullError(Exception):
    """As many requests wait as may."""


class EngineLostError(Exception):
    """The inference process ended while it had the input."""


@dataclass(slots=True, eq=False)
class Ticket:
    """One input on its way through the engine."""

    number: int
    slot: int
    kind: Kind
    future: "asyncio.Future[Answer]"
    t_sent_ns: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """An answer with when the engine took the input up and gave it back. CLOCK_MONOTONIC."""

    answer: Answer
    t_sent_ns: int
    t_done_ns: int


class EngineOwner(Protocol):
    """Whom an engine tells, with itself as the first argument."""

    def on_late(self, engine: "Engine") -> None:
        """The model missed a deadline; told once until it answers again."""

    def on_stuck(self, engine: "Engine") -> None:
        """The model has not answered for `stuck_ms`: it is to be replaced."""

    def on_lost(self, engine: "Engine", words: str) -> None:
        """Its process ended by itself; `words` say how."""

    def on_done(self, engine: "Engine", answer: Answer, kind: Kind, tensor: memoryview) -> None:
        """An input was answered in time; `tensor` is valid during the call."""


class Engine:
    """Serves one release. Made on the main thread's event loop; raises OSError where no process can be started.

    Attributes:
        facts: what the model's process said when it was ready; empty before.
        spec: what a request brings.
    """

    def __init__(
        self,
        folder: Path,
        manifest: ReleaseManifest,
        *,
        release_sha256: str,
        config: ServiceConfig,
        owner: EngineOwner,
        niceness: int = 0,
    ) -> None:
        self.spec: InputSpec = input_spec(manifest)
        self.facts: dict[str, Any] = {}
        self._config, self._owner = config, owner
        self._free = list(range(config.queue_depth + 1 + RECEIVING_MAX))
        self._waiting: deque[Ticket] = deque()
        self._running: Ticket | None = None
        self._numbers = count(1)
        self._stuck_timer: asyncio.TimerHandle | None = None
        self._spoken = asyncio.Event()  # the process said its first word, or ended
        self._drained = asyncio.Event()
        self._is_closed = False
        self._loop = asyncio.get_running_loop()
        self._process = EngineProcess(
            folder,
            release_sha256=release_sha256,
            slot_bytes=self.spec.slot_bytes,
            n_slots=len(self._free),
            niceness=niceness,
        )

    @property
    def pid(self) -> int:
        """Return the number of the model's process."""
        return self._process.pid

    @property
    def is_late(self) -> bool:
        """Return whether the model has missed a deadline and not answered since."""
        return self._stuck_timer is not None

    @property
    def is_idle(self) -> bool:
        """Return whether nothing is in the model and nothing waits."""
        return self._running is None and not self._waiting

    async def load(self) -> None:
        """Wait until the model is ready.

        Raises:
            PreconditionError: it did not load; the message is the process's own.
        """
        self._loop.add_reader(self._process.fileno(), self._spoken.set)
        try:
            await asyncio.wait_for(self._spoken.wait(), self._config.load_timeout_s)
        except asyncio.TimeoutError as error:
            raise PreconditionError(
                f"the model was not ready within {self._config.load_timeout_s:g} s", hint="look at the log"
            ) from error
        finally:
            if not self._is_closed:
                self._loop.remove_reader(self._process.fileno())
        facts = self._process.facts()
        if facts is None:
            raise PreconditionError(f"the inference process ended while loading: {self._process.end()}")
        if "error" in facts:
            raise PreconditionError(facts["error"], hint=facts.get("hint", ""))
        self.facts = facts
        self._loop.add_reader(self._process.fileno(), self._on_readable)

    def take_slot(self) -> int:
        """Return a slot for a body that is about to be received; give it to `infer` or `give_back`.

        Raises:
            QueueFullError: too many are on their way.
        """
        if not self._free:
            raise QueueFullError
        return self._free.pop()

    def slot(self, number: int) -> memoryview:
        """Return the memory of a slot."""
        return self._process.slot(number)

    def give_back(self, slot: int) -> None:
        """Take back a slot whose body never came."""
        self._free.append(slot)
        self._drained_if_empty()

    async def infer(self, slot: int, kind: Kind) -> Timed:
        """Return the decision on the input in `slot`, which is the engine's from here on.

        Cancelled, the answer that may still come is dropped, and the slot is free only then.

        Raises:
            QueueFullError: as many wait as may.
            EngineLostError: the process ended meanwhile.
        """
        if self._is_closed or len(self._waiting) >= self._config.queue_depth:
            self.give_back(slot)
            raise EngineLostError if self._is_closed else QueueFullError
        ticket = Ticket(next(self._numbers), slot, kind, self._loop.create_future())
        self._waiting.append(ticket)
        self._send_next()
        try:
            answer = await ticket.future
        except asyncio.CancelledError:
            self._give_up(ticket)
            raise
        return Timed(answer=answer, t_sent_ns=ticket.t_sent_ns, t_done_ns=monotonic_ns())

    async def retire(self) -> None:
        """Take no new input, let those inside come to their end, then end the process."""
        if not self._is_empty:
            self._drained.clear()
            with suppress(asyncio.TimeoutError):  # it is stuck: nobody waits for it any longer
                await asyncio.wait_for(self._drained.wait(), self._config.stuck_ms / 1000)
        self.close()

    def close(self) -> str:
        """End the process at once; whoever waits gets EngineLostError. Return how the process had ended."""
        if self._is_closed:
            return "ended by the service"
        self._is_closed = True
        self._loop.remove_reader(self._process.fileno())
        self._spoken.set()
        self._disarm()
        words = self._process.end()
        self._loop.run_in_executor(None, self._process.reap)
        for ticket in [*self._waiting, *([self._running] if self._running else [])]:
            if not ticket.future.done():
                ticket.future.set_exception(EngineLostError())
        self._waiting.clear()
        self._running = None
        return words

    @property
    def _is_empty(self) -> bool:
        return len(self._free) == self._config.queue_depth + 1 + RECEIVING_MAX

    def _send_next(self) -> None:
        if self._running is not None or not self._waiting:
            return
        ticket = self._running = self._waiting.popleft()
        ticket.t_sent_ns = monotonic_ns()
        try:
            self._process.ask(ticket.number, ticket.slot, ticket.kind)
        except OSError:
            self._lose()

    def _on_readable(self) -> None:
        answer = self._process.answer()
        if answer is None:
            self._lose()
            return
        ticket = self._running
        if ticket is None or ticket.number != answer.ticket:
            return  # nobody asked for it
        self._disarm()
        self._running = None
        in_time = not ticket.future.done()
        if in_time:
            ticket.future.set_result(answer)
        self._send_next()
        if in_time:
            self._owner.on_done(self, answer, ticket.kind, self.slot(ticket.slot))
        self._free.append(ticket.slot)
        self._drained_if_empty()

    def _give_up(self, ticket: Ticket) -> None:
        """The one who asked has gone: a waiting input is dropped, a running one makes the engine late."""
        if ticket in self._waiting:
            self._waiting.remove(ticket)
            self.give_back(ticket.slot)
        elif ticket is self._running and not self.is_late:
            stuck_s = (self._config.stuck_ms - self._config.ceiling_ms) / 1000
            self._stuck_timer = self._loop.call_later(stuck_s, self._owner.on_stuck, self)
            self._owner.on_late(self)

    def _lose(self) -> None:
        self._owner.on_lost(self, self.close())

    def _disarm(self) -> None:
        if self._stuck_timer is not None:
            self._stuck_timer.cancel()
            self._stuck_timer = None

    def _drained_if_empty(self) -> None:
        if self._is_empty:
            self._drained.set()
