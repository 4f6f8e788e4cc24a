"""Commands that start runs: run, demo."""

import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from hilrig.cli import options
from hilrig.cli.output import next_steps, note, print_json, say
from hilrig.cli.progress import progress
from hilrig.cli.rigs import options as rig_options
from hilrig.cli.rigs.options import choose_rigs
from hilrig.cli.rigs.run import RigsAsked, append_step_summary, refuse_for_several, run_on_all, run_on_one
from hilrig.cli.run_options import BaselineRun, Detach, Duration, Note, Operator, Search, SearchFor
from hilrig.cli.search_commands import find_capacity
from hilrig.cli.verdict_output import read_result, result_json, show_checks, show_result, shown_path
from hilrig.core.errors import UsageError
from hilrig.core.exits import ExitCode

if TYPE_CHECKING:
    from hilrig.app.run.request import RunRequest
    from hilrig.app.run.run import Finished

REPORTS = Path("reports")


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command()(demo)
    app.command()(run)


def run(  # noqa: PLR0913 - the command's options
    profile: options.Profile,
    *,
    duration: Duration = None,
    search: SearchFor = None,
    rig: rig_options.RigNames = None,
    label: rig_options.Labels = None,
    every: rig_options.Every = False,
    rigs: rig_options.RigsFolder = None,
    wait: rig_options.Wait = None,
    max_parallel: rig_options.MaxParallel = None,
    reports: options.Reports = REPORTS,
    metrics_file: options.MetricsFile = None,
    metrics_port: options.MetricsPort = None,
    operator: Operator = "",
    note: Note = "",
    baseline: BaselineRun = None,
    detach: Detach = False,
    key: options.Key = None,
    passphrase_file: options.PassphraseFile = None,
    passphrase_fd: options.PassphraseFd = None,
    json: options.Json = False,
) -> None:
    """Run a profile's soak on a rig, judge it, sign the report.

    Ctrl-C ends the run in order: what was recorded is judged and signed. Started on a terminal, it goes on when
    the terminal closes or the link drops: hilrig watch. A time shorter than the profile's cannot give a PASS.

    On several rigs there is one more report with all of them, the runs end with this command, and the exit code is
    the most telling one: 10 if any FAIL, else 11, 12, 2, 30, 22, 21, 20 if any; 0 only if every rig gave PASS.
    """
    from hilrig.app.foreign_text import NOTE_MAX, OPERATOR_MAX, given_text
    from hilrig.app.run.request import RunRequest

    request = RunRequest(
        profile=options.absolute(profile),
        rig_file=None,
        reports=options.absolute(reports),
        duration_s=None if duration is None else options.parse_duration(duration),
        key=options.absolute(key or options.default_key()),
        passphrase_file=None if passphrase_file is None else options.absolute(passphrase_file),
        passphrase_fd=passphrase_fd,
        operator=given_text(operator, what="operator's name", at_most=OPERATOR_MAX),
        note=given_text(note, what="note", at_most=NOTE_MAX),
        baseline=None if baseline is None else options.absolute(baseline),
    )
    asked = RigsAsked(
        choice=choose_rigs(rig, label, every=every, folder=rigs), wait=wait, max_parallel=max_parallel
    )
    beside = Beside(search=search, detach=detach, metrics_file=metrics_file, metrics_port=metrics_port)
    _run(request, asked, beside, json=json)


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What else `hilrig run` was told that is about one run."""

    search: Search | None
    detach: bool
    metrics_file: Path | None
    metrics_port: int | None


def _run(request: "RunRequest", asked: RigsAsked, beside: Beside, *, json: bool) -> None:
    if asked.choice.on_all:
        refuse_for_several(**asdict(beside), baseline=request.baseline)
        run_on_all(request, asked, json=json)
    _refuse_max_parallel(asked.max_parallel)
    if beside.search is Search.CAPACITY:
        _refuse_detached_search(detach=beside.detach)
        find_capacity(_on_the_only_rig(request, asked), json=json)
    if beside.detach:
        _refuse_metrics(beside.metrics_file, beside.metrics_port)
        _detach(request, asked, json=json)
        return
    finished = _follow(
        replace(request, is_detached=_on_terminal()), asked, beside.metrics_file, beside.metrics_port
    )
    result = read_result(finished.run_dir)
    append_step_summary(finished.run_dir)
    if json:
        print_json(result_json(finished.run_dir, result))
    show_result(finished.run_dir, result)
    raise typer.Exit(finished.exit_code)


def _follow(
    request: "RunRequest", asked: RigsAsked, metrics_file: Path | None, metrics_port: int | None
) -> "Finished":
    from hilrig.app.live.metrics import live_metrics
    from hilrig.app.run.run import run as do_run

    with progress() as show, live_metrics(file=metrics_file, port=metrics_port) as live:
        is_told = not request.is_detached

        def on_status(status: Mapping[str, Any]) -> None:
            nonlocal is_told
            show(status)
            live.show(status)
            if not is_told and "run_dir" in status:
                is_told = True
                note(f"closing this terminal does not end the run: hilrig watch {status['run_dir']}")

        finished = run_on_one(request, asked, lambda one, show: do_run(one, on_status=show), on_status=on_status)
        live.end(finished.exit_code)
    return finished


def _detach(request: "RunRequest", asked: RigsAsked, *, json: bool) -> None:
    from hilrig.app.web.detached import start

    with progress() as show:
        run_dir = run_on_one(request, asked, lambda one, tell: start(one, on_status=tell), on_status=show)
    if json:
        print_json({"run_dir": str(run_dir)})
    say(f"started     {shown_path(run_dir)}")
    next_steps(f"hilrig watch {shown_path(run_dir)}")


def _on_terminal() -> bool:
    """Return whether a person may close what this was started on: then the run goes on."""
    return any(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))


def _on_the_only_rig(request: "RunRequest", asked: RigsAsked) -> "RunRequest":
    """Return a search's request: its many runs are on one rig, which must be free when it begins."""
    rigs = asked.choice.rigs
    if len(rigs) > 1 or asked.wait is not None:
        raise UsageError("a search is on one rig that is free", hint="hilrig rigs list, then --rig NAME")
    return replace(request, rig_file=rigs[0][1] if rigs else None)


def _refuse_max_parallel(max_parallel: int | None) -> None:
    if max_parallel is not None:
        raise UsageError("--max-parallel is for several rigs", hint="give --rig again, or --label with --all")


def _refuse_detached_search(*, detach: bool) -> None:
    if detach:
        raise UsageError("a search is many runs, which this process starts: it cannot be detached")


def _refuse_metrics(metrics_file: Path | None, metrics_port: int | None) -> None:
    if metrics_file is not None or metrics_port is not None:
        raise UsageError(
            "metrics come from the process that stays beside the run: with --detach there is none",
            hint="leave --detach out, or the metrics",
        )


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
