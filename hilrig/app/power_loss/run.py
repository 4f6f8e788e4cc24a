"""The power-loss test as a part of a run: before its timed part, its result among the evidence."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, Protocol

from hilrig.config.noun_json import to_json
from hilrig.core import files
from hilrig.core.clock import Clock
from hilrig.core.run import RunPlan
from hilrig.record.run_directory import write_atomic
from hilrig.record.utc import utc_text

BEAT_S: Final = 1.0
"""A cut of a rig takes half a minute, in which nobody else shows a sign of life."""


class LiveStatus(Protocol):
    """Asked whether to stop, shows what goes on."""

    def __call__(self) -> bool:
        """Return whether the run is to end."""
        ...

    def tell(self, **fields: Any) -> None:
        """Change what the live status says."""
        ...


def cut_before_run(run_dir: Path, plan: RunPlan, *, folder: Path, live: LiveStatus, clock: Clock) -> None:
    """Make the test that a plan asks for, if any, and write what it found.

    Args:
        run_dir: where the evidence goes.
        plan: of the run.
        folder: the profile's.
        live: the live status, and whether to stop.
        clock: names the moment.

    Raises:
        ConfigError: the subject file or the rig's file is missing or has mistakes.
        PreconditionError: the update does not work even without a cut.
        RunAbortedError: it was stopped.
        OSError: the disk is full.
    """
    if plan.power_loss is None:
        return
    from hilrig.app.power_loss.power_loss import PowerLossRequest, run_power_loss  # few runs make the test

    with _beating(live) as pulse:
        result = run_power_loss(
            PowerLossRequest(spec=plan.power_loss, folder=folder),
            started_at_utc=utc_text(clock.triple().realtime_ns),
            progress=_shown_by(pulse),
            should_stop=pulse,
        )
    write_atomic(run_dir / files.POWER_LOSS, to_json(result))


class _Pulse:
    """A live status that several threads may use."""

    def __init__(self, live: LiveStatus) -> None:
        self._live, self._lock = live, threading.Lock()

    def __call__(self) -> bool:
        with self._lock:
            return self._live()

    def tell(self, **fields: Any) -> None:
        """Change what the live status says."""
        with self._lock:
            self._live.tell(**fields)


@contextmanager
def _beating(live: LiveStatus) -> Iterator[_Pulse]:
    """Give the live status, which shows a sign of life all through the body."""
    pulse, over = _Pulse(live), threading.Event()

    def beat() -> None:
        with suppress(OSError):  # the body meets a full disk as well, and says so
            while not over.wait(BEAT_S):
                pulse()

    thread = threading.Thread(target=beat, name="power-loss heartbeat")
    thread.start()
    try:
        yield pulse
    finally:
        over.set()
        thread.join()


def _shown_by(live: LiveStatus) -> Callable[[str, int, int], None]:
    def show(what: str, n_done: int, n_all: int) -> None:
        live.tell(doing=f"{what}, {n_done} of {n_all}")

    return show
