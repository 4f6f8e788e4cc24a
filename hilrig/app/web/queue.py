"""The queue of runs that wait for the rig: kept in the reports folder, so that it outlives the server."""

import fcntl
import os
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Final

from hilrig.config.noun_json import from_json, to_json
from hilrig.core.clock import Clock
from hilrig.core.errors import HilrigError, RecordError, UsageError
from hilrig.core.units import BYTES_PER_MIB
from hilrig.record.run_directory import write_atomic
from hilrig.record.untrusted_file import read_untrusted
from hilrig.record.utc import utc_text

QUEUE_FILE: Final = ".queue.json"
LOCK_FILE: Final = ".queue.lock"
QUEUE_MAX_RUNS: Final = 50
"""More than a rig can do over a long weekend; the page stays readable."""

_CUT_SHORT: Final = "the server ended while this run was being started; it may have begun"
_LOOK_FIRST: Final = "look at the runs below, then queue it again"


class QueueState(str, Enum):
    """Where a queued run stands."""

    WAITING = "waiting"
    STARTING = "starting"
    REFUSED = "refused"  # it says why, and is passed over


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedRun:
    """A run that somebody asked for.

    Args:
        entry_id: its name in the queue.
        duration_s: measured seconds instead of the profile's; None keeps those.
        reason: why it was refused, with `hint` as the next step; empty otherwise.
    """

    entry_id: str
    profile_name: str
    duration_s: float | None
    operator: str
    note: str
    added_at_utc: str
    state: QueueState = QueueState.WAITING
    reason: str = ""
    hint: str = ""


class Queue:
    """The queued runs, first come first served; every change is on disk before it is told. For several threads.

    Args:
        reports: the folder of run directories, which must exist.
        clock: for the time at which a run was added.
        on_change: called after every change, in the thread that made it.

    Raises:
        UsageError: another server works this queue off.
        RecordError: what an earlier server left there cannot be read.
    """

    def __init__(self, reports: Path, *, clock: Clock, on_change: Callable[[], None]) -> None:
        self._lock_fd = _locked(reports / LOCK_FILE)  # ends with this process, however that ends
        self._path = reports / QUEUE_FILE
        self._clock = clock
        self._on_change = on_change
        self._changed = threading.Condition()
        self._runs = tuple(_after_restart(run) for run in _read(self._path))

    def runs(self) -> tuple[QueuedRun, ...]:
        """Return what is in the queue, the next first."""
        return self._runs

    def add(self, *, profile_name: str, duration_s: float | None, operator: str, note: str) -> QueuedRun:
        """Put a run at the end.

        Raises:
            UsageError: the queue is full.
            RecordError: it cannot be kept on disk.
        """
        run = QueuedRun(
            entry_id=secrets.token_hex(8),
            profile_name=profile_name,
            duration_s=duration_s,
            operator=operator,
            note=note,
            added_at_utc=utc_text(self._clock.triple().realtime_ns),
        )
        with self._changed:
            if len(self._runs) >= QUEUE_MAX_RUNS:
                raise UsageError(f"the queue holds {QUEUE_MAX_RUNS} runs already", hint="remove one first")
            self._keep((*self._runs, run))
        self._on_change()
        return run

    def remove(self, entry_id: str) -> None:
        """Take a run out that has not begun.

        Raises:
            UsageError: it is not in the queue, or is being started.
            RecordError: the change cannot be kept on disk.
        """
        with self._changed:
            found = next((run for run in self._runs if run.entry_id == entry_id), None)
            if found is None or found.state is QueueState.STARTING:
                raise UsageError("this run is not in the queue any more", hint="look whether it is running now")
            self._keep(tuple(run for run in self._runs if run is not found))
        self._on_change()

    def wait_for_next(self) -> QueuedRun:
        """Return the first run that waits; sleep without any polling until there is one."""
        with self._changed:
            self._changed.wait_for(lambda: self._next() is not None)
            found = self._next()
        assert found is not None  # noqa: S101 - waited for, under the same lock
        return found

    def begin(self) -> QueuedRun | None:
        """Return the first run that waits, marked as being started; None when it was removed meanwhile."""
        with self._changed:
            found = self._next()
            if found is not None:
                self._replace(found.entry_id, state=QueueState.STARTING)
        self._on_change()
        return found

    def put_back(self, entry_id: str) -> None:
        """Let a run that could not begin yet wait again, at its old place."""
        with self._changed:
            self._replace(entry_id, state=QueueState.WAITING)
        self._on_change()

    def refuse(self, entry_id: str, *, reason: str, hint: str) -> None:
        """Keep a run as refused, so that a person reads why; the others go on."""
        with self._changed:
            self._replace(entry_id, state=QueueState.REFUSED, reason=reason, hint=hint)
        self._on_change()

    def started(self, entry_id: str) -> None:
        """Forget a run that is running: its directory speaks for it now."""
        with self._changed:
            self._keep(tuple(run for run in self._runs if run.entry_id != entry_id))
        self._on_change()

    def close(self) -> None:
        """Let another server have the queue."""
        os.close(self._lock_fd)

    def _next(self) -> QueuedRun | None:
        return next((run for run in self._runs if run.state is QueueState.WAITING), None)

    def _replace(self, entry_id: str, *, state: QueueState, reason: str = "", hint: str = "") -> None:
        self._keep(
            tuple(
                replace(run, state=state, reason=reason, hint=hint) if run.entry_id == entry_id else run
                for run in self._runs
            )
        )

    def _keep(self, runs: tuple[QueuedRun, ...]) -> None:
        try:
            write_atomic(self._path, to_json(runs))
        except OSError as error:
            raise RecordError(
                f"{self._path} cannot be written: {error.strerror}", hint="make room in the reports folder"
            ) from error
        self._runs = runs
        self._changed.notify_all()


def _locked(path: Path) -> int:
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise RecordError(
            f"{path} cannot be made: {error.strerror}", hint="choose another folder with --reports"
        ) from error
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(fd)
        raise UsageError(
            f"another hilrig serve works with {path.parent}", hint="use its page, or end it with Ctrl-C first"
        ) from error
    return fd


def _read(path: Path) -> tuple[QueuedRun, ...]:
    try:
        data = read_untrusted(path, max_bytes=BYTES_PER_MIB)
        return () if data is None else from_json(tuple[QueuedRun, ...], data, what=str(path))
    except HilrigError as error:
        raise RecordError(error.message, hint=f"rm {path} empties the queue") from error


def _after_restart(run: QueuedRun) -> QueuedRun:
    if run.state is not QueueState.STARTING:
        return run
    return replace(run, state=QueueState.REFUSED, reason=_CUT_SHORT, hint=_LOOK_FIRST)
