"""Commands that do many runs for one answer: the capacity of a rig, challenger against champion."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NoReturn

import typer

from hilrig.cli import options
from hilrig.cli.output import next_steps, note, print_json, say, word
from hilrig.cli.progress import progress

if TYPE_CHECKING:
    from hilrig.app.request import RunRequest
    from hilrig.core.search import Capacity, Comparison, Margin

REPORTS: Final = Path("reports")
MARGIN: Final = re.compile(r"(\d+(?:\.\d+)?) ?(%|ms)")


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command()(compare)


def compare(  # noqa: PLR0913 - the command's options
    champion: Annotated[Path, typer.Argument(metavar="A", help="The champion's profile.", show_default=False)],
    challenger: Annotated[Path, typer.Argument(metavar="B", help="The challenger's profile.", show_default=False)],
    *,
    interleaved: Annotated[bool, typer.Option("--interleaved", help="Run both in alternating blocks.")] = False,
    blocks: Annotated[
        int, typer.Option(min=1, max=120, help="Blocks of each profile; fewer than 7 give no verdict.")
    ] = 8,
    block_duration: Annotated[str, typer.Option(help="Measured time of a block: 30s, 2m.")] = "30s",
    margin: Annotated[
        str, typer.Option(help="By how much B's p99 may be higher: 2ms, or 5% of A's median p99.")
    ] = "5%",
    rig: options.RigFile = None,
    reports: options.Reports = REPORTS,
    key: options.Key = None,
    passphrase_file: options.PassphraseFile = None,
    passphrase_fd: options.PassphraseFd = None,
    json: options.Json = False,
) -> None:
    """Compare a challenger B with a champion A on one rig: is B as fast, but for a margin?

    Blocks alternate (A B, B A, A B, ...) so that a drift of the rig hits both alike. Exits with 0 when B is
    non-inferior, 10 when it is inferior, 11 when nobody can tell yet, 12 when aborted.
    """
    from hilrig.app.interleaved import CompareRequest, compare_interleaved
    from hilrig.app.request import RunRequest
    from hilrig.core.clock import SystemClock
    from hilrig.core.errors import UsageError

    if not interleaved:
        raise UsageError(
            "comparing finished runs is not built yet: only blocks that alternate on one rig are compared",
            hint=f"hilrig compare --interleaved {champion} {challenger}",
        )
    request = RunRequest(
        profile=options.absolute(champion),
        rig_file=None if rig is None else options.absolute(rig),
        reports=options.absolute(reports),
        duration_s=None,
        key=options.absolute(key or options.default_key()),
        passphrase_file=None if passphrase_file is None else options.absolute(passphrase_file),
        passphrase_fd=passphrase_fd,
    )
    asked = CompareRequest(
        run=request,
        challenger=options.absolute(challenger),
        block_s=options.parse_duration(block_duration),
        n_pairs=blocks,
        margin=parse_margin(margin),
    )
    with progress() as show:
        done = compare_interleaved(asked, clock=SystemClock(), on_status=show, on_block=note)
    _show_comparison(done.folder, done.comparison, json=json)
    raise typer.Exit(done.comparison.exit_code)


def find_capacity(request: "RunRequest", *, json: bool) -> NoReturn:
    """Do what `hilrig run --search capacity` asks for; exits with the search's code."""
    from hilrig.app.capacity import search_capacity
    from hilrig.core.clock import SystemClock

    with progress() as show:
        done = search_capacity(request, clock=SystemClock(), on_status=show, on_probe=note)
    _show_capacity(done.folder, done.capacity, json=json)
    raise typer.Exit(done.capacity.exit_code)


def parse_margin(text: str) -> "Margin":
    """Return the margin in `5%` or `2ms`."""
    from hilrig.core.search import Margin, MarginUnit

    match = MARGIN.fullmatch(text)
    if match is None:
        raise typer.BadParameter(f"'{text}' is no margin; write it with its unit: 5% or 2ms")
    return Margin(value=float(match[1]), unit=MarginUnit(match[2]))


def _show_capacity(folder: Path, capacity: "Capacity", *, json: bool) -> None:
    if json:
        _print_document(folder, capacity)
    say(f"capacity    {capacity.profile_name} on {capacity.rig} ({capacity.device_class})")
    say(f"  {capacity.sentence}")
    say()
    for probe in capacity.probes:
        say(f"  {probe.frame_rate_fps:9.3f} fps  {probe.outcome.value:<14} {probe.reason}")
    say()
    say(f"report      {_shown(folder / 'capacity.html')}")
    confirmed = [probe for probe in capacity.probes if probe.frame_rate_fps == capacity.found_fps]
    if confirmed:
        next_steps(f"hilrig verify {_shown(folder / confirmed[-1].run_dir)}")


def _show_comparison(folder: Path, comparison: "Comparison", *, json: bool) -> None:
    if json:
        _print_document(folder, comparison)
    names = f"{comparison.challenger.profile_name} against {comparison.champion.profile_name}"
    say(f"{word(comparison.verdict.value)}  {names} on {comparison.rig} ({comparison.device_class})")
    say(f"  {comparison.sentence}")
    say()
    for index, pair in enumerate(comparison.pairs, start=1):
        say(f"  pair {index:<3} {pair.difference_text:<14} {pair.dropped}".rstrip())
    say()
    say(f"report      {_shown(folder / 'compare.html')}")
    if comparison.pairs:
        next_steps(f"hilrig verify {_shown(folder / comparison.pairs[-1].challenger.run_dir)}")


def _print_document(folder: Path, document: "Capacity | Comparison") -> None:
    """Print what the signed document holds, and where it lies."""
    from json import loads

    from hilrig.config.noun_json import to_json

    print_json({"folder": str(folder), **loads(to_json(document))})


def _shown(path: Path) -> Path:
    """Return a path as a person would type it here."""
    try:
        return path.relative_to(Path.cwd())
    except ValueError:
        return path
