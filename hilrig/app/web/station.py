"""The use cases behind the technician's page of a rig, without sockets.

They are what a technician can see there and what they can do.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from enum import Enum
from math import isfinite, isnan
from pathlib import Path
from typing import Any, Final

from hilrig import __version__
from hilrig.app.web.forms import StartForm, StopForm
from hilrig.app.web.live import LiveState
from hilrig.app.web.profiles import Profiles
from hilrig.app.web.queue import Queue, QueuedRun
from hilrig.app.web.runs import Runs
from hilrig.app.web.starter import Starter
from hilrig.core.clock import Clock
from hilrig.core.errors import UsageError
from hilrig.core.live import LiveRun
from hilrig.record.utc import utc_text

TRAIL_LOOKS: Final = 600
"""Ten minutes of one look a second: what the small chart shows."""

INFINITE: Final = "infinite"
"""A latency of frames that were never decided; JSON has no infinity."""


class Station:
    """One rig's page.

    Args:
        profiles: what may be started.
        runs: the reports folder.
        reports: that folder; the queue is kept in it.
        lease_folder: of the rig's lock.
        start: starts a run that outlives this process; returns its directory.
        stop: asks a run to end, with who wants it and why.
        clock: for the time shown.
    """

    def __init__(
        self,
        *,
        profiles: Profiles,
        runs: Runs,
        reports: Path,
        lease_folder: Path,
        start: Callable[[QueuedRun, Path], Path],
        stop: Callable[[Path, StopForm], None],
        clock: Clock,
    ) -> None:
        self._profiles = profiles
        self._runs = runs
        self._reports = reports
        self._stop = stop
        self._clock = clock
        self._live = LiveState(self.look)
        self._trail = Trail()
        self._queue = Queue(reports, clock=clock, on_change=self._live.poke)
        self._starter = Starter(
            self._queue,
            lease_folder=lease_folder,
            start=lambda run: start(run, profiles.find(run.profile_name)),
            on_change=self._live.poke,
        )

    def begin(self) -> None:
        """Start to work the queue off."""
        self._starter.start_thread()

    def close(self) -> None:
        """Let another server have the queue."""
        self._queue.close()

    def description(self) -> Mapping[str, Any]:
        """Return what does not change while one looks: hilrig, the folders, the profiles that may be started."""
        return {
            "hilrig_version": __version__,
            "reports": str(self._reports),
            "profiles": [asdict(profile) for profile in self._profiles.saved()],
        }

    def look(self) -> Mapping[str, Any]:
        """Return the rig as it is now, as JSON values."""
        live = self._runs.current()
        return {
            "at_utc": utc_text(self._clock.triple().realtime_ns),
            "live": None if live is None else as_json(asdict(live)),
            "trail": self._trail.with_look(live),
            "queue": as_json([asdict(run) for run in self._queue.runs()]),
            "held_by": self._starter.holder,
            "history_mark": self._runs.mark(),
        }

    def events(self) -> Iterator[bytes]:
        """Return the looks from now on as server-sent events.

        Raises:
            UsageError: too many watch already.
        """
        return self._live.stream()

    def history(self) -> list[Mapping[str, Any]]:
        """Return the newest runs, the newest first."""
        return [asdict(run) for run in self._runs.history()]

    def run_dir(self, name: str) -> Path:
        """Return the directory of the run that a client names.

        Raises:
            UsageError: there is none of that name.
        """
        return self._runs.find(name)

    def add(self, form: StartForm) -> Mapping[str, Any]:
        """Queue a run; it starts at once when the rig is free and nothing waits before it.

        Raises:
            UsageError: there is no such profile, or the queue is full.
        """
        self._profiles.find(form.profile)
        run = self._queue.add(
            profile_name=form.profile, duration_s=form.duration_s, operator=form.operator, note=form.note
        )
        return {"entry": run.entry_id}

    def remove(self, entry_id: str) -> Mapping[str, Any]:
        """Take a run out of the queue.

        Raises:
            UsageError: it is not there, or is being started.
        """
        self._queue.remove(entry_id)
        return {}

    def stop(self, form: StopForm) -> Mapping[str, Any]:
        """Ask the run that goes on to end in order; it is judged and signed as far as it came.

        Raises:
            UsageError: another run goes on, or none.
        """
        live = self._runs.current()
        if live is None or live.run_dir.name != form.run:
            raise UsageError("this run has ended", hint="look at its verdict below")
        self._stop(live.run_dir, form)
        self._live.poke()
        return {}


class Trail:
    """The latencies of the last minutes of one run, as far as somebody watched."""

    def __init__(self) -> None:
        self._run_id = ""
        self._points: deque[tuple[Any, ...]] = deque(maxlen=TRAIL_LOOKS)

    def with_look(self, live: LiveRun | None) -> list[tuple[Any, ...]]:
        """Return the points (s since the first frame, p50, p99 in ms) with those of `live` as the last."""
        run_id = "" if live is None else live.run_id
        if run_id != self._run_id:
            self._run_id = run_id
            self._points.clear()
        if live is not None and live.elapsed_s is not None and live.now_p50_ms is not None:
            point = (round(live.elapsed_s, 1), as_json(live.now_p50_ms), as_json(live.now_p99_ms))
            if not self._points or self._points[-1][0] < point[0]:
                self._points.append(point)
        return list(self._points)


def as_json(value: Any) -> Any:
    """Return a noun's parts as JSON values: a path by its name, infinity as a word, NaN as null."""
    if isinstance(value, Mapping):
        return {key: as_json(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(part) for part in value]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Path):
        return value.name
    if isinstance(value, float) and not isfinite(value):
        return None if isnan(value) else INFINITE
    return value
