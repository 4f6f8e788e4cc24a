"""`hilrig stop`: a run that goes on, ended from another terminal."""

from pathlib import Path
from typing import Annotated, Final

import typer

from hilrig.cli import options
from hilrig.cli.live_output import Run, follow, followed_run_of
from hilrig.cli.output import next_steps, print_json, say
from hilrig.cli.run_options import Operator
from hilrig.cli.verdict_output import read_result, result_json, show_result, shown_path
from hilrig.core.errors import RunAbortedError

REPORTS: Final = Path("reports")


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(stop)


def stop(
    run: Run = None,
    *,
    reason: Annotated[str, typer.Option(help="Why; it stands in the report.")] = "",
    operator: Operator = "",
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait for the verdict and show it.")] = True,
    reports: options.Reports = REPORTS,
    json: options.Json = False,
) -> None:
    """End a run in order: what was recorded is judged and signed."""
    from getpass import getuser

    from hilrig.app.live.stop import request_stop
    from hilrig.core.clock import SystemClock

    run_dir = followed_run_of(run, reports)
    request = request_stop(run_dir, by=operator or getuser(), reason=reason, clock=SystemClock())
    say(f"asked {shown_path(run_dir)} to end: {request.words}")
    if not wait:
        next_steps(f"hilrig watch {shown_path(run_dir)}")
        return
    try:
        follow(run_dir)
    except RunAbortedError as error:
        say(error.message)
        return
    result = read_result(run_dir)
    if json:
        print_json(result_json(run_dir, result))
    show_result(run_dir, result)
