"""The commands that look at rigs: list, show, check.

The group that all commands on rigs are in is here too.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hilrig.cli import options
from hilrig.cli.output import next_steps, print_json, say
from hilrig.cli.rigs import enroll_command as rigs_enroll_command
from hilrig.cli.rigs import lease_commands as rigs_lease_commands
from hilrig.cli.rigs import power_command as rigs_power_command
from hilrig.cli.rigs import virtual_commands as rigs_virtual_commands
from hilrig.cli.rigs.arguments import NoAsk, RigName
from hilrig.cli.rigs.options import RigsFolder
from hilrig.core.errors import ConfigError, UsageError
from hilrig.core.exits import ExitCode

if TYPE_CHECKING:
    from hilrig.app.rigs.files import RigFile
    from hilrig.core.rig import RigSpec

app = typer.Typer(
    help="See which rigs there are, who holds them; reserve, enroll, switch them.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command(name="list")
def list_all(*, rigs: RigsFolder = None, no_ask: NoAsk = False, json: options.Json = False) -> None:
    """List all rigs: free, held by whom since when, out of service or unreachable and why."""
    from hilrig.app.rigs.files import read_rigs, rigs_folder
    from hilrig.app.rigs.overview import at_a_glance, overview
    from hilrig.cli.rigs.output import row_json, show_table

    folder = rigs_folder(rigs)
    rows = overview(read_rigs(folder), ask=None if no_ask else at_a_glance)
    if json:
        print_json({"rigs": [row_json(row) for row in rows]})
        return
    if not rows:
        raise UsageError(f"there is no rig file in '{folder}'", hint="rigs/README.md says what is in one")
    show_table(rows)


@app.command()
def show(name: RigName, *, rigs: RigsFolder = None, no_ask: NoAsk = False, json: options.Json = False) -> None:
    """Show what a rig's file states, and who holds the rig."""
    from hilrig.app.rigs.files import RigFile, find_rig, rigs_folder
    from hilrig.app.rigs.overview import at_a_glance, overview
    from hilrig.cli.rigs.output import row_json, show_rig, standing

    rig, path = find_rig(name, rigs_folder(rigs))
    file = RigFile(path=path, name=rig.name, rig=rig, mistakes=None)
    (row,) = overview([file], ask=None if no_ask else at_a_glance)
    if json:
        print_json(row_json(row))
        return
    show_rig(rig)
    say(f"file          {path}")
    say(f"state         {standing(row)}")
    next_steps(row.hint or f"hilrig run PROFILE --rig {name}")


@app.command()
def check(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME|FILE", help="A rig. [default: every file of the folder]", show_default=False),
    ] = None,
    *,
    ask: Annotated[
        bool, typer.Option("--ask", help="Reach the rig, too, and hold it against its file as a run would.")
    ] = False,
    rigs: RigsFolder = None,
    json: options.Json = False,
) -> None:
    """Find every mistake in rig files; with --ask also what keeps a run from the rig (exit code 22)."""
    from hilrig.app.rigs.files import find_rig, read_rigs, rigs_folder

    folder = rigs_folder(rigs)
    if ask and name is None:
        raise UsageError(
            "name the rig that is to be asked", hint="hilrig rigs list asks all of them who holds them"
        )
    if name is not None:
        rig, path = find_rig(name, folder)
        if ask:
            _examine(rig, json=json)
        else:
            _tell_sound([(rig, path)], json=json)
        return
    files = read_rigs(folder)
    _refuse_mistakes(files)
    _tell_sound([(file.rig, file.path) for file in files if file.rig], json=json)


def _refuse_mistakes(files: "tuple[RigFile, ...]") -> None:
    problems = [problem for file in files if file.mistakes for problem in file.mistakes.problems]
    if problems:
        raise ConfigError(list(dict.fromkeys(problems)))


def _tell_sound(rigs: "list[tuple[RigSpec, Path]]", *, json: bool) -> None:
    if json:
        print_json({"sound": [{"name": rig.name, "file": str(path)} for rig, path in rigs]})
        return
    for rig, path in rigs:
        say(f"{path}: {rig.name} is sound" + (f", out of service: {rig.disabled}" if rig.disabled else ""))
    next_steps("hilrig rigs list")


def _examine(rig: "RigSpec", *, json: bool) -> None:
    from hilrig.app.rigs.examination import examine_rig
    from hilrig.cli.rigs.output import examination_json, show_examination

    found = examine_rig(rig)
    if json:
        print_json(examination_json(rig, found))
    else:
        show_examination(rig, found)
    if found.problems:
        raise typer.Exit(ExitCode.PRECONDITION)
    if not json:
        next_steps(f"hilrig run PROFILE --rig {rig.name}")


rigs_lease_commands.register(app)
rigs_power_command.register(app)
rigs_enroll_command.register(app)
app.add_typer(rigs_virtual_commands.app, name="virtual")
