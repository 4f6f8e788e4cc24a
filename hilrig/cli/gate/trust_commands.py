"""Commands over the trust root, who may sign what: trust init, rotate, sign, show."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hilrig.cli import options
from hilrig.cli.gate import trust_options
from hilrig.cli.output import next_steps, print_json, say
from hilrig.core.trust import Role, TrustedKey, TrustRoot

if TYPE_CHECKING:
    from hilrig.app.trust.making import MadeRoot

TRUST_FILE = Path("trust.json")

app = typer.Typer(
    help="Say who may sign what: rigs, the gate, approvers.", no_args_is_help=True, rich_markup_mode=None
)


@app.command()
def init(  # noqa: PLR0913 - the command's options
    trust: trust_options.Trust = TRUST_FILE,
    *,
    root_key: trust_options.RootKeys = None,
    root: trust_options.Roots = None,
    rig: trust_options.Rigs = None,
    gate: trust_options.Gates = None,
    approver: trust_options.Approvers = None,
    publisher: trust_options.Publishers = None,
    threshold: trust_options.Threshold = None,
    expires_days: trust_options.ExpiresDays = 365.0,
    key_days: trust_options.KeyDays = 1_095.0,
    keys_from: trust_options.KeysFrom = None,
    passphrase_file: options.PassphraseFile = None,
    passphrase_fd: options.PassphraseFd = None,
    json: options.Json = False,
) -> None:
    """Make the first trust root. Every --root-key becomes a root key and signs."""
    from hilrig.app.trust.making import RootChange, first_root
    from hilrig.attest.keys import read_passphrase

    signers = trust_options.root_signers(root_key or [], read_passphrase(passphrase_file, passphrase_fd))
    signing = trust_options.signing_root_keys(signers, root_key or [], keys_from)
    named = trust_options.named_keys(
        root=root, rig=rig, gate=gate, approver=approver, publisher=publisher, keys_from=keys_from
    )
    change = RootChange(add=(*signing, *named), threshold=threshold, expires_days=expires_days, key_days=key_days)
    _show_made(first_root(trust, change, signers, now_ns=time.time_ns()), trust, json=json)


@app.command()
def rotate(  # noqa: PLR0913 - the command's options
    trust: trust_options.Trust = TRUST_FILE,
    *,
    root_key: trust_options.RootKeys = None,
    root: trust_options.Roots = None,
    rig: trust_options.Rigs = None,
    gate: trust_options.Gates = None,
    approver: trust_options.Approvers = None,
    publisher: trust_options.Publishers = None,
    remove: trust_options.Remove = None,
    revoke: trust_options.Revoke = None,
    threshold: trust_options.Threshold = None,
    expires_days: trust_options.ExpiresDays = 365.0,
    key_days: trust_options.KeyDays = 1_095.0,
    keys_from: trust_options.KeysFrom = None,
    passphrase_file: options.PassphraseFile = None,
    passphrase_fd: options.PassphraseFd = None,
    json: options.Json = False,
) -> None:
    """Make the next version: add, renew, remove, revoke keys. Root keys of the old and the new one must sign.

    A key that is given again gets a new period and new classes.
    """
    from hilrig.app.trust.making import RootChange, next_root
    from hilrig.attest.keys import read_passphrase

    signers = trust_options.root_signers(root_key or [], read_passphrase(passphrase_file, passphrase_fd))
    named = trust_options.named_keys(
        root=root, rig=rig, gate=gate, approver=approver, publisher=publisher, keys_from=keys_from
    )
    change = RootChange(
        add=named,
        remove=trust_options.fingerprints(remove),
        revoke=trust_options.fingerprints(revoke),
        threshold=threshold,
        expires_days=expires_days,
        key_days=key_days,
    )
    _show_made(next_root(trust, change, signers, now_ns=time.time_ns()), trust, json=json)


@app.command()
def sign(
    trust: trust_options.Trust = TRUST_FILE,
    *,
    root_key: trust_options.RootKeys = None,
    passphrase_file: options.PassphraseFile = None,
    passphrase_fd: options.PassphraseFd = None,
    json: options.Json = False,
) -> None:
    """Sign a root that waits, as the second person. Look at it first: hilrig trust show --waiting."""
    from hilrig.app.trust.making import sign_waiting
    from hilrig.attest.keys import read_passphrase

    signers = trust_options.root_signers(root_key or [], read_passphrase(passphrase_file, passphrase_fd))
    _show_made(sign_waiting(trust, signers), trust, json=json)


@app.command()
def show(
    trust: trust_options.Trust = TRUST_FILE,
    *,
    waiting: Annotated[
        bool, typer.Option("--waiting", help="The next version, which waits for signatures.")
    ] = False,
    json: options.Json = False,
) -> None:
    """Show who may sign what, until when, and who signed the root. Exits with 30 or 32 when it does not hold."""
    from hilrig.app.trust.look import look_at

    found = look_at(trust, waiting=waiting, now_ns=time.time_ns())
    if json:
        print_json(
            {
                **_root_json(found.signatures.root),
                "path": str(found.path),
                "signed_by": sorted(found.signatures.signed_by),
                "lacks": list(found.signatures.lacks),
                "expired": found.is_over,
                "exit_code": int(found.exit_code),
            }
        )
    _say_root(found.signatures.root)
    say(f"  signed by {', '.join(sorted(found.signatures.signed_by)) or 'nobody'}")
    for sentence in found.sentences:
        say(f"  {sentence}")
    raise typer.Exit(found.exit_code)


def _show_made(made: "MadeRoot", trust: Path, *, json: bool) -> None:
    if json:
        print_json(
            {
                **_root_json(made.found.root),
                "path": str(made.path),
                "counts": made.counts,
                "signed_by": sorted(made.found.signed_by),
                "lacks": list(made.found.lacks),
            }
        )
    say(f"wrote {made.path}")
    _say_root(made.found.root)
    for sentence in made.found.lacks:
        say(f"  it does not count yet: it {sentence}")
    if made.counts:
        next_steps(f"hilrig trust show {trust}", f"hilrig verify RUN --trust {trust}")
    else:
        next_steps(f"hilrig trust sign {trust} --root-key KEY.pem, by another root key's owner")


def _say_root(root: TrustRoot) -> None:
    say(f"trust root version {root.version}, issued {root.issued_at_utc}, holds until {root.expires_at_utc}")
    for role, keys in root.roles.items():
        needed = (
            f" ({keys.threshold} of {len(keys.keys)} must sign the next root)" if role == Role.ROOT.value else ""
        )
        say(f"{role}{needed}")
        for fingerprint in keys.keys:
            say(f"  {_key_line(root.keys[fingerprint])}")


def _key_line(key: TrustedKey) -> str:
    roles = f" as {', '.join(key.approver_roles)}" if key.approver_roles else ""
    classes = "any class" if key.device_classes == ("*",) else ", ".join(key.device_classes)
    until = f"REVOKED at {key.revoked_at_utc}" if key.revoked_at_utc else f"until {key.not_after_utc}"
    return f"{key.owner:<16} {key.fingerprint}  {classes}{roles}, {until}"


def _root_json(root: TrustRoot) -> dict[str, Any]:
    from dataclasses import asdict

    return {**asdict(root), "roles": {role: asdict(keys) for role, keys in root.roles.items()}}
