"""The commands that hold rigs: rigs reserve, release, reap."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from hilrig.cli import options
from hilrig.cli.output import next_steps, print_json, say
from hilrig.cli.rigs.arguments import RigName
from hilrig.cli.rigs.options import RigsFolder
from hilrig.core.errors import RigLostError

if TYPE_CHECKING:
    from hilrig.app.rigs.reap import Reaped

_COUNTED: Final = {
    "n_parts": "half upload(s)",
    "n_blobs": "file(s) that nobody used for longest",
    "n_wheels": "older hilrig(s)",
    "freed_mib": "MiB freed",
}


def register(app: typer.Typer) -> None:
    """Add the commands to the group."""
    for command in (reserve, release, reap):
        app.command()(command)


def reserve(
    name: RigName,
    *,
    duration: Annotated[str, typer.Option("--for", metavar="TIME", help="For how long: 90m, 2h.")] = "1h",
    text: Annotated[str, typer.Option("--note", help="Why, for those who find the rig held.")] = "",
    rigs: RigsFolder = None,
    json: options.Json = False,
) -> None:
    """Hold a rig for yourself. Your own runs are let in; others are told who has it, and until when."""
    from hilrig.app.rigs.files import find_rig, rigs_folder
    from hilrig.app.rigs.reserve import reserve as hold

    rig, _ = find_rig(name, rigs_folder(rigs))
    for_s = options.parse_duration(duration)
    lease = hold(rig, for_s=for_s, note=text)
    if json:
        print_json({"name": rig.name, "lease": dict(lease)})
        return
    say(f"rig {rig.name} is yours ({lease['holder']}) for {duration}")
    next_steps(f"hilrig run PROFILE --rig {name}", f"hilrig rigs release {name}")


def release(
    name: RigName,
    *,
    force: Annotated[
        bool,
        typer.Option("--force", help="Also what another one holds: a run that goes on there ends, inconclusive."),
    ] = False,
    rigs: RigsFolder = None,
    json: options.Json = False,
) -> None:
    """Let go of a rig that you reserved."""
    from hilrig.app.rigs.files import find_rig, rigs_folder
    from hilrig.app.rigs.reserve import release as let_go

    rig, _ = find_rig(name, rigs_folder(rigs))
    released = let_go(rig, force=force)
    if json:
        print_json({"name": rig.name, "released": released})
    elif released is None:
        say(f"rig {rig.name} was free already")
    else:
        run = f", run {released['run_id']}" if released.get("run_id") else ""
        say(f"rig {rig.name} is free; it was held by {released.get('holder') or 'somebody'}{run}")


def reap(
    name: Annotated[
        str | None, typer.Argument(help="A rig. [default: every rig in service]", show_default=False)
    ] = None,
    *,
    rigs: RigsFolder = None,
    json: options.Json = False,
) -> None:
    """Remove what dead runs left on rigs: leases, half uploads, old runs, the oldest models, labgrid places."""
    from hilrig.app.rigs.files import find_rig, read_rigs, rigs_folder
    from hilrig.app.rigs.reap import reap as reap_one
    from hilrig.app.rigs.reap import reap_all

    folder = rigs_folder(rigs)
    if name is not None:
        reaped = [reap_one(find_rig(name, folder)[0])]
    else:
        reaped = list(reap_all([file.rig for file in read_rigs(folder) if file.rig]))
    _tell(reaped, json=json)
    failed = [rig.name for rig in reaped if rig.failure]
    if failed:
        raise RigLostError(f"not tidied up: {', '.join(failed)}", hint="hilrig rigs list")


def _tell(reaped: "Sequence[Reaped]", *, json: bool) -> None:
    from dataclasses import asdict

    if json:
        print_json({"reaped": [asdict(rig) for rig in reaped]})
        return
    for rig in reaped:
        said = [*_removed_words(rig.removed), *_place_words(rig)]
        say(f"{rig.name}: " + (rig.failure or ", ".join(said) or "nothing to remove"))


def _removed_words(what: Mapping[str, Any]) -> Iterator[str]:
    if what.get("lease"):
        yield f"the dead lease of {what['lease']}"
    if what.get("runs"):
        yield f"{len(what['runs'])} old run(s)"
    for name, words in _COUNTED.items():
        if what.get(name):
            yield f"{what[name]} {words}"


def _place_words(rig: "Reaped") -> Iterator[str]:
    for place in rig.places:
        kept = f"kept: {place.why_kept}" if place.why_kept else "released"
        yield f"place {place.place}, {place.held_by}, {kept}"
