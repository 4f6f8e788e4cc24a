"""`hilrig gate revoke`: take a decision back."""

from pathlib import Path
from typing import Annotated

import typer

from hilrig.cli import options
from hilrig.cli.output import next_steps, print_json, say

Decision = Annotated[
    Path,
    typer.Argument(
        help="RELEASE/decisions/<class>.dsse.json, or the gate.dsse.json of a published release.",
        show_default=False,
    ),
]
Reason = Annotated[str, typer.Option(help="What was found, by whom.", show_default=False)]
Key = Annotated[Path, typer.Option(help="The gate's private key.", show_default=False)]
GateKey = Annotated[
    list[Path] | None,
    typer.Option(help="A public key that may have signed the decision, too. [default: that of --key]"),
]


def revoke(
    decision: Decision,
    *,
    reason: Reason,
    key: Key,
    gate_key: GateKey = None,
    passphrase_file: options.PassphraseFile = None,
    passphrase_fd: options.PassphraseFd = None,
    json: options.Json = False,
) -> None:
    """Take a decision back: a newer, signed refusal is written beside it. It never ends.

    A published gate.dsse.json is replaced, so that nodes take the release out of service.
    """
    from hilrig.app.gate.keys import GateTrust
    from hilrig.app.gate.revoke import revoke as do_revoke
    from hilrig.attest.keys import load_public_keys, load_signer, read_passphrase
    from hilrig.attest.public_key import public_key_of_signer
    from hilrig.core.clock import SystemClock

    signer = load_signer(key, passphrase=read_passphrase(passphrase_file, passphrase_fd))
    keys = (public_key_of_signer(signer), *load_public_keys(gate_key or []))
    done = do_revoke(decision, reason=reason, gate=signer, trusted=GateTrust(keys=keys), clock=SystemClock())
    if json:
        print_json(
            {
                "revocation": str(done.envelope),
                "reason": str(done.reason),
                "release_sha256": done.decision.release_sha256,
                "device_class": done.decision.device_class,
                "sequence": done.decision.sequence,
                "published": done.replaced,
            }
        )
        return
    say(f"revoked {done.decision.release_sha256[:12]} for {done.decision.device_class}")
    say(f"  sequence {done.decision.sequence}, {done.envelope}")
    if done.replaced:
        say("  nodes that follow this folder take it out of service when they look again")
    else:
        published = f"OUT/releases/{done.decision.release_sha256}/gate.dsse.json"
        say("  nodes do not know yet: they read the published release")
        next_steps(f"cp {done.envelope} {published}")
