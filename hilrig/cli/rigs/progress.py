"""How many runs are shown while they go on: a line for each rig on a terminal, elsewhere a line at times."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Final

from hilrig.cli.output import note, notes_told_by
from hilrig.cli.progress import OFFERING, describe
from hilrig.core.units import format_duration

if TYPE_CHECKING:
    from rich.table import Table

    from hilrig.app.rigs.many_rigs import RigState

LINE_PERIOD_S: Final = 30
"""Between two lines of a rig whose phase does not change: thirty rigs still leave a log that people read."""

REFRESH_PER_S: Final = 2
_WORDS: Final[Mapping[int | None, str]] = {0: "PASS", 10: "FAIL", 11: "INCONCLUSIVE", 12: "ended by the operator"}
Show = Callable[[Sequence["RigState"]], None]


@contextmanager
def rigs_progress() -> Iterator[Show]:
    """Give the function that shows where the rigs stand, on stderr."""
    with _table() if sys.stderr.isatty() else nullcontext(_Lines().show) as show:
        yield show


def describe_state(state: "RigState") -> str:
    """Return where a rig stands, in words."""
    if state.outcome is not None:
        return _outcome(state)
    if state.stage.value == "running":
        return describe(state.status) + _left(state)
    return f"busy, asked again soon: {state.why}" if state.why else "waits for its turn"


def _outcome(state: "RigState") -> str:
    assert state.outcome is not None  # noqa: S101 - the caller looked
    if state.outcome.error is not None:
        return f"exit {int(state.outcome.error.exit_code)}: {state.outcome.error.message}"
    code = state.outcome.finished.exit_code if state.outcome.finished else None
    return f"{_WORDS.get(code, 'ended')} (exit {code})"


def _left(state: "RigState") -> str:
    left_s = state.status.get("total_s", 0) - state.status.get("elapsed_s", 0)
    is_offering = state.status.get("phase") in OFFERING and state.status.get("n_offered") and left_s > 0
    return f"  {format_duration(left_s)} left" if is_offering else ""


class _Lines:
    """A line for a rig whose stage or phase has changed, another every thirty seconds."""

    def __init__(self) -> None:
        self._told: dict[str, tuple[str, float]] = {}

    def show(self, states: Sequence["RigState"]) -> None:
        """Print the rigs for which it is time."""
        now_s = time.monotonic()
        for state in states:
            step = f"{state.stage.value} {state.status.get('phase', '')}" if state.outcome is None else "done"
            told, next_s = self._told.get(state.rig, ("", 0.0))
            is_due = now_s >= next_s and state.stage.value == "running"
            if step != told or is_due:
                self._told[state.rig] = (step, now_s + LINE_PERIOD_S)
                note(f"{state.rig}: {describe_state(state)}")


@contextmanager
def _table() -> Iterator[Show]:
    from rich.console import Console
    from rich.live import Live

    console = Console(stderr=True)
    with (
        Live(console=console, refresh_per_second=REFRESH_PER_S, vertical_overflow="ellipsis") as live,
        notes_told_by(lambda text: console.print(text, markup=False, highlight=False, soft_wrap=True)),
    ):
        yield lambda states: live.update(_rows(states))


def _rows(states: Sequence["RigState"]) -> "Table":
    """Return the table; the rigs that run stand first, since a small screen cuts the end off."""
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    order = ["running", "busy", "queued", "done"]
    for state in sorted(states, key=lambda one: order.index(one.stage.value)):
        table.add_row(Text(state.rig), Text(describe_state(state), overflow="ellipsis", no_wrap=True))
    n_done = sum(state.outcome is not None for state in states)
    table.add_row(Text("rigs"), Text(f"{n_done} of {len(states)} done"))
    return table
