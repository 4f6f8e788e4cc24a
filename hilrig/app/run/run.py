"""Have a run done by its own process, follow its status, hand on what came of it."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

from hilrig.app.run.process import Finished, SoakProcess, Status
from hilrig.app.run.request import RunRequest

__all__ = ["STOP_SIGNALS", "Finished", "Status", "run"]

STATUS_PERIOD_S: Final = 0.5
STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run(request: RunRequest, *, on_status: Callable[[Status], None]) -> Finished:
    """Do a run; `on_status` is called about twice a second with its live state.

    SIGINT, SIGTERM and SIGHUP end it in order; a second one kills it. A detached run goes on when this process is
    gone, and SIGHUP, the sign of a closed terminal or a dropped link, ends only this process.

    Raises:
        HilrigError: whatever kept the run from starting or from being judged.
    """
    with _started(request) as process:
        on_status(process.status())
        while not process.ended_within(STATUS_PERIOD_S):
            on_status(process.status())
        return process.outcome()


@contextmanager
def _started(request: RunRequest) -> Iterator[SoakProcess]:
    process = SoakProcess(request)
    try:
        with _signals_forwarded(process, is_detached=request.is_detached):
            yield process
    finally:
        process.close()
        if not request.is_detached:
            process.wait()


@contextmanager
def _signals_forwarded(process: SoakProcess, *, is_detached: bool) -> Iterator[None]:
    seen = 0

    def forward(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a signal handler's form
        nonlocal seen
        seen += 1
        process.send(signal.SIGTERM if seen == 1 else signal.SIGKILL)

    left_alone = {signal.SIGHUP} if is_detached else set()
    heeded = [
        number
        for number in STOP_SIGNALS
        if number not in left_alone and signal.getsignal(number) is not signal.SIG_IGN  # nohup ignores
    ]
    before = {number: signal.signal(number, forward) for number in heeded}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
