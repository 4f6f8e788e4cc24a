"""Commands around profiles and this machine: init, check, doctor, schema."""

from pathlib import Path
from typing import Annotated

import typer

from hilrig.cli import options
from hilrig.cli.output import next_steps, note, print_json, say
from hilrig.core.exits import ExitCode

REPORTS = Path("reports")


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    for command in (init, check, doctor, schema):
        app.command()(command)


def init(
    folder: Annotated[Path, typer.Argument(help="The profile's folder, made when missing.", show_default=False)],
    *,
    model: Annotated[Path, typer.Option(help="The ONNX model; it is copied into the folder.", show_default=False)],
) -> None:
    """Make a profile for a model: its inputs and outputs filled in, every limit commented."""
    from hilrig.app.init import init_profile

    profile = init_profile(folder, model)
    say(f"made {folder / 'profile.yaml'} for {model.name}: {len(profile.model.labels)} labels")
    say("put in the labels, the preprocessing of the training and the limits of the station")
    next_steps(f"hilrig check {folder}", f"hilrig run {folder}")


def check(profile: options.Profile, *, rig: options.RigFile = None, json: options.Json = False) -> None:
    """Check a profile: every mistake in its text at once, its model, its feed, whether this machine can run it."""
    from hilrig.app.check import check_profile

    checked = check_profile(profile, rig_file=rig)
    if json:
        print_json(
            {
                "profile": checked.profile.name,
                "limits": [limit.check_id for limit in checked.profile.limits],
                "bundle_sha256": checked.bundle_sha256,
                "runs_here": not checked.obstacle,
                "obstacle": checked.obstacle,
            }
        )
        return
    say(f"{checked.profile.name}: sound, {len(checked.profile.limits)} limits")
    for limit in checked.profile.limits:
        unit = "" if limit.unit == "1" else f" {limit.unit}"
        say(f"  {limit.check_id} {limit.comparator.value} {limit.limit:g}{unit}  ({limit.source})")
    say(f"model bundle_sha256 {checked.bundle_sha256}")
    if checked.obstacle:
        say(f"this machine cannot run it: {checked.obstacle}")
        next_steps("hilrig doctor")
    else:
        next_steps(f"hilrig run {profile}")


def doctor(
    profile: Annotated[
        Path | None,
        typer.Argument(help="A profile whose frame rate and size the self-test takes. [default: 30 fps, 512x512]"),
    ] = None,
    *,
    reports: options.Reports = REPORTS,
    quick: Annotated[bool, typer.Option("--quick", help="Only look: no self-test.")] = False,
    json: options.Json = False,
) -> None:
    """Show what this machine is and what can be measured on it, with the step that mends each gap.

    A self-test measures hilrig itself for ten seconds: a pipeline that does nothing, at the profile's frame rate.
    """
    from dataclasses import asdict

    from hilrig.app.doctor import DEFAULT_SELF_TEST, Health, diagnose, self_test_of
    from hilrig.app.folders import keys_folder

    self_test = None if quick else self_test_of(profile) if profile else DEFAULT_SELF_TEST
    if self_test is not None:
        note(f"self-test: measuring hilrig itself for {self_test.seconds:g} s (skip it with --quick)")
    found = diagnose(reports=reports, keys_folder=keys_folder(), self_test=self_test)
    if json:
        print_json(asdict(found))
        raise typer.Exit(ExitCode.PRECONDITION if found.is_broken else ExitCode.OK)
    say(f"device class  {' or '.join(found.rig.device_classes)}")
    for name, value in found.rig.facts.items():
        say(f"  {name:<14} {'unknown' if value is None else value}")
    say()
    for item in found.examined:
        say(f"{item.health.value:<8} {item.name}: {item.found}")
        if item.health is not Health.OK:
            say(f"{'':8} next: {item.remedy}")
    say()
    measured = sorted({c.channel.name for c in found.capabilities if c.reason is None})
    say(f"measured here ({len(measured)}): {', '.join(measured)}")
    for capability in found.capabilities:
        if capability.reason is not None and capability.channel.name not in measured:
            say(f"  not {capability.channel.key}: {capability.reason.name} {capability.detail}".rstrip())
    if found.is_broken:
        raise typer.Exit(ExitCode.PRECONDITION)
    next_steps("hilrig demo")


def schema(
    *, markdown: Annotated[bool, typer.Option(help="Print the table of all keys instead.")] = False
) -> None:
    """Print the JSON schema of a profile, for editors."""
    from hilrig.config.schema import profile_reference, profile_schema

    if markdown:
        say(profile_reference())
    else:
        print_json(profile_schema())
