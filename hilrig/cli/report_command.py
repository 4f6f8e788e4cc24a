"""`hilrig report`: the page of a finished run, rendered anew."""

import webbrowser
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hilrig.cli import options
from hilrig.cli.output import next_steps, print_json, say, word

if TYPE_CHECKING:  # numpy comes with it: the command line starts without
    from hilrig.core.document import Document


OtherViews = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
        help="Another view beside the page, by its own name: junit, markdown, a plug-in's. May be given again.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(report)


def report(  # noqa: PLR0913 - the command's options
    run_dir: options.RunDirectory,
    *,
    to: Annotated[
        Path | None, typer.Option(help="The file to write. [default: ./<run>.html]", show_default=False)
    ] = None,
    no_raw: Annotated[
        bool, typer.Option("--no-raw", help="Leave the single frames out: a small page, for e-mail.")
    ] = False,
    png: Annotated[Path | None, typer.Option(help="Write the picture as well.", show_default=False)] = None,
    view: OtherViews = None,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    baseline: Annotated[
        Path | None,
        typer.Option(help="A run directory to show beside it. [default: that of the run]", show_default=False),
    ] = None,
    key: Annotated[
        list[Path] | None,
        typer.Option(
            help="A public key that may have signed the run; may be given again. [default: this user's own keys]"
        ),
    ] = None,
    json: options.Json = False,
) -> None:
    """Render the report of a finished run anew, on any machine. The run directory stays as it is.

    The signature of the result is checked first, and that what the page shows is what was signed. Exits with 0
    whatever the verdict: `hilrig verify` judges.
    """
    from hilrig.app.finished import report as app
    from hilrig.app.finished.documents import load_sink, render_views
    from hilrig.app.folders import keys_folder
    from hilrig.core import files

    keys = key or sorted(keys_folder().glob("*.pub"))
    page = to if to is not None else Path(f"{run_dir.resolve().name}.html")
    sinks = {page.parent / sink.file_name: sink for sink in map(load_sink, view or ())}
    for path in filter(None, (page, png, *sinks)):
        app.refuse_target(path, run_dir=run_dir)
    document = app.signed_document(run_dir, keys)
    if baseline is not None:
        document = app.with_baseline(document, baseline, keys)
    if not no_raw:
        document = app.with_frames(document, run_dir)
    views = render_views(document)
    app.write_view(page, views[files.REPORT_HTML])
    if png is not None:
        app.write_view(png, views[files.REPORT_PNG])
    for path, sink in sinks.items():
        app.write_view(path, sink.render(document))
    _show(document, page, png, [*sinks], json=json)
    if open_page:
        webbrowser.open(page.resolve().as_uri())
    next_steps(f"hilrig verify {run_dir}")


def _show(document: "Document", page: Path, png: Path | None, others: Sequence[Path], *, json: bool) -> None:
    """Say what was written, of which verdict, and who signed that."""
    judgement, signer = document.result.judgement, document.signature.key_fingerprint
    if json:
        print_json(
            {
                "page": str(page),
                "picture": None if png is None else str(png),
                "views": [str(path) for path in others],
                "key_fingerprint": signer,
                "status": judgement.status.value,
                "sentence": judgement.sentence,
            }
        )
    say(f"{word(judgement.status.value)}  {judgement.sentence}")
    say(f"  signed by {signer}")
    for path in filter(None, (page, png, *others)):
        say(f"  {path}  {path.stat().st_size / 1e6:.1f} MB")
