"""`hilrig export`: a run in the form of other tools."""

import sys
import time
from pathlib import Path
from typing import Annotated, Final

import typer

from hilrig.cli import options
from hilrig.cli.output import note, print_json, say

LINE_PERIOD_S: Final = 10
WORST: Final = "worst:20"


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(export)


def export(
    run_dir: options.RunDirectory,
    *,
    to: Annotated[
        str,
        typer.Option(help="csv, parquet, trace (for ui.perfetto.dev) or mcap (for Foxglove).", show_default=False),
    ],
    window: Annotated[
        str | None,
        typer.Option(
            help="worst:20 for a second around each of the 20 worst frames, 01:10..01:20 for a stretch in "
            "hours:minutes[:seconds]. [default: worst:20 for trace and mcap, else all]",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="The folder to write into. [default: ./<run>-<form>]", show_default=False)
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
    key: Annotated[
        list[Path] | None,
        typer.Option(
            help="A public key that may have signed the run; may be given again. [default: this user's own keys]"
        ),
    ] = None,
    json: options.Json = False,
) -> None:
    """Write a run, or a part of it, for other tools. Says whether a signature covers what was written.

    In every table 0 s is the start of the measured part, and what is not known is empty, never 0.
    """
    from hilrig.app.export.export import Form, Place
    from hilrig.app.export.export import export as do_export
    from hilrig.app.export.window import parse_window
    from hilrig.app.folders import keys_folder

    if to not in {form.value for form in Form}:
        raise typer.BadParameter(f"'{to}' is none of {', '.join(form.value for form in Form)}", param_hint="--to")
    form = Form(to)
    asked = window if window is not None else WORST if form in (Form.TRACE, Form.MCAP) else None
    done = do_export(
        run_dir,
        form,
        window=None if asked is None else parse_window(asked),
        place=Place(folder=out or Path(f"{run_dir.resolve().name}-{to}"), may_replace=force),
        keys=key or sorted(keys_folder().glob("*.pub")),
        on_progress=_Progress(),
    )
    if json:
        print_json({"files": [str(path) for path in done.paths], "evidence": done.provenance})
    for path in done.paths:
        say(f"{path}  {path.stat().st_size / 1e6:.1f} MB")
    say(f"  the evidence is {done.provenance}" if done.provenance.startswith("as ") else f"  {done.provenance}")


class _Progress:
    """How far an export is, on stderr: one line that changes on a terminal, a line now and then elsewhere."""

    def __init__(self) -> None:
        self._next_s = time.monotonic() + 1  # what is done within a second needs no progress
        self._is_terminal = sys.stderr.isatty()

    def __call__(self, name: str, n_done: int, n_rows: int) -> None:
        """Show that `n_done` of `n_rows` rows of a file are written."""
        now_s = time.monotonic()
        if now_s < self._next_s:
            return
        self._next_s = now_s + (0.2 if self._is_terminal else LINE_PERIOD_S)
        text = f"{name}: {100 * n_done // max(1, n_rows)} % of {n_rows} rows"
        if self._is_terminal:
            typer.echo(f"\r\x1b[K{text}", nl=n_done >= n_rows, err=True)
        else:
            note(text)
