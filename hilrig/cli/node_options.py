"""What the commands of the group node share: the store, and the points that it reaches."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from hilrig.node.store import Store

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
