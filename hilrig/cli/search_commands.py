"""What commands do that need many runs for one answer: the capacity of a rig, challenger against champion."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

import typer

from hilrig.cli import options
from hilrig.cli.output import next_steps, note, print_json, say, word
from hilrig.cli.progress import progress

if TYPE_CHECKING:
    from hilrig.app.run.request import RunRequest
    from hilrig.core.search import Capacity, Comparison, Margin

MARGIN: Final = re.compile(r"(\d+(?:\.\d+)?) ?(%|ms)")


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockOptions:
    """What `hilrig compare --interleaved` is told besides its two profiles and how to run them."""

    n_blocks: int
    block_duration: str
    margin: str


def compare_in_turns(champion: "RunRequest", challenger: Path, asked: BlockOptions, *, json: bool) -> NoReturn:
    """Do what `hilrig compare --interleaved` asks for; exits with the comparison's code."""
    from hilrig.app.search.interleaved import CompareRequest, compare_interleaved
    from hilrig.core.clock import SystemClock

    request = CompareRequest(
        run=champion,
        challenger=challenger,
        block_s=options.parse_duration(asked.block_duration),
        n_pairs=asked.n_blocks,
        margin=parse_margin(asked.margin),
    )
    with progress() as show:
        done = compare_interleaved(request, clock=SystemClock(), on_status=show, on_block=note)
    _show_comparison(done.folder, done.comparison, json=json)
    raise typer.Exit(done.comparison.exit_code)


def find_capacity(request: "RunRequest", *, json: bool) -> NoReturn:
    """Do what `hilrig run --search capacity` asks for; exits with the search's code."""
    from hilrig.app.search.capacity import search_capacity
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
