"""Arguments that the commands of the group rigs share."""

from typing import Annotated

import typer

RigName = Annotated[str, typer.Argument(metavar="NAME", help="A rig's name, or its file.", show_default=False)]
NoAsk = Annotated[bool, typer.Option("--no-ask", help="Only read the files: no rig is reached.")]
