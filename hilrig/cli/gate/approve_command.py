"""`hilrig gate approve`: a person signs for a release's manifest."""

import time
from pathlib import Path
from typing import Annotated

import typer

from hilrig.cli import options
from hilrig.cli.output import next_steps, print_json, say

Release = Annotated[Path, typer.Argument(help="The release folder that gate manifest wrote.", show_default=False)]
Role = Annotated[str, typer.Option(help="As whom you speak: security, quality, ...", show_default=False)]
Reason = Annotated[str, typer.Option(help="Why, for whoever reads it in a year.", show_default=False)]
Waive = Annotated[
    list[str] | None,
    typer.Option(metavar="ITEM", help="An item of the policy that may stay open; may be given again."),
]
ExpiresDays = Annotated[float, typer.Option(min=0.01, max=366, help="How long it holds.")]


def approve(  # noqa: PLR0913 - the command's options
    release: Release,
    *,
    role: Role,
    reason: Reason,
    waive: Waive = None,
    expires_days: ExpiresDays = 30.0,
    key: options.Key = None,
    passphrase_file: options.PassphraseFile = None,
    passphrase_fd: options.PassphraseFd = None,
    json: options.Json = False,
) -> None:
    """Approve a release's manifest: these bytes and no others. With --waive items of the policy may stay open.

    Whether your key may speak for the role, the gate asks of its trust root.
    """
    from hilrig.app.foreign_text import one_line
    from hilrig.app.gate.approvals import ApprovalRequest
    from hilrig.app.gate.approvals import approve as do_approve
    from hilrig.app.gate.manifest import read_manifest
    from hilrig.attest.keys import load_signer, read_passphrase

    signer = load_signer(key or options.default_key(), passphrase=read_passphrase(passphrase_file, passphrase_fd))
    request = ApprovalRequest(role=role, reason=reason, waives=tuple(waive or ()), expires_days=expires_days)
    manifest, _ = read_manifest(release)
    classes = ", ".join(manifest.devices_tested) or "no class"
    path, approval = do_approve(release, request, signer, now_ns=time.time_ns())
    if json:
        print_json(
            {
                "approval": str(path),
                "manifest_sha256": approval.manifest_sha256,
                "role": approval.role,
                "waives": list(approval.waives),
                "expires_at_utc": approval.expires_at_utc,
                "key_fingerprint": signer.public_key.keyid,
            }
        )
    say(f"approved  {release}, as {approval.role}")
    say(f"  {one_line(f'{manifest.name} {manifest.version} for {classes}')}")
    say(f"  manifest {approval.manifest_sha256}")
    if approval.waives:
        say(f"  may stay open: {', '.join(approval.waives)}")
    say(f"  holds until {approval.expires_at_utc}, signed by {signer.public_key.keyid}")
    say(f"  {path}")
    next_steps(f"hilrig gate check {release} --evidence DIR --trust trust.json")
