"""Commands over this user's signing keys: keys new, list, show."""

from typing import Annotated

import typer

from hilrig.cli import options
from hilrig.cli.output import next_steps, print_json, say
from hilrig.core.errors import UsageError

app = typer.Typer(help="Make and show signing keys.", no_args_is_help=True, rich_markup_mode=None)

Name = Annotated[str, typer.Argument(help="The key's name.")]


@app.command()
def new(
    name: Name = "rig",
    *,
    passphrase_file: options.PassphraseFile = None,
    passphrase_fd: options.PassphraseFd = None,
) -> None:
    """Make an ECDSA P-256 key; the private half is readable by you alone."""
    from hilrig.app.folders import keys_folder
    from hilrig.attest.keys import create_key, read_passphrase

    made = create_key(keys_folder(), name, passphrase=read_passphrase(passphrase_file, passphrase_fd))
    say(f"made {made.private_path} and {made.public_path}")
    say(f"fingerprint {made.fingerprint}")
    if passphrase_file is None and passphrase_fd is None:
        say("it has no passphrase: whoever reads the file can sign")
    next_steps(f"hilrig keys show {name}", "hilrig run PROFILE")


@app.command(name="list")
def list_all(*, json: options.Json = False) -> None:
    """List this user's keys with their fingerprints."""
    from hilrig.app.folders import keys_folder
    from hilrig.attest.keys import list_keys

    keys = list_keys(keys_folder())
    if json:
        print_json(
            {
                "keys": [
                    {"name": key.name, "fingerprint": key.fingerprint, "can_sign": key.private_path is not None}
                    for key in keys
                ]
            }
        )
        return
    for key in keys:
        say(f"{key.name:<16} {key.fingerprint}  {'signs' if key.private_path else 'public half only'}")
    if not keys:
        say(f"no keys in {keys_folder()}")
        next_steps("hilrig keys new")


@app.command()
def show(name: Name = "rig") -> None:
    """Print a key's public half, for those who verify."""
    from hilrig.app.folders import keys_folder
    from hilrig.attest.keys import list_keys

    for key in list_keys(keys_folder()):
        if key.name == name:
            say(f"{key.public_path.read_text().strip()}\n{key.fingerprint}")
            return
    raise UsageError(f"there is no key '{name}' in {keys_folder()}", hint=f"hilrig keys new {name}")
