"""How a run is shown while it goes on: a bar with the time left on a terminal, elsewhere a line at times."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any, Final

from hilrig.cli.output import note, notes_told_by
from hilrig.core.units import format_duration

LINE_PERIOD_S: Final = 10
OFFERING: Final = frozenset({"warmup", "measure", "drill"})
_PHASES: Final = {
    "preflight": "checking the rig",
    "reconnecting": "the link to the rig broke: trying again",
    "self-test": "self-test: a pipeline that does nothing, measured at the run's frame rate",
    "loading": "loading frames and model",
}

_MOVING: Final = frozenset({"uploading", "fetching"})

Status = Mapping[str, Any]


@contextmanager
def progress() -> Iterator[Callable[[Status], None]]:
    """Give the function that shows a run's status, on stderr; warnings are shown once."""
    with _bar() if sys.stderr.isatty() else nullcontext(_Lines().show) as show:
        seen: set[str] = set()

        def show_all(status: Status) -> None:
            show(status)
            for warning in status.get("warnings", ()):
                if warning not in seen:
                    seen.add(warning)
                    note(f"warning: {warning}")

        yield show_all


def describe(status: Status) -> str:
    """Return a status in words."""
    if status["phase"] in _MOVING:
        return _moving(status)
    if status["phase"] == "power-loss test":
        return f"power-loss test: {status.get('doing', 'making a store')}"
    if not status.get("n_offered"):
        return _PHASES.get(status["phase"], str(status["phase"]))
    text = f"{status['phase']}  {status['n_decided']} of {status['n_frames']} frames decided"
    for name in ("p50", "p99"):
        if status[f"recent_{name}_ms"] is not None:
            text += f"  {name} {status[f'recent_{name}_ms']:.1f} ms"
    for name in ("dropped", "failed"):
        if status[f"n_{name}"]:
            text += f"  {status[f'n_{name}']} {name}"
    return text


def _moving(status: Status) -> str:
    """Return how far files are on their way to the rig, or back."""
    if status.get("total_mib") is None:
        return str(status["phase"])
    text = f"{status['phase']} {status['done_mib']:.0f} of {status['total_mib']:.0f} MiB"
    left_s = status.get("left_s")
    return f"{text}, {format_duration(left_s)} left" if left_s else text


class _Lines:
    """A line when the phase changes, another every ten seconds."""

    def __init__(self) -> None:
        self._phase = ""
        self._next_s = 0.0

    def show(self, status: Status) -> None:
        """Print the status if it is time."""
        now_s = time.monotonic()
        if status["phase"] == self._phase and now_s < self._next_s:
            return
        self._phase = str(status["phase"])
        self._next_s = now_s + LINE_PERIOD_S
        left_s = status.get("total_s", 0) - status.get("elapsed_s", 0)
        is_offering = status["phase"] in OFFERING and status.get("n_offered") and left_s > 0
        note(describe(status) + (f"  {format_duration(left_s)} left" if is_offering else ""))


@contextmanager
def _bar() -> Iterator[Callable[[Status], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (BarColumn(30), TimeElapsedColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    console = Console(stderr=True)
    with (
        Progress(*columns, console=console, refresh_per_second=2) as bar,
        notes_told_by(lambda text: console.print(text, markup=False, highlight=False, soft_wrap=True)),
    ):
        task = bar.add_task("checking the rig", total=None)

        def show(status: Status) -> None:
            bar.update(
                task,
                description=describe(status),
                total=status.get("total_s"),
                completed=min(status.get("elapsed_s", 0), status.get("total_s", 0)),
            )

        yield show
