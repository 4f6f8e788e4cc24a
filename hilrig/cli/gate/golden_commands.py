"""Commands over frames of known truth: golden run, bundle, check."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from hilrig.cli import options
from hilrig.cli.output import next_steps, note, print_json, say, word
from hilrig.core.errors import RunAbortedError
from hilrig.core.exits import ExitCode
from hilrig.core.units import format_duration

if TYPE_CHECKING:
    from hilrig.core.golden import GoldenReport, LabelScore, Rate
    from hilrig.core.golden_bundle import BundleCheck

N_FRAMES: Final = 12

app = typer.Typer(
    help="Hold the pipeline against frames of known truth.", no_args_is_help=True, rich_markup_mode=None
)

BundleFile = Annotated[Path, typer.Argument(metavar="FILE.zip", help="A bundle.", show_default=False)]


@app.command()
def run(
    profile: options.Profile,
    *,
    against: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The last release's golden.json.", show_default=False)
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the report here.", show_default=False)
    ] = None,
    rig: options.RigInPlace = None,
    json: options.Json = False,
) -> None:
    """Show the golden set to the whole pipeline once; hold precision, recall and false rejects of each label.

    Limits are held against the worse end of the Wilson interval at 95 %. Exits with 0 for PASS, 10 for FAIL, 11
    when a label has no cases or too few to tell, 12 for Ctrl-C.
    """
    from hilrig.app.golden.run import GoldenRequest, run_golden, write_golden
    from hilrig.core.clock import SystemClock

    request = GoldenRequest(profile=profile, rig_file=options.rig_file(rig), against=against)
    with _nothing_written_when_aborted():
        report = run_golden(request, clock=SystemClock(), shown=_progress)
    if out is not None:
        write_golden(out, report)
    if json:
        _print_document(report)
    else:
        _show(report, out=out, profile=profile)
    raise typer.Exit(_exit_code(report))


@app.command()
def bundle(
    profile: options.Profile,
    *,
    out: Annotated[Path, typer.Option(metavar="FILE.zip", help="Write the bundle here.", show_default=False)],
    n: Annotated[int, typer.Option("--n", min=1, max=24, help="How many frames.")] = N_FRAMES,
    with_log: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Add the end of a node's log: known keys only.", show_default=False),
    ] = None,
    rig: options.RigInPlace = None,
    json: options.Json = False,
) -> None:
    """Make a diagnostic bundle: a few golden frames with what the pipeline makes of them here, for support.

    It holds pictures, scores, digests and versions, and nothing else: no model, no profile, no path, no secret.
    """
    from hilrig.app.golden.making import BundleRequest, make_bundle
    from hilrig.core.clock import SystemClock

    request = BundleRequest(profile=profile, out=out, n_frames=n, log=with_log, rig_file=options.rig_file(rig))
    with _nothing_written_when_aborted():
        made = make_bundle(request, clock=SystemClock(), shown=_progress)
    frames = made.bundle.expected
    if json:
        reasons = {frame.name: list(frame.why) for frame in frames}
        print_json({"file": str(out), "sha256": made.sha256, "n_bytes": made.n_bytes, "frames": reasons})
        return
    for frame in frames:
        say(f"{frame.name}  {', '.join(frame.why)}")
    say(f"{out}: {len(frames)} frames, {made.n_bytes / (1 << 20):.1f} MiB, sha256 {made.sha256}")
    if made.n_left_out:
        say(f"{made.n_left_out} more frames would have made it too large to send")
    next_steps(f"hilrig golden check {out}")


@app.command()
def check(
    file: BundleFile,
    *,
    profile: Annotated[
        Path | None,
        typer.Option(
            help="Run it through this profile's pipeline. [default: the profile of the bundle's name]",
            show_default=False,
        ),
    ] = None,
    json: options.Json = False,
) -> None:
    """Run a bundle's frames on this machine. Exits with 0 when all come out as they did, else with 10."""
    from hilrig.app.golden.check import check_bundle

    found = check_bundle(file, profile)
    if json:
        _print_document(found)
    else:
        _show_check(found)
    raise typer.Exit(_exit_code(found))


@contextmanager
def _nothing_written_when_aborted() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        raise RunAbortedError("ended by the operator: nothing was written", hint="start it again") from None


def _progress(done: int, n_frames: int, left_s: float) -> None:
    note(f"golden set: {done} of {n_frames} frames, about {format_duration(round(left_s))} left")


def _show(report: "GoldenReport", *, out: Path | None, profile: Path) -> None:
    say(f"{report.profile_name} on {report.device_class}: {report.n_frames} golden frames")
    width = max((len(score.label) for score in report.labels), default=0)
    for score in report.labels:
        say(f"  {score.label:<{width}}  {_row(score)}")
    for held in report.checks:
        say(f"{word(held.status.value, width=13)} {held.sentence}")
    say(f"golden set: {word(report.status.value)}")
    if not report.against_sha256:
        say("not held against the last release: --against golden.json")
    if out is not None:
        say(f"report {out}")
        next_steps("hilrig gate manifest PROFILE --evidence DIR --out RELEASE")
    else:
        next_steps(f"hilrig golden run {profile} --out golden.json")


def _row(score: "LabelScore") -> str:
    rates = (("precision", score.precision), ("recall", score.recall), ("false rejects", score.false_reject))
    return "  ".join(f"{name} {_percent(rate)}" for name, rate in rates)


def _percent(rate: "Rate | None") -> str:
    if rate is None:
        return "unknown"
    return f"{100 * rate.value:.1f} % ({100 * rate.low:.1f} to {100 * rate.high:.1f}, n = {rate.n})"


def _show_check(found: "BundleCheck") -> None:
    """Show a bundle's frames; what the file says is foreign text."""
    from hilrig.app.foreign_text import one_line

    say(f"{found.profile_name} on {found.device_class}: {len(found.frames)} frames of the bundle")
    for frame in found.frames:
        text = one_line(f"{frame.name} ({', '.join(frame.why)}): {frame.sentence}")
        say(f"{word(frame.status.value, width=5)} {text}")
    for difference in found.differences:
        say(f"differs: {one_line(difference)}")
    if not found.differences:
        say("model, pipeline, profile and all versions are those of the bundle")
    say(f"bundle: {word(found.status.value)}")
    if _exit_code(found) is not ExitCode.OK:
        next_steps("hilrig triage RUN --playbook accuracy-drop", "hilrig doctor")


def _exit_code(found: "GoldenReport | BundleCheck") -> ExitCode:
    from hilrig.core.verdict import CheckStatus

    exits = {CheckStatus.PASS: ExitCode.OK, CheckStatus.FAIL: ExitCode.FAIL}
    return exits.get(found.status, ExitCode.INCONCLUSIVE)


def _print_document(noun: Any) -> None:
    from json import loads

    from hilrig.config.noun_json import to_json

    print_json(loads(to_json(noun)))
