"""The group rigs virtual: rigs made of software, under QEMU."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hilrig.cli import options
from hilrig.cli.output import next_steps, note, print_json, say
from hilrig.cli.rigs.options import RigsFolder

if TYPE_CHECKING:
    from hilrig.rig.virtual.machine import VirtualMachine

app = typer.Typer(
    help="Make and start virtual rigs: a small Debian under QEMU, for everything but speed.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The virtual rig's name.")]
_NAME = "virtual-0"


@app.command()
def up(name: Name = _NAME, *, rigs: RigsFolder = None, json: options.Json = False) -> None:
    """Start a virtual rig, made first if there is none, and wait until it answers."""
    from hilrig.app.rigs import virtual_rig
    from hilrig.app.rigs.files import rigs_folder

    folder = rigs_folder(rigs)
    with _progress() as tell:
        started = virtual_rig.up(name, folder, tell=tell)
    machine = started.machine
    if json:
        print_json({**_facts(machine), "rig_file": str(started.rig_file), "boot_s": round(started.boot_s, 2)})
        return
    booted = f"booted in {started.boot_s:.1f} s" if started.boot_s else "was up already"
    say(f"rig {name} {booted}, ssh on 127.0.0.1 port {machine.port}, file {started.rig_file}")
    say(virtual_rig.accelerator_words(machine.accelerator))
    of_folder = f" --rigs {rigs}" if rigs else ""
    next_steps(f"hilrig rigs enroll {name}{of_folder}", f"hilrig run PROFILE --rig {name}{of_folder}")


@app.command()
def down(name: Name = _NAME) -> None:
    """Cut a virtual rig's power; its disk stays."""
    from hilrig.app.rigs import virtual_rig

    virtual_rig.down(name)
    say(f"rig {name} is off; its disk is as the cut left it")
    next_steps(f"hilrig rigs virtual up {name}")


@app.command()
def status(*, json: options.Json = False) -> None:
    """List this user's virtual rigs."""
    from hilrig.app.rigs import virtual_rig

    machines = virtual_rig.all_machines()
    if json:
        print_json({"rigs": [_facts(machine) for machine in machines]})
        return
    for machine in machines:
        state = virtual_rig.power_of(machine).state().value
        say(f"{machine.name:<16} {state:<4} port {machine.port:<6} {machine.accelerator.value}  {machine.folder}")
    if not machines:
        say("no virtual rigs")
        next_steps("hilrig rigs virtual up")


@app.command()
def remove(name: Name = _NAME, *, rigs: RigsFolder = None) -> None:
    """Cut a virtual rig's power; remove its disk, its keys and its rig file."""
    from hilrig.app.rigs import virtual_rig
    from hilrig.app.rigs.files import rigs_folder

    folder = virtual_rig.remove(name, rigs_folder(rigs))
    say(f"rig {name} is gone, with {folder}")


@app.command()
def place(
    name: Name = _NAME,
    *,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the exporter's file there, not to stdout.")
    ] = None,
) -> None:
    """Offer a virtual rig to labgrid: print the exporter's configuration, serve its power port until Ctrl-C."""
    from hilrig.app.rigs.virtual_place import exporter_text, power_port
    from hilrig.app.rigs.virtual_rig import machine_named, power_of

    machine = machine_named(name)
    with power_port(power_of(machine)) as (url, server):
        text = exporter_text(machine, url=url)
        if output is None:
            say(text.rstrip())
        else:
            output.write_text(text, encoding="utf-8")
            note(f"next: labgrid-exporter --hostname 127.0.0.1 {output}")
        try:
            note(f"serving the power port of {name}; Ctrl-C ends it, the rig goes on")
            server.serve_forever()
        except KeyboardInterrupt:
            note("the power port is gone")


def _facts(machine: "VirtualMachine") -> dict[str, Any]:
    from hilrig.app.rigs.virtual_rig import power_of

    return {
        "name": machine.name,
        "power": power_of(machine).state().value,
        "port": machine.port,
        "accelerator": machine.accelerator.value,
        "folder": str(machine.folder),
    }


@contextmanager
def _progress() -> Iterator[Callable[[str, float], None]]:
    """Give the function that shows what is done: a bar on a terminal, a line for each step elsewhere."""
    import sys

    if not sys.stderr.isatty():
        seen: list[str] = []

        def tell(words: str, _share: float) -> None:
            if words not in seen:
                seen.append(words)
                note(words)

        yield tell
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (BarColumn(30), TimeElapsedColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("looking", total=1.0)
        yield lambda words, share: bar.update(task, description=words, completed=share)
