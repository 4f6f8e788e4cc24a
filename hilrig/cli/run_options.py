"""Options of the commands that start or end a run: how long, by whom, beside what."""

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer


class Search(str, Enum):
    """What `hilrig run` can search for with many short runs."""

    CAPACITY = "capacity"


Duration = Annotated[
    str | None, typer.Option(help="Measured time instead of the profile's: 90s, 10m, 8h.", show_default=False)
]
SearchFor = Annotated[
    Search | None,
    typer.Option(
        help="Find the highest frame rate that is sustained within the limits; --duration is that of a probe, "
        "20s if left out. Exits with 10 or 11 when that is below the profile's rate.",
        show_default=False,
    ),
]
Operator = Annotated[
    str,
    typer.Option(
        envvar="HILRIG_OPERATOR",
        help="Who does this; it stands in the report.",
        metavar="NAME",
        show_default=False,
    ),
]
Note = Annotated[
    str, typer.Option(help="A note to be read beside the verdict.", metavar="TEXT", show_default=False)
]
BaselineRun = Annotated[
    Path | None,
    typer.Option(
        help="A finished run that the report shows this one beside. [default: the one that is set]",
        metavar="RUN",
        show_default=False,
    ),
]
Detach = Annotated[
    bool, typer.Option("--detach", help="Start the run, print its directory and leave it to itself.")
]
