"""Commands around profiles: init, check, schema."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hilrig.cli import options
from hilrig.cli.doctor_command import doctor
from hilrig.cli.output import next_steps, print_json, say

if TYPE_CHECKING:
    from hilrig.app.init.make import Made
    from hilrig.core.profile import Limit


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    for command in (init, check, doctor, schema):
        app.command()(command)


def init(
    folder: Annotated[Path, typer.Argument(help="The profile's folder, made when missing.", show_default=False)],
    *,
    model: Annotated[
        Path,
        typer.Option(
            help="The ONNX model: pictures in, one score per label out. It is copied into the folder.",
            show_default=False,
        ),
    ],
    labels: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Names of the labels: one per line, in the order of the scores. [default: what the model's "
            "metadata says, else label-0, label-1, ...]",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(help="The output with the scores, where the model has several.", show_default=False),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(
            metavar="WxH",
            help="Width and height of the model's input, such as 640x480, where the model leaves them open.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Make a profile for a model: its inputs and outputs filled in, every limit commented."""
    from hilrig.app.init.make import InitRequest, init_profile
    from hilrig.app.init.picture import read_size

    request = InitRequest(
        folder=folder, model=model, labels=labels, output=output, size=None if size is None else read_size(size)
    )
    made = init_profile(request)
    _show_made(made)
    named = shlex.quote(str(made.file.parent))
    next_steps(f"hilrig check {named}", *_key_first(), f"hilrig run {named}")


def _show_made(made: "Made") -> None:
    """Print what was found out about the model, and what only a person knows."""
    picture, scores, labels = made.picture, made.scores, made.labels
    say(f"made {made.file} for {made.profile.model.files[0]}")
    shape = ", ".join(map(str, picture.shape))
    say(f"  input   {picture.name}: {picture.dtype} [{shape}] ({picture.layout.value})")
    of_others = f"; not used: {', '.join(scores.others)}" if scores.others else ""
    say(f"  output  {scores.name}: {scores.n} score{'s' if scores.n > 1 else ''} {scores.kind}{of_others}")
    say(f"  labels  {labels.origin}")
    if labels.n_changed:
        say(f"          {labels.n_changed} were changed: a label has no comma, at most 64 characters, no twin")
    say(f"  speed   {scores.infer_ms:.3g} ms for one picture at best: the model alone, one thread of this machine")
    if scores.infer_ms > made.period_ms:
        rate = f"{float(made.profile.frame_rate_fps):g}"
        say(f"          too slow for frame_rate_fps: {rate}, which is an example: put in the rate of your line")
    say("put in what the model's file cannot say (each place has a comment): the preprocessing of its training,")
    say("thresholds, your camera, the limits of the station")


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
        next_steps(*_key_first(), f"hilrig run {shlex.quote(str(profile))}")


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


def _key_first() -> tuple[str, ...]:
    """Return the command that makes the key which signs reports, where this user has none yet."""
    return () if options.default_key().exists() else ("hilrig keys new",)


def _held(limit: "Limit") -> str:
    """Return what a limit asks for: `<= 45 ms`, or `required`."""
    if limit.unit == "bool":
        return "required"
    unit = "" if limit.unit == "1" else f" {limit.unit}"
    return f"{limit.comparator.value} {limit.limit:g}{unit}"
