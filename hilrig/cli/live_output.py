"""Following a run that goes on: a screen on a terminal, elsewhere a line every ten seconds."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from hilrig.cli import options
from hilrig.cli.output import say
from hilrig.cli.verdict_output import shown_path
from hilrig.core.errors import RecordError, RigLostError, RunAbortedError

if TYPE_CHECKING:
    from hilrig.core.live import LiveRun

PERIOD_S: Final = 1.0
LINE_PERIOD_S: Final = 10.0

Run = Annotated[
    Path | None,
    typer.Argument(help="A run directory. [default: the newest that goes on in --reports]", show_default=False),
]


def follow(run_dir: Path) -> None:
    """Show a run until it has its verdict.

    Raises:
        RunAbortedError: it ended before its first frame, and its directory is gone.
        RigLostError: its process is gone without a verdict.
    """
    from hilrig.app.live.view import look
    from hilrig.core.clock import SystemClock
    from hilrig.core.live import LiveState

    clock = SystemClock()
    with _shown() as show:
        while True:
            try:
                seen = look(run_dir, clock=clock)
            except RecordError:
                _refuse_gone(run_dir)
                raise
            show(seen)
            if seen.state is LiveState.FINISHED:
                return
            if seen.state is LiveState.LOST:
                raise _lost(run_dir)
            time.sleep(PERIOD_S)


def run_dir_of(run: Path | None, reports: Path) -> Path:
    """Return the run that a command is about.

    Raises:
        UsageError: none was named, and none goes on.
    """
    from hilrig.app.live.view import newest_running
    from hilrig.core.clock import SystemClock

    return options.absolute(newest_running(reports, clock=SystemClock()) if run is None else run)


def followed_run_of(run: Path | None, reports: Path) -> Path:
    """Return the run that a command is about; one on a rig that nobody here follows is taken up again.

    Raises:
        UsageError: none was named, and none goes on.
        HilrigError: its rig cannot be reached.
    """
    from hilrig.app.rigs.attach import take_up

    run_dir = run_dir_of(run, reports)
    take_up(run_dir)
    return run_dir


def _refuse_gone(run_dir: Path) -> None:
    if not run_dir.exists():
        raise RunAbortedError(
            "the run ended before its first frame and left nothing",
            hint="hilrig run without --detach says what is wrong",
        )


def _lost(run_dir: Path) -> RigLostError:
    from hilrig.app.rigs.attach import is_elsewhere

    if is_elsewhere(run_dir):
        return RigLostError(
            f"nobody here follows the run on its rig any more{_last_words(run_dir)}",
            hint=f"hilrig watch {shown_path(run_dir)}",
        )
    return RigLostError(
        f"the run's process is gone without a verdict{_last_words(run_dir)}",
        hint=f"hilrig recover {shown_path(run_dir)}",
    )


def _last_words(run_dir: Path) -> str:
    try:
        lines = (run_dir / "run.log").read_text(errors="replace").strip().splitlines()
    except OSError:
        return ""
    return f": {lines[-1][:200]}" if lines else ""


@contextmanager
def _shown() -> Iterator[Callable[["LiveRun"], None]]:
    """Give the function that shows a look: a screen on a terminal, a line now and then elsewhere."""
    if not sys.stdout.isatty():
        yield Lines().show
        return
    from rich.console import Console, Group
    from rich.live import Live
    from rich.text import Text

    from hilrig.cli.watch_screen import screen

    console = Console(highlight=False)
    with Live(console=console, auto_refresh=False, vertical_overflow="crop") as live:

        def show(run: "LiveRun") -> None:
            lines = screen(run, width=console.width - 1)
            texts = (Text(line.text, style=line.style, no_wrap=True) for line in lines)
            live.update(Group(*texts), refresh=True)

        yield show


class Lines:
    """A line when the phase or the state changes, another every ten seconds."""

    def __init__(self) -> None:
        self._shown: tuple[str, str] | None = None
        self._next_s = 0.0

    def show(self, run: "LiveRun") -> None:
        """Print the look if it is time."""
        from hilrig.cli.watch_screen import one_liner  # what a run is made of: no other command shows one

        now_s = time.monotonic()
        if (run.state.value, run.phase) == self._shown and now_s < self._next_s:
            return
        self._shown, self._next_s = (run.state.value, run.phase), now_s + LINE_PERIOD_S
        say(one_liner(run))
