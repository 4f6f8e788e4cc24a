"""Options of commands that read finished runs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

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
