"""Options of commands that read finished runs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

OWN_RIG_KEY = "rig"
"""What `hilrig keys new` calls the key that runs are signed with."""

HtmlFile = Annotated[
    Path | None,
    typer.Option("--html", metavar="FILE", help="Write a self-contained page to this file.", show_default=False),
]
SignedBy = Annotated[
    list[Path] | None,
    typer.Option(
        help="A public key that may have signed the run; may be given again. [default: this user's own keys]",
        show_default=False,
    ),
]


def trusted_keys(signed_by: Sequence[Path] | None) -> Sequence[Path]:
    """Return the files of the public keys that signatures are checked with."""
    from hilrig.app.folders import keys_folder

    return signed_by or sorted(keys_folder().glob("*.pub"))


def rig_keys() -> Sequence[Path]:
    """Return the keys that sign runs: this user's `rig.pub`, those of enrolled rigs; no other key of the user.

    A rig's private half is never here: a public key with one beside it is a person's, a gate's or a fleet's.
    """
    from hilrig.app.folders import keys_folder

    found = sorted(keys_folder().glob("*.pub"))
    return [path for path in found if path.stem == OWN_RIG_KEY or not path.with_suffix(".pem").exists()]
