"""Commands that start runs: run, demo, list."""

import os
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer

from hilrig.cli import options
from hilrig.cli.output import next_steps, note, print_json, say, word
from hilrig.cli.progress import progress
from hilrig.cli.search_commands import find_capacity
from hilrig.cli.verdict_output import read_result, result_json, show_checks, show_result, shown_path
from hilrig.core.exits import ExitCode

REPORTS = Path("reports")


class Search(str, Enum):
    """What `hilrig run` can search for with many short runs."""

    CAPACITY = "capacity"


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command()(demo)
    app.command()(run)
    app.command(name="list")(list_runs)


def run(  # noqa: PLR0913 - the command's options
    profile: options.Profile,
    *,
    duration: Annotated[
        str | None,
        typer.Option(help="Measured time instead of the profile's: 90s, 10m, 8h.", show_default=False),
    ] = None,
    search: Annotated[
        Search | None,
        typer.Option(
            help="Find the highest frame rate that is sustained within the limits; --duration is that of a probe, "
            "20s if left out. Exits with 10 or 11 when that is below the profile's rate.",
            show_default=False,
        ),
    ] = None,
    rig: options.RigFile = None,
    reports: options.Reports = REPORTS,
    metrics_file: options.MetricsFile = None,
    metrics_port: options.MetricsPort = None,
    key: options.Key = None,
    passphrase_file: options.PassphraseFile = None,
    passphrase_fd: options.PassphraseFd = None,
    json: options.Json = False,
) -> None:
    """Run a profile's soak on a rig, judge it, sign the report.

    Ctrl-C ends the run in order: what was recorded is judged and signed. A time shorter than the profile's cannot
    give a PASS.
    """
    from hilrig.app.live_metrics import live_metrics
    from hilrig.app.request import RunRequest
    from hilrig.app.run import run as do_run

    request = RunRequest(
        profile=options.absolute(profile),
        rig_file=None if rig is None else options.absolute(rig),
        reports=options.absolute(reports),
        duration_s=None if duration is None else options.parse_duration(duration),
        key=options.absolute(key or options.default_key()),
        passphrase_file=None if passphrase_file is None else options.absolute(passphrase_file),
        passphrase_fd=passphrase_fd,
    )
    if search is Search.CAPACITY:
        find_capacity(request, json=json)
    with progress() as show, live_metrics(file=metrics_file, port=metrics_port) as live:

        def on_status(status: Mapping[str, Any]) -> None:
            show(status)
            live.show(status)

        finished = do_run(request, on_status=on_status)
        live.end(finished.exit_code)
    result = read_result(finished.run_dir)
    _append_step_summary(finished.run_dir)
    if json:
        print_json(result_json(finished.run_dir, result))
    show_result(finished.run_dir, result)
    raise typer.Exit(finished.exit_code)


def demo(*, reports: options.Reports = REPORTS, json: options.Json = False) -> None:
    """Run the bundled weld station for a minute on this machine, from the first frame to a verified report.

    Exits with 0 when the whole chain worked, whatever the verdict.
    """
    from hilrig.app.demo import demo as do_demo
    from hilrig.app.demo import ensure_key
    from hilrig.app.folders import keys_folder

    if ensure_key(keys_folder()):
        note(f"made a signing key: {keys_folder() / 'rig.pem'} (no passphrase; `hilrig keys new` makes others)")
    with progress() as show:
        done = do_demo(reports=options.absolute(reports), keys_folder=keys_folder(), on_status=show)
    run_dir, result = done.finished.run_dir, read_result(done.finished.run_dir)
    if json:
        print_json(result_json(run_dir, result))
    show_checks(result)
    for finding in done.verified.findings:
        say(f"  not verified: {finding.sentence}")
    if not done.verified.ok:
        raise typer.Exit(ExitCode.TRUST)
    if result.exit_code == ExitCode.ABORTED:
        raise typer.Exit(ExitCode.ABORTED)
    say(f"signature   {done.verified.key_fingerprint} holds over {done.verified.n_files} files")
    say(f"hilrig run  would have exited with {result.exit_code}")
    say(f"report      {shown_path(run_dir / 'report.html')}")
    next_steps(
        f"hilrig verify {shown_path(run_dir)}",
        "hilrig init my-station --model MODEL.onnx",
        "hilrig run my-station --duration 10m",
    )


def list_runs(*, reports: options.Reports = REPORTS, json: options.Json = False) -> None:
    """List the runs in a reports folder, the newest first."""
    from hilrig.core.clock import SystemClock
    from hilrig.record.listing import list_runs as read_runs

    entries = read_runs(reports, clock=SystemClock()) if reports.exists() else []
    if json:
        print_json(
            {
                "runs": [
                    {
                        "path": str(entry.path),
                        "state": entry.state.value,
                        "status": entry.status.value if entry.status else None,
                        "detail": entry.detail,
                    }
                    for entry in entries
                ]
            }
        )
        return
    for entry in entries:
        status = entry.status.value if entry.status else entry.state.value
        say(f"{word(status, width=13)} {shown_path(entry.path)}" + (f"  {entry.detail}" if entry.detail else ""))
    if not entries:
        say(f"no runs in {reports}")
        next_steps("hilrig demo")


def _append_step_summary(run_dir: Path) -> None:
    target = os.environ.get("GITHUB_STEP_SUMMARY")
    if target:
        with Path(target).open("a", encoding="utf-8") as file:
            file.write((run_dir / "summary.md").read_text(encoding="utf-8"))
