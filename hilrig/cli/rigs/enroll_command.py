"""The command rigs enroll: a person accepts the keys of a rig."""

import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from hilrig.cli import options
from hilrig.cli.output import next_steps, note, print_json, say
from hilrig.cli.rigs.arguments import RigName
from hilrig.cli.rigs.options import RigsFolder
from hilrig.core.errors import UsageError

if TYPE_CHECKING:
    from hilrig.core.rig import RigSpec
    from hilrig.rig.ssh.host_keys import HostKey


def register(app: typer.Typer) -> None:
    """Add the command to the group."""
    app.command()(enroll)


def enroll(
    name: RigName,
    *,
    fingerprint: Annotated[
        str | None,
        typer.Option(
            metavar="SHA256:...", help="Accept this host key and no other; for scripts.", show_default=False
        ),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="The rig was installed anew: its older keys go.")
    ] = False,
    trust: options.Trust = None,
    rigs: RigsFolder = None,
    json: options.Json = False,
) -> None:
    """Accept a rig's host key, after you compared it, and the key that it signs with.

    With --trust the signing key must be one of the trust root's, for the rig's device class.
    """
    from hilrig.app.folders import keys_folder
    from hilrig.app.rigs.enroll import enroll_signing_key
    from hilrig.app.rigs.files import find_rig, require_work_folder, rigs_folder
    from hilrig.app.rigs.host_key import accept_host_key
    from hilrig.app.trust.trust import load_trust

    rig, _ = find_rig(name, rigs_folder(rigs))
    require_work_folder(rig, hint="its key is your own: hilrig keys show")
    trusted = None if trust is None else load_trust(trust, now_ns=time.time_ns())
    new = accept_host_key(rig, replace=replace, is_right=lambda key: _is_right(rig, key, fingerprint))
    signing = enroll_signing_key(rig, keys_folder=keys_folder(), replace=replace, trusted=trusted)
    if json:
        host = [{"type": key.key_type, "fingerprint": key.fingerprint} for key in new]
        print_json({"name": rig.name, "accepted_host_keys": host, "signing_key": signing.fingerprint})
        return
    for key in new:
        say(f"accepted host key {key.fingerprint} ({key.key_type})")
    say(f"rig {rig.name} signs with {signing.fingerprint}")
    next_steps(f"hilrig rigs check {name} --ask", f"hilrig run PROFILE --rig {name}")


def _is_right(rig: "RigSpec", key: "HostKey", fingerprint: str | None) -> bool:
    """Tell whether a person says so: on the terminal, or by the fingerprint that a script was given."""
    if fingerprint is not None:
        return key.fingerprint == fingerprint
    note(f"rig {rig.name} shows the host key {key.fingerprint} ({key.key_type})")
    note("compare it on the rig's own screen: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub")
    if not sys.stdin.isatty():
        raise UsageError(
            "nobody is here to accept the key",
            hint=f"hilrig rigs enroll {rig.name} --fingerprint SHA256:..., as you read it on the rig itself",
        )
    return typer.confirm("accept?", default=False, err=True)
