"""What the commands of the group node share: the store, the points that it reaches, the service's token."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hilrig.core.errors import UsageError

if TYPE_CHECKING:
    from hilrig.node.store import Store

MODE_OF_OTHERS = 0o077

StoreFolder = Annotated[
    Path,
    typer.Option("--store", envvar="HILRIG_STORE", metavar="DIR", help="The model store.", show_default=False),
]
Events = Annotated[
    bool, typer.Option("--events", help="Print each point that the store reaches as a JSON line on stdout.")
]
Release = Annotated[
    str,
    typer.Argument(
        metavar="RELEASE",
        help="A release of the store: its sha256, its first characters, or the model's name.",
        show_default=False,
    ),
]


def open_store(folder: Path, *, events: bool) -> "Store":
    """Return a store that tells its points on stdout where that is wanted."""
    from hilrig.node.crash_points import tell_nobody
    from hilrig.node.store import Store

    return Store(folder, tell=print_event if events else tell_nobody)


def print_event(point: str, fields: Mapping[str, Any]) -> None:
    """Print a point as one JSON line, at once: the process may be killed there."""
    print(json.dumps({"event": point, **fields}), flush=True)  # noqa: T201 - a stream for programs, not a text


def read_token(path: Path | None) -> str:
    """Return the token that the service asks for; empty without a file.

    A file of this user's own must be private. One that belongs to another user is as its owner wants it:
    a container is given a secret that is root's.

    Raises:
        UsageError: it cannot be read, is empty, or others can read it.
    """
    if path is None:
        return ""
    try:
        if path.stat().st_mode & MODE_OF_OTHERS and path.stat().st_uid == os.getuid():
            raise UsageError(f"{path} can be read by others", hint=f"chmod 600 {path}")
        token = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"the token cannot be read from {path}: {error}", hint=f"openssl rand -hex 32 > {path}"
        ) from error
    if not token:
        raise UsageError(f"{path} is empty", hint=f"openssl rand -hex 32 > {path}")
    return token
