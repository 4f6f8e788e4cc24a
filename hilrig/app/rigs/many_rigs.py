"""One profile on many rigs, where no rig's failure stops another.

Each rig has a process, and only so many of them run at a time.
"""

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from types import FrameType
from typing import Final, Protocol

from hilrig.app.run.process import Finished, SoakProcess, Status
from hilrig.app.run.request import RunRequest
from hilrig.app.run.run import STATUS_PERIOD_S, STOP_SIGNALS
from hilrig.core.clock import Clock
from hilrig.core.errors import HilrigError, PreconditionError, RigBusyError, RunAbortedError
from hilrig.core.rig import RigSpec
from hilrig.core.units import s_to_ns

RETRY_S: Final = 10.0
"""Between two questions to a busy rig: a question is a process that takes about a second of a CPU."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RigJob:
    """A run that is asked for on a rig; the request's `rig_file` is that rig's."""

    rig: RigSpec
    request: RunRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class RigOutcome:
    """What came of a rig: a finished run, or the error that kept it from starting or from being judged.

    `status` is the last that was seen of the run.
    """

    rig: RigSpec
    finished: Finished | None
    error: HilrigError | None
    status: Status


class Stage(str, Enum):
    """Where a rig stands."""

    QUEUED = "queued"  # its turn has not come
    BUSY = "busy"  # held by another; it is asked again
    RUNNING = "running"
    DONE = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class RigState:
    """A rig as it stands now: `status` while it runs, `why` while it is busy, `outcome` when it is done."""

    rig: str
    stage: Stage
    status: Status
    why: str = ""
    outcome: RigOutcome | None = None


def refuse_out_of_service(rig: RigSpec) -> None:
    """Refuse a rig whose file says that it is out of service.

    Raises:
        PreconditionError: it does.
    """
    if rig.disabled:
        raise PreconditionError(f"rig {rig.name} is out of service: {rig.disabled}", hint="hilrig rigs list")


class RunProcess(Protocol):
    """What is asked of the process that does a run: see `SoakProcess`."""

    def ended_within(self, wait_s: float) -> bool:
        """Wait up to `wait_s`; return whether it has ended."""

    def status(self) -> Status:
        """Return the newest live state."""

    def outcome(self) -> Finished:
        """Return what came of it, or raise what it reported."""

    def send(self, number: int) -> None:
        """Send it a signal."""

    def wait(self) -> None:
        """Return when it has ended."""

    def close(self) -> None:
        """Listen no more."""


def run_on_many(
    jobs: Sequence[RigJob],
    *,
    max_parallel: int,
    wait_s: float,
    clock: Clock,
    on_states: Callable[[Sequence[RigState]], None],
    start: Callable[[RunRequest], RunProcess] = SoakProcess,
) -> tuple[RigOutcome, ...]:
    """Do a run on each rig; return what came of them, in their order.

    SIGINT, SIGTERM and SIGHUP end every run in order and start none any more; a second one kills them.

    Args:
        jobs: each on another rig; their runs end with this process.
        max_parallel: how many of them run at a time. A rig that is waited for is not one of them.
        wait_s: how long after the beginning a busy rig is asked again; 0 asks once.
        clock: of the pauses.
        on_states: called about twice a second with the state of every rig, in their order.
        start: starts the process of a run.
    """
    crew = _Crew(jobs, max_parallel=max_parallel, wait_s=wait_s, clock=clock, start=start)
    with _signals_counted() as n_signals, crew.ended_at_last():
        while not crew.is_done:
            crew.heed(n_signals())
            crew.collect()
            crew.fill()
            on_states(crew.states())
            if not crew.is_done:
                clock.sleep_until(clock.monotonic_ns() + s_to_ns(STATUS_PERIOD_S))
    return crew.outcomes()


class _Seat:
    """One rig: its job, where it stands, its process while it has one."""

    def __init__(self, job: RigJob) -> None:
        self.job = job
        self.process: RunProcess | None = None
        self.outcome: RigOutcome | None = None
        self.status: Status = {"phase": "preflight"}
        self.why = ""
        self.not_before_ns = 0
        self.n_signals = 0

    @property
    def stage(self) -> Stage:
        """Return where the rig stands."""
        if self.outcome is not None:
            return Stage.DONE
        if self.process is not None:
            return Stage.RUNNING
        return Stage.BUSY if self.why else Stage.QUEUED

    def settle(self, *, finished: Finished | None = None, error: HilrigError | None = None) -> None:
        """Keep what came of it."""
        self.outcome = RigOutcome(rig=self.job.rig, finished=finished, error=error, status=self.status)


class _Crew:
    """All rigs of one command."""

    def __init__(
        self,
        jobs: Sequence[RigJob],
        *,
        max_parallel: int,
        wait_s: float,
        clock: Clock,
        start: Callable[[RunRequest], RunProcess],
    ) -> None:
        self._seats = [_Seat(job) for job in jobs]
        self._max_parallel = max_parallel
        self._clock = clock
        self._start = start
        self._until_ns = clock.monotonic_ns() + s_to_ns(wait_s)
        self._n_signals = 0

    @property
    def is_done(self) -> bool:
        """Return whether every rig has its outcome."""
        return all(seat.outcome is not None for seat in self._seats)

    def outcomes(self) -> tuple[RigOutcome, ...]:
        """Return what came of the rigs, in their order."""
        return tuple(seat.outcome for seat in self._seats if seat.outcome is not None)

    def states(self) -> list[RigState]:
        """Return where every rig stands."""
        return [
            RigState(
                rig=seat.job.rig.name,
                stage=seat.stage,
                status=seat.status,
                why=seat.why,
                outcome=seat.outcome,
            )
            for seat in self._seats
        ]

    def heed(self, n_signals: int) -> None:
        """Pass on how often the end was asked for: once ends in order, more often kills."""
        self._n_signals = n_signals
        for seat in self._seats:
            if seat.process is not None and seat.n_signals < n_signals:
                seat.process.send(signal.SIGTERM if n_signals == 1 else signal.SIGKILL)
                seat.n_signals = n_signals
            elif n_signals and seat.process is None and seat.outcome is None:
                seat.settle(error=RunAbortedError(_never_begun(seat), hint="start it again"))

    def collect(self) -> None:
        """Take in what the processes said, and the outcome of those that have ended."""
        for seat in self._seats:
            if seat.process is None:
                continue
            has_ended = seat.process.ended_within(0)
            seat.status = seat.process.status()
            if has_ended:
                self._take_outcome(seat, seat.process)

    def fill(self) -> None:
        """Start as many as there is room for: those that were never asked, then busy ones whose time is up."""
        now_ns = self._clock.monotonic_ns()
        ready = [seat for seat in self._seats if seat.stage is Stage.QUEUED]
        ready += [seat for seat in self._seats if seat.stage is Stage.BUSY and seat.not_before_ns <= now_ns]
        n_free = self._max_parallel - sum(seat.process is not None for seat in self._seats)
        for seat in ready[: max(n_free, 0)]:
            self._begin(seat)

    @contextmanager
    def ended_at_last(self) -> Iterator[None]:
        """Leave no process behind, whatever ends the body."""
        try:
            yield
        finally:
            left = [seat.process for seat in self._seats if seat.process is not None]
            for process in left:
                process.send(signal.SIGTERM)
            for process in left:
                process.wait()
                process.close()

    def _begin(self, seat: _Seat) -> None:
        try:
            refuse_out_of_service(seat.job.rig)
            seat.process = self._start(seat.job.request)
        except HilrigError as error:
            seat.settle(error=error)

    def _take_outcome(self, seat: _Seat, process: RunProcess) -> None:
        try:
            seat.settle(finished=process.outcome())
        except RigBusyError as error:
            self._ask_again(seat, error)
        except HilrigError as error:
            seat.settle(error=error)
        finally:
            seat.process = None
            process.close()

    def _ask_again(self, seat: _Seat, error: RigBusyError) -> None:
        now_ns = self._clock.monotonic_ns()
        if self._n_signals or now_ns >= self._until_ns:
            seat.settle(error=error)
            return
        seat.why = error.message
        seat.not_before_ns = min(now_ns + s_to_ns(RETRY_S), self._until_ns)


def _never_begun(seat: _Seat) -> str:
    return (
        f"ended by the operator while the rig was busy: {seat.why}"
        if seat.why
        else ("ended by the operator before this rig's turn came")
    )


@contextmanager
def _signals_counted() -> Iterator[Callable[[], int]]:
    """Give the function that tells how often the end was asked for."""
    seen = 0

    def count(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a signal handler's form
        nonlocal seen
        seen += 1

    heeded = [number for number in STOP_SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]  # nohup ignores
    before = {number: signal.signal(number, count) for number in heeded}
    try:
        yield lambda: seen
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
