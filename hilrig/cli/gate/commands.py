"""The commands of the release gate: manifest, check.

The commands approve, status and revoke have files of their own.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hilrig.cli import options
from hilrig.cli.gate import approve_command as gate_approve_command
from hilrig.cli.gate import check_command as gate_check_command
from hilrig.cli.gate import revoke_command as gate_revoke_command
from hilrig.cli.gate import status_command as gate_status_command
from hilrig.cli.output import next_steps, print_json, say

if TYPE_CHECKING:
    from hilrig.app.gate.manifest import MadeManifest

app = typer.Typer(
    help="Turn evidence into one signed decision for each device class: may this release go to the line?",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.command("check")(gate_check_command.check)
app.command("approve")(gate_approve_command.approve)
app.command("status")(gate_status_command.status)
app.command("revoke")(gate_revoke_command.revoke)

SHOWN_MAX = 20
"""Of what was passed over: a terminal's height. `--json` has all of it."""


@app.command()
def manifest(  # noqa: PLR0913 - the command's options
    profile: options.Profile,
    *,
    evidence: Annotated[Path, typer.Option(help="The folder with all that speaks for it.", show_default=False)],
    out: Annotated[Path, typer.Option(help="The release folder, new or made before.", show_default=False)],
    previous: Annotated[
        Path | None, typer.Option(help="The folder of the release before. [default: there is none]")
    ] = None,
    version: Annotated[str, typer.Option(help="Of the model, for people. [default: the sequence]")] = "",
    sequence: Annotated[int | None, typer.Option(min=1, help="[default: the seconds since 1970]")] = None,
    lock: Annotated[
        Path | None,
        typer.Option(help="The lock file. [default: requirements.lock, uv.lock or requirements.txt beside .git]"),
    ] = None,
    trust: options.Trust = None,
    run_key: gate_check_command.RunKey = None,
    json: options.Json = False,
) -> None:
    """Write a release folder: what nodes read, and a manifest that lists every piece of evidence by its digest.

    Evidence is found by what it is: run directories, compatibility.json, golden.json, a diagnostic bundle, a
    node's *.log and journal.jsonl, desired.dsse.json, documents as TOPIC.md with a line `Reviewed: 2026-11-21`.
    Call it again with the same --out when there is more: release.json stays, approvals must be given anew.
    """
    from hilrig.app.gate.manifest import ManifestRequest, make_manifest
    from hilrig.core.clock import SystemClock

    request = ManifestRequest(
        profile=profile,
        evidence=evidence,
        out=out,
        previous=previous,
        version=version,
        sequence=sequence,
        lock=lock,
    )
    signers = gate_check_command.signers(trust, run_key or [], [], [])
    made = make_manifest(request, signers, clock=SystemClock())
    if json:
        _print_json(made, out)
        return
    _show(made)
    next_steps(f"hilrig gate check {out} --evidence {evidence} --profile {profile} --key gate.pem")


def _print_json(made: "MadeManifest", out: Path) -> None:
    print_json(
        {
            "release": str(out),
            "release_sha256": made.release_sha256,
            "manifest_sha256": made.manifest_sha256,
            "sequence": made.manifest.sequence,
            "version": made.manifest.version,
            "devices_tested": list(made.manifest.devices_tested),
            "evidence": [
                {"path": one.path, "kind": one.kind.value, "device_class": one.device_class, "topic": one.topic}
                for one in made.manifest.evidence
            ],
            "passed_over": list(made.passed_over),
            "unverified": list(made.unverified),
        }
    )


def _show(made: "MadeManifest") -> None:
    manifest = made.manifest
    say(f"{manifest.name} {manifest.version}, sequence {manifest.sequence}: release {made.release_sha256[:12]}")
    for one in manifest.evidence:
        say(f"  {one.kind.value:<18} {one.path}{f'  ({one.device_class})' if one.device_class else ''}")
    if not manifest.evidence:
        say("  no evidence was found")
    for words in made.unverified:
        say(f"  not verified       {words}")
    for words in made.passed_over[:SHOWN_MAX]:
        say(f"  passed over        {words}")
    if len(made.passed_over) > SHOWN_MAX:
        say(f"  and {len(made.passed_over) - SHOWN_MAX} more were passed over")
    source = manifest.source
    if source is None:
        say("  no git repository: nobody can say what it was built from")
    elif not source.tag:
        say(f"  commit {source.commit[:12]} has no tag, or files differ from it")
