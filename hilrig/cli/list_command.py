"""The command `list`: the runs of a reports folder, with their numbers over time."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from hilrig.cli import finished_options, options
from hilrig.cli.output import next_steps, print_json, say, word
from hilrig.cli.verdict_output import shown_path

if TYPE_CHECKING:
    from hilrig.core.trend import Trend
    from hilrig.record.listing import RunEntry

REPORTS: Final = Path("reports")


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(name="list")(list_runs)


def list_runs(
    *,
    reports: options.Reports = REPORTS,
    html: finished_options.HtmlFile = None,
    profile: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only runs of this profile.", show_default=False)
    ] = None,
    device_class: Annotated[
        str | None,
        typer.Option(metavar="CLASS", help="Only finished runs on this device class.", show_default=False),
    ] = None,
    json: options.Json = False,
) -> None:
    """List the runs in a reports folder, the newest first; --html FILE draws the finished ones over time."""
    from hilrig.core.clock import SystemClock
    from hilrig.record.listing import list_runs as read_runs

    entries = read_runs(reports, clock=SystemClock()) if reports.exists() else []
    if profile is None and device_class is None and html is None and not json:
        _show(entries, reports)
        return
    page = None if html is None else options.absolute(html)
    trend = _trend(reports, entries, profile=profile, device_class=device_class, page=page)
    chosen = _chosen(entries, trend, profile=profile, device_class=device_class)
    if page is not None:
        _write_page(page, trend)
    if json:
        print_json(_document(chosen, trend))
        return
    _show(chosen, reports)
    if page is not None:
        say(f"page        {shown_path(page)}")


def _trend(
    reports: Path, entries: "list[RunEntry]", *, profile: str | None, device_class: str | None, page: Path | None
) -> "Trend":
    from hilrig.app.compare.trend import read_trend

    return read_trend(reports, entries, profile_name=profile, device_class=device_class, page=page)


def _chosen(
    entries: "list[RunEntry]", trend: "Trend", *, profile: str | None, device_class: str | None
) -> "list[RunEntry]":
    """Return the runs that were asked for; one that cannot be read always is, for nobody knows what it was."""
    if profile is None and device_class is None:
        return entries
    named = {run.name for group in trend.groups for run in group.runs} | {run.name for run in trend.unreadable}
    return [
        entry
        for entry in entries
        if entry.path.name in named
        or (entry.status is None and device_class is None and entry.profile_name == profile)
    ]


def _show(entries: "list[RunEntry]", reports: Path) -> None:
    for entry in entries:
        status = entry.status.value if entry.status else entry.state.value
        say(f"{word(status, width=13)} {shown_path(entry.path)}" + (f"  {entry.detail}" if entry.detail else ""))
    if not entries:
        say(f"no runs in {reports}")
        next_steps("hilrig demo")


def _write_page(page: Path, trend: "Trend") -> None:
    from hilrig.app.page_file import write_page
    from hilrig.report.trend_html import render_trend

    write_page(page, render_trend(trend))


def _document(entries: "list[RunEntry]", trend: "Trend") -> dict[str, Any]:
    """Return the runs as JSON, each finished one with the numbers that the trend's page draws."""
    from json import loads

    from hilrig.config.noun_json import to_json

    held = loads(to_json(trend))
    numbers = {run["name"]: run for group in held["groups"] for run in group["runs"]}
    return {
        "runs": [
            {
                "path": str(entry.path),
                "state": entry.state.value,
                "status": entry.status.value if entry.status else None,
                "detail": entry.detail,
                "numbers": numbers.get(entry.path.name),
            }
            for entry in entries
        ],
        "trend": held,
    }
