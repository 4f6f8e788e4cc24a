"""The options of `hilrig powerloss`."""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

Profile: TypeAlias = Annotated[
    Path | None,
    typer.Argument(help="A profile whose `power_loss` block says what is tried.", show_default=False),
]
Depths: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--depth",
        help="file_calls, kill, block_log, virtual_rig or rig; once for each. [default: file_calls, kill]",
        show_default=False,
    ),
]
Subject: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="A YAML file with the commands of an update of yours. [default: hilrig's own node]",
        show_default=False,
    ),
]
Seed: TypeAlias = Annotated[
    int | None, typer.Option(min=0, help="Of all that is drawn. [default: 1]", show_default=False)
]
Cuts: TypeAlias = Annotated[
    int | None, typer.Option(min=1, max=1000, help="Cuts of a rig. [default: 10]", show_default=False)
]
Rig: TypeAlias = Annotated[
    str | None, typer.Option(metavar="NAME|FILE", help="The rig whose power is cut.", show_default=False)
]
Work: TypeAlias = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Where stores and disks are made meanwhile.", show_default=False),
]
Keep: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Keep the store as it was after each cut that was not survived, the first ones of each depth.",
        show_default=False,
    ),
]
Out: TypeAlias = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Write the result to this file as well, as JSON.", show_default=False),
]
