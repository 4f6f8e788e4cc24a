"""The command doctor: what this machine is, what can be measured on it, or all of its answers in one file."""

import shutil
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from hilrig.cli import options
from hilrig.cli.output import next_steps, note, print_json, say, word
from hilrig.core.exits import ExitCode

if TYPE_CHECKING:
    from hilrig.app.machine.doctor import Diagnosis

REPORTS: Final = Path("reports")
_WIDTH: Final = 100
_WIDTH_MAX: Final = 140


def doctor(
    profile: Annotated[
        Path | None,
        typer.Argument(help="A profile whose frame rate and size the self-test takes. [default: 30 fps, 512x512]"),
    ] = None,
    *,
    reports: options.Reports = REPORTS,
    quick: Annotated[bool, typer.Option("--quick", help="Only look: no self-test.")] = False,
    record: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.tar.gz",
            help="Only write what /proc and /sys answer here, with ten seconds of telemetry, to a new file: "
            "without serial numbers, addresses or names.",
            show_default=False,
        ),
    ] = None,
    json: options.Json = False,
) -> None:
    """Show what this machine is and what can be measured on it, with the step that mends each gap.

    A self-test measures hilrig itself for ten seconds: a pipeline that does nothing, at the profile's frame rate.
    """
    if record is not None:
        _record(record, json=json)
        return
    from hilrig.app.folders import keys_folder
    from hilrig.app.machine.doctor import DEFAULT_SELF_TEST, diagnose, self_test_of

    self_test = None if quick else self_test_of(profile) if profile else DEFAULT_SELF_TEST
    if self_test is not None:
        note(f"self-test: measuring hilrig itself for {self_test.seconds:g} s (skip it with --quick)")
    found = diagnose(reports=reports, keys_folder=keys_folder(), self_test=self_test)
    if json:
        print_json(_as_json(found))
    else:
        _show(found)
    if found.is_broken:
        raise typer.Exit(ExitCode.PRECONDITION)
    if not json:
        next_steps("hilrig demo")


def _record(path: Path, *, json: bool) -> None:
    from dataclasses import asdict

    from hilrig.app.machine.board_recording import record_board
    from hilrig.cli.progress import progress

    with progress() as show:
        recorded = record_board(path, show=show)
    if json:
        print_json(asdict(recorded))
        return
    size_kib = recorded.n_bytes / 1024
    say(f"wrote {path}: {recorded.n_files} files, {recorded.n_readings} readings, {size_kib:.0f} KiB")
    say("no serial numbers, network addresses or names are in it; look yourself:")
    next_steps(f"tar -tzf {path}", "attach it to an issue about this board: it becomes a test of hilrig")


def _as_json(found: "Diagnosis") -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(found)


def _show(found: "Diagnosis") -> None:
    from hilrig.app.machine.examination import Health
    from hilrig.cli.capability_output import limit_lines, table_lines

    width = min(shutil.get_terminal_size((_WIDTH, 0)).columns, _WIDTH_MAX)
    say(f"device class  {' or '.join(found.rig.device_classes)}")
    known = {name: value for name, value in found.rig.facts.items() if value is not None}
    for name, value in known.items():
        say(f"  {name:<17} {_fact(value)}")
    unknown = ", ".join(name for name in found.rig.facts if name not in known)
    for line in textwrap.wrap(unknown, width, initial_indent=f"  {'unknown':<18}", subsequent_indent=" " * 20):
        say(line)
    say()
    for item in found.examined:
        say(f"{word(item.health.value, width=9)}{item.name}: {item.found}")
        if item.health is not Health.OK:
            say(f"{'':9}next: {item.remedy}")
    say()
    for line in (*table_lines(found.capabilities, width=width), "", *limit_lines(found.limits, width=width)):
        say(line)


def _fact(value: Any) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_fact(inner)}" for name, inner in value.items()) or "none"
    if isinstance(value, list):
        return ", ".join(map(_fact, value)) or "none"
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
