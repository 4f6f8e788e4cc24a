"""`hilrig watch`: a run that goes on, seen from another terminal."""

import json as json_text
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from hilrig.cli import options
from hilrig.cli.live_output import Run, follow, followed_run_of, run_dir_of
from hilrig.cli.output import next_steps, print_json, say
from hilrig.cli.verdict_output import read_result, result_json, show_result, shown_path

if TYPE_CHECKING:
    from hilrig.core.live import LiveRun

REPORTS: Final = Path("reports")
PIPE_COLUMNS: Final = 100


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(watch)


def watch(
    run: Run = None,
    *,
    reports: options.Reports = REPORTS,
    once: Annotated[bool, typer.Option("--once", help="Show one look and end.")] = False,
    json: options.Json = False,
) -> None:
    """Watch a run that goes on; ends with it, and with the exit code of its verdict.

    Ctrl-C ends only the view. --once --json prints what every live view is made of.
    """
    from hilrig.app.live.view import look
    from hilrig.core.clock import SystemClock

    if once:
        _show_once(look(run_dir_of(run, reports), clock=SystemClock()), json=json)
        return
    run_dir = followed_run_of(run, reports)
    try:
        follow(run_dir)
    except KeyboardInterrupt:
        say()
        say("the run goes on")
        next_steps(f"hilrig watch {shown_path(run_dir)}", f"hilrig stop {shown_path(run_dir)} --reason WHY")
        return
    result = read_result(run_dir)
    if json:
        print_json(result_json(run_dir, result))
    show_result(run_dir, result)
    raise typer.Exit(result.exit_code)


def _show_once(run: "LiveRun", *, json: bool) -> None:
    if json:
        print_json(_as_json(run))
        return
    from hilrig.cli.watch_screen import screen

    columns = os.get_terminal_size().columns if sys.stdout.isatty() else PIPE_COLUMNS
    for line in screen(run, width=columns):
        say(line.text)


def _as_json(run: "LiveRun") -> Any:
    from hilrig.config.noun_json import to_json

    return json_text.loads(to_json(run))
