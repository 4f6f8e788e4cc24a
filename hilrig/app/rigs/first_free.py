"""One run on the first of some rigs that takes it.

They are asked again and again while they are busy.
"""

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from hilrig.app.rigs.many_rigs import RETRY_S, RigJob, refuse_out_of_service
from hilrig.app.run.process import Status
from hilrig.app.run.request import RunRequest
from hilrig.app.run.search_stop import StopWatch, stop_watch
from hilrig.core.clock import Clock
from hilrig.core.errors import HilrigError, PreconditionError, RigBusyError, RigLostError, RunAbortedError
from hilrig.core.units import NS_PER_S, s_to_ns

LOOK_S: Final = 0.2
"""How soon Ctrl-C ends a wait."""

_T = TypeVar("_T")
OnStatus = Callable[[Status], None]
Attempt = Callable[[RunRequest, OnStatus], _T]

_NOT_THIS_RIG: Final = (RigBusyError, RigLostError, PreconditionError)
"""What says that a rig does not take the run, if it was not begun there."""


def on_first_free(
    jobs: Sequence[RigJob],
    attempt: Attempt[_T],
    *,
    wait_s: float,
    clock: Clock,
    on_status: OnStatus,
    tell: Callable[[str], None],
) -> _T:
    """Return what `attempt` returns for the first rig that takes the run.

    Args:
        jobs: in the order in which they are asked.
        attempt: does a run; gets the function to call with its live state.
        wait_s: how long after the beginning busy rigs are asked again; 0 asks each once.
        clock: of the pauses.
        on_status: called with the live state.
        tell: called with why a rig did not take the run, as long as another one may.

    Raises:
        RunAbortedError: the operator ended the wait.
        HilrigError: the only rig's own; of several the most telling: one that is busy, else the last one's.
    """
    until_ns = clock.monotonic_ns() + s_to_ns(wait_s)
    with stop_watch() as watch:
        while True:
            refused: list[HilrigError] = []
            for job in jobs:
                try:
                    return _attempt(job, attempt, on_status)
                except _NotTakenError as error:
                    refused.append(error.why)
                    _refuse_when_stopped(watch, error.why)
                if job is not jobs[-1]:
                    tell(f"rig {job.rig.name}: {refused[-1].message}")
            _pause_or_raise(refused, until_ns, clock=clock, watch=watch, tell=tell)


class _NotTakenError(Exception):
    """A rig did not begin the run."""

    def __init__(self, why: HilrigError) -> None:
        super().__init__(why.message)
        self.why = why


def _attempt(job: RigJob, attempt: Attempt[_T], on_status: OnStatus) -> _T:
    """Do the run on a rig; an error that came before there was a run directory says that it was not begun."""
    has_begun = False

    def watched(status: Status) -> None:
        nonlocal has_begun
        has_begun = has_begun or "run_dir" in status
        on_status(status)

    try:
        refuse_out_of_service(job.rig)
        return attempt(job.request, watched)
    except _NOT_THIS_RIG as error:
        if has_begun:
            raise
        raise _NotTakenError(error) from error


def _pause_or_raise(
    refused: Sequence[HilrigError],
    until_ns: int,
    *,
    clock: Clock,
    watch: StopWatch,
    tell: Callable[[str], None],
) -> None:
    """Wait until the busy rigs are to be asked again.

    Raises:
        HilrigError: none of the rigs is busy, or the time is over.
    """
    busy = [error for error in refused if isinstance(error, RigBusyError)]
    now_ns = clock.monotonic_ns()
    if not busy or now_ns >= until_ns:
        raise busy[0] if busy else refused[-1]
    left_min = (until_ns - now_ns) / NS_PER_S / 60
    tell(f"waiting, {left_min:.0f} min left: {busy[0].message}")
    again_ns = min(now_ns + s_to_ns(RETRY_S), until_ns)
    while clock.monotonic_ns() < again_ns:
        _refuse_when_stopped(watch, busy[0])
        clock.sleep_until(min(clock.monotonic_ns() + s_to_ns(LOOK_S), again_ns))


def _refuse_when_stopped(watch: StopWatch, why: HilrigError) -> None:
    if watch.requested:
        raise RunAbortedError(f"the operator ended the wait for a rig: {why.message}") from why
