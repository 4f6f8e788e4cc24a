"""The command rigs power: a rig's power, unless somebody else is at work there."""

from typing import Annotated, Literal

import typer

from hilrig.cli import options
from hilrig.cli.output import print_json, say
from hilrig.cli.rigs.arguments import RigName
from hilrig.cli.rigs.options import RigsFolder


def register(app: typer.Typer) -> None:
    """Add the command to the group."""
    app.command()(power)


def power(
    name: RigName,
    action: Annotated[
        Literal["on", "off", "cycle", "state"],
        typer.Argument(help="off is a hard cut, no shutdown; cycle is off, a pause, on.", show_default=False),
    ],
    *,
    drain: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="The pause of cycle, until the rig's supply is empty. [default: 8s]"),
    ] = None,
    force: Annotated[
        bool,
        typer.Option("--force", help="Cut the power though another one holds the rig, or it does not answer."),
    ] = False,
    rigs: RigsFolder = None,
    json: options.Json = False,
) -> None:
    """Switch a rig's power, or ask for it. Nobody's work is cut off unasked."""
    from hilrig.app.power_loss.rig_cut import refuse_cut_for_others
    from hilrig.app.rigs import power as rig_power
    from hilrig.app.rigs.files import find_rig, rigs_folder

    rig, _ = find_rig(name, rigs_folder(rigs))
    drain_s = rig_power.DRAIN_S if drain is None else options.parse_duration(drain)
    if action in ("off", "cycle") and not force:
        refuse_cut_for_others(rig)
    if action == "on":
        state = rig_power.power_on(rig)
    elif action == "off":
        state = rig_power.power_off(rig)
    elif action == "cycle":
        state = rig_power.power_cycle(rig, drain_s=drain_s)
    else:
        state = rig_power.power_state(rig)
    if json:
        print_json({"name": rig.name, "power": state.value})
    else:
        say(f"rig {rig.name}: power {state.value}")
