"""Ask a run to end in order, from any process of the same user."""

from pathlib import Path
from typing import Final

from hilrig.app.foreign_text import OPERATOR_MAX, REASON_MAX, one_line
from hilrig.app.live.view import OFFERING, look
from hilrig.core.clock import Clock
from hilrig.core.errors import RecordError, UsageError
from hilrig.core.live import LiveRun, LiveState
from hilrig.record.stop_request import StopRequest, withdraw_late_request, write_stop_request
from hilrig.record.utc import utc_text

STOPPABLE: Final = frozenset({"power-loss test", "self-test", "loading", *OFFERING})


def request_stop(run_dir: Path, *, by: str, reason: str, clock: Clock) -> StopRequest:
    """Ask a run to end; return the request as it was written. The run looks ten times a second.

    Args:
        run_dir: its directory.
        by: who asks; becomes one line, cut at 200 characters.
        reason: why; becomes one line, cut at 500 characters.
        clock: of the time in the request.

    Raises:
        UsageError: it has ended already.
        RecordError: it is no run directory, its process is gone, or the directory cannot be written.
    """
    refuse_ended(look(run_dir, clock=clock))
    request = StopRequest(
        by=one_line(by)[:OPERATOR_MAX],
        reason=one_line(reason)[:REASON_MAX],
        at_utc=utc_text(clock.triple().realtime_ns),
    )
    write_stop_request(run_dir, request)
    withdraw_late_request(run_dir)
    return request


def refuse_ended(run: LiveRun) -> None:
    """Refuse a run that nobody can stop any more, with what to do instead.

    Raises:
        UsageError: it is finished, or being judged.
        RecordError: its process is gone.
    """
    if run.state is LiveState.FINISHED:
        verdict = run.status.value if run.status else ""
        raise UsageError(f"{run.run_dir} is finished: {verdict}", hint=f"hilrig verify {run.run_dir}")
    if run.state is LiveState.LOST:
        raise RecordError(
            f"the process of {run.run_dir} is gone, there is nothing to stop", hint=f"hilrig recover {run.run_dir}"
        )
    if run.phase not in STOPPABLE:
        raise UsageError(f"{run.run_dir} has ended and is being judged", hint=f"hilrig watch {run.run_dir}")
