"""Commands around profiles: init, check, schema."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hilrig.cli import options
from hilrig.cli.doctor_command import doctor
from hilrig.cli.output import next_steps, print_json, say

if TYPE_CHECKING:
    from hilrig.core.profile import Limit


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


def check(profile: options.Profile, *, rig: options.RigInPlace = None, json: options.Json = False) -> None:
    """Check a profile: every mistake in its text at once, its model, its feed, whether this machine can run it."""
    from hilrig.app.check import check_profile

    checked = check_profile(profile, rig_file=options.rig_file(rig))
    if json:
        print_json(
            {
                "profile": checked.profile.name,
                "limits": [limit.check_id for limit in checked.profile.limits],
                "bundle_sha256": checked.bundle_sha256,
                "runs_here": not checked.obstacle,
                "obstacle": checked.obstacle,
                "warnings": list(checked.warnings),
            }
        )
        return
    say(f"{checked.profile.name}: sound, {len(checked.profile.limits)} limits")
    for limit in checked.profile.limits:
        say(f"  {limit.check_id} {_held(limit)}  ({limit.source})")
    say(f"model bundle_sha256 {checked.bundle_sha256}")
    for warning in checked.warnings:
        say(f"warning: {warning}")
    if checked.obstacle:
        say(f"this machine cannot run it: {checked.obstacle}")
        next_steps("hilrig doctor")
    else:
        next_steps(f"hilrig run {profile}")


def schema(
    *,
    rig: Annotated[bool, typer.Option("--rig", help="Of a rig file instead.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the table of all keys instead.")] = False,
) -> None:
    """Print the JSON schema of a profile, for editors."""
    from hilrig.config import schema as references

    if markdown:
        say(references.rig_reference() if rig else references.profile_reference())
    else:
        print_json(references.rig_schema() if rig else references.profile_schema())


def _held(limit: "Limit") -> str:
    """Return what a limit asks for: `<= 45 ms`, or `required`."""
    if limit.unit == "bool":
        return "required"
    unit = "" if limit.unit == "1" else f" {limit.unit}"
    return f"{limit.comparator.value} {limit.limit:g}{unit}"
