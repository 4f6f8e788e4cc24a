"""The command `compare`: finished runs beside each other, or two profiles in turns."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from hilrig.cli import finished_options, options
from hilrig.cli.compare_output import show_side_by_side
from hilrig.cli.output import next_steps, print_json, say
from hilrig.cli.search_commands import BlockOptions, compare_in_turns
from hilrig.cli.verdict_output import shown_path

if TYPE_CHECKING:
    from hilrig.core.side_by_side import SideBySide

REPORTS: Final = Path("reports")
IN_TURNS: Final = "With --interleaved"
N_PROFILES: Final = 2
OF_TURNS: Final = (
    *("blocks", "block_duration", "margin", "rig"),
    *("reports", "key", "passphrase_file", "passphrase_fd"),
)
OF_RUNS: Final = ("html", "signed_by")


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(compare)


def compare(  # noqa: PLR0913 - the command's options
    context: typer.Context,
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="A B [C]...", help="Finished runs; with --interleaved two profiles.", show_default=False
        ),
    ],
    *,
    html: finished_options.HtmlFile = None,
    signed_by: finished_options.SignedBy = None,
    interleaved: Annotated[
        bool, typer.Option("--interleaved", help="Run two profiles in alternating blocks: A is the champion.")
    ] = False,
    blocks: Annotated[
        int, typer.Option(min=1, max=120, help=f"{IN_TURNS}: blocks of each; fewer than 7 give no verdict.")
    ] = 8,
    block_duration: Annotated[str, typer.Option(help=f"{IN_TURNS}: measured time of a block: 30s, 2m.")] = "30s",
    margin: Annotated[
        str, typer.Option(help=f"{IN_TURNS}: by how much B's p99 may be higher: 2ms, or 5% of A's median p99.")
    ] = "5%",
    rig: options.RigInPlace = None,
    reports: options.Reports = REPORTS,
    key: options.Key = None,
    passphrase_file: options.PassphraseFile = None,
    passphrase_fd: options.PassphraseFd = None,
    json: options.Json = False,
) -> None:
    """Show finished runs beside each other, or run two profiles in turns to tell whether B is as fast as A.

    Finished runs: what differs between them, every number with its difference to A's; each run's signature is
    checked with this user's keys, and a broken one ends the comparison with 30. It is no verdict: exits with 0.

    With --interleaved blocks alternate (A B, B A, A B, ...) so that a drift of the rig hits both alike. Exits with
    0 when B is non-inferior, 10 when it is inferior, 11 when nobody can tell yet, 12 when aborted.
    """
    from hilrig.app.run.request import RunRequest
    from hilrig.core.errors import UsageError

    if not interleaved:
        _refuse_given(context, OF_TURNS, "is for --interleaved: finished runs are not run again")
        _compare_runs(paths, html=html, signed_by=signed_by, json=json)
        return
    if len(paths) != N_PROFILES:
        raise UsageError(f"{len(paths)} given; --interleaved compares two profiles", hint="hilrig compare --help")
    _refuse_given(context, OF_RUNS, "is for finished runs: --interleaved makes its own, and its own page")
    champion, challenger = map(options.absolute, paths)
    request = RunRequest(
        profile=champion,
        rig_file=options.rig_file(rig),
        reports=options.absolute(reports),
        duration_s=None,
        key=options.absolute(key or options.default_key()),
        passphrase_file=None if passphrase_file is None else options.absolute(passphrase_file),
        passphrase_fd=passphrase_fd,
    )
    asked = BlockOptions(n_blocks=blocks, block_duration=block_duration, margin=margin)
    compare_in_turns(request, challenger, asked, json=json)


def _refuse_given(context: typer.Context, names: tuple[str, ...], why: str) -> None:
    """Refuse options that this form would pass over in silence."""
    from hilrig.core.errors import UsageError

    sources = {name: context.get_parameter_source(name) for name in names}
    given = [name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"]
    if given:
        flag = "--" + given[0].replace("_", "-")
        raise UsageError(f"{flag} {why}", hint=f"leave out {flag}, or see hilrig compare --help")


def _compare_runs(paths: list[Path], *, html: Path | None, signed_by: list[Path] | None, json: bool) -> None:
    from hilrig.app.compare.runs import compare_runs

    page = None if html is None else options.absolute(html)
    found = compare_runs(paths, keys=finished_options.trusted_keys(signed_by), page=page)
    if page is not None:
        _write_page(page, found)
    if json:
        _print_document(found)
        return
    show_side_by_side(found)
    if page is not None:
        say(f"page        {shown_path(page)}")
    else:
        next_steps(f"hilrig compare {' '.join(str(path) for path in paths)} --html compare.html")


def _write_page(page: Path, found: "SideBySide") -> None:
    from hilrig.app.page_file import write_page
    from hilrig.report.side_by_side_html import render_side_by_side

    write_page(page, render_side_by_side(found))


def _print_document(found: "SideBySide") -> None:
    from json import loads

    from hilrig.config.noun_json import to_json

    print_json(loads(to_json(found)))
