"""Commands over the runs that others are shown beside: baseline set, show, list, unset."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from hilrig.cli import finished_options, options
from hilrig.cli.output import next_steps, print_json, say, word
from hilrig.core.errors import UsageError

if TYPE_CHECKING:
    from hilrig.app.finished.baseline import KeptBaseline

app = typer.Typer(
    help="Choose the run that reports show others beside.", no_args_is_help=True, rich_markup_mode=None
)

DeviceClass = Annotated[
    str | None,
    typer.Option(metavar="CLASS", help="The device class, where the profile has several.", show_default=False),
]


@app.command(name="set")
def set_run(
    run_dir: options.RunDirectory, *, signed_by: finished_options.SignedBy = None, json: options.Json = False
) -> None:
    """Make a finished PASS the baseline of its profile and device class. A copy is kept: the run may go."""
    from hilrig.app.finished.baseline import set_baseline
    from hilrig.core.clock import SystemClock

    kept, before = set_baseline(
        options.absolute(run_dir), keys=finished_options.trusted_keys(signed_by), clock=SystemClock()
    )
    if json:
        print_json(_described(kept))
        return
    say(f"baseline of {kept.baseline.profile_name} on {kept.baseline.device_class}: run {kept.baseline.run_id}")
    say(f"  signed by {kept.baseline.key_fingerprint}")
    if before is not None:
        say(f"  in the place of run {before.baseline.run_id} of {before.baseline.started_at_utc}")
    next_steps("hilrig run PROFILE", "hilrig baseline list")


@app.command()
def show(
    profile: Annotated[str | None, typer.Argument(help="A profile's name.", show_default=False)] = None,
    *,
    json: options.Json = False,
) -> None:
    """Show the baselines, or those of a profile, with their limits and numbers."""
    from hilrig.app.finished.baseline import list_baselines

    found = list_baselines(profile)
    if not found:
        of = "" if profile is None else f" for {profile}"
        raise UsageError(f"no baseline is set{of}", hint="hilrig baseline set RUN")
    if json:
        print_json({"baselines": [_described(kept) for kept in found]})
        return
    for kept in found:
        _show(kept)


@app.command(name="list")
def list_all(*, json: options.Json = False) -> None:
    """List the baselines, one line each."""
    from hilrig.app.finished.baseline import list_baselines

    found = list_baselines()
    if json:
        print_json({"baselines": [_described(kept) for kept in found]})
        return
    for kept in found:
        held = kept.baseline
        say(f"{held.profile_name} on {held.device_class}  run {held.run_id} of {held.started_at_utc[:19]} UTC")
    if not found:
        say("no baseline is set")
        next_steps("hilrig baseline set RUN")


@app.command()
def unset(
    profile: Annotated[str, typer.Argument(help="The profile's name.", show_default=False)],
    *,
    device_class: DeviceClass = None,
) -> None:
    """Forget a baseline: reports show later runs alone again."""
    from hilrig.app.finished.baseline import unset_baseline

    name, on_class = unset_baseline(profile, device_class)
    say(f"{name} on {on_class} has no baseline any more")


def _show(kept: "KeptBaseline") -> None:
    held = kept.baseline
    say(f"{held.profile_name} on {held.device_class}")
    say(f"  run {held.run_id} of {held.started_at_utc[:19]} UTC on {held.rig}, hilrig {held.hilrig_version}")
    say(f"  model {held.model_bundle_sha256}")
    say(f"  signed by {held.key_fingerprint}, set {kept.set_at_utc[:19]} UTC from {kept.run_dir}")
    for check in held.checks:
        say(f"  {word(check.status.value, width=13)} {check.sentence}")


def _described(kept: "KeptBaseline") -> dict[str, Any]:
    held = kept.baseline
    return {
        "profile": held.profile_name,
        "device_class": held.device_class,
        "run_id": held.run_id,
        "run_dir": kept.run_dir,
        "started_at_utc": held.started_at_utc,
        "set_at_utc": kept.set_at_utc,
        "result_sha256": held.result_sha256,
        "key_fingerprint": held.key_fingerprint,
        "model_bundle_sha256": held.model_bundle_sha256,
        "rig": held.rig,
        "checks": {check.check_id: check.observed_text for check in held.checks},
    }
