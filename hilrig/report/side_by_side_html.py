"""The page of finished runs beside each other."""

from dataclasses import dataclass
from typing import Any, Final

from markupsafe import Markup

from hilrig.core.side_by_side import Cell, ComparedRun, Finding, Row, SideBySide
from hilrig.core.verdict import CheckStatus, RunStatus
from hilrig.report.assets import CHART_SCRIPTS, CHART_STYLES
from hilrig.report.blocks import block
from hilrig.report.chart_scale import scale_of
from hilrig.report.page import render_page
from hilrig.report.throttle_lanes_svg import throttle_lanes
from hilrig.report.values import number, one_line

LEVELS: Final = {RunStatus.PASS: "pass", RunStatus.FAIL: "fail", RunStatus.INCONCLUSIVE: "open"}
_CHECK_LEVELS: Final = {CheckStatus.PASS: "pass", CheckStatus.FAIL: "fail"}
_GROUPS: Final = {
    "limits": "Limits",
    "latency": "Latency",
    "frames": "Frames",
    "hardware": "Hardware",
}
_FINDINGS: Final = {
    Finding.BEYOND: "beyond both runs' 99 % bounds",
    Finding.WITHIN: "within the 99 % bounds",
}
STRETCHES_MAX: Final = 20
"""Rows of the table of throttling for each run; all of them are in its own report."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A chart of the page: its data block and what a screen reader says of it."""

    block_id: str
    title: str
    summary: str
    data: Markup
    note: str = ""


def render_side_by_side(found: SideBySide) -> bytes:
    """Return the page as UTF-8: what differs, the curves over each other, the table, throttling."""
    return render_page(
        "side_by_side.html.j2",
        styles=("report.css", *CHART_STYLES, "runs.css"),
        scripts=CHART_SCRIPTS,
        level="open",
        found=found,
        charts=[chart for chart in (_percentiles(found), _over_time(found)) if chart is not None],
        groups=[(title, [row for row in found.rows if row.group == group]) for group, title in _GROUPS.items()],
        levels=LEVELS,
        check_level=lambda status: _CHECK_LEVELS.get(status, "open"),
        bounds=_bounds,
        finding=lambda cell: _FINDINGS.get(cell.finding, ""),
        lanes=throttle_lanes(found),
        limit=lambda text: text.replace("<=", "≤").replace(">=", "≥"),
        signature=signature_text,
        stretches_max=STRETCHES_MAX,
    )


def signature_text(run: ComparedRun) -> str:
    """Return who signed a run, and whether anybody looked."""
    if run.is_key_known:
        return f"signed by {run.key_fingerprint}"
    return f"signature not checked: it is by an unknown key, {run.key_fingerprint}"


def _bounds(cell: Cell, row: Row) -> str:
    """Return the 99 % bounds of a number; empty for one without."""
    if cell.lower is None and cell.upper is None:
        return ""
    low = "no lower bound" if cell.lower is None else number(cell.lower)
    high = "no upper bound" if cell.upper is None else number(cell.upper)
    return f"{low} to {high} {row.unit}".rstrip()


def _percentiles(found: SideBySide) -> Chart | None:
    drawn = [(index, curves) for index, curves in enumerate(found.curves) if curves.percentiles]
    if not drawn:
        return None
    series = [_line(found, index, x=curves.percentiles, y=curves.latency_ms) for index, curves in drawn]
    absent = [run.label for run, curves in zip(found.runs, found.curves, strict=True) if not curves.percentiles]
    return _chart(
        "percentiles",
        "Percentiles of the latency",
        series,
        x={"label": "percentile", "scale": "tail"},
        note=f"Not recorded in run {', '.join(absent)}." if absent else "",
    )


def _over_time(found: SideBySide) -> Chart | None:
    series = [
        _line(found, index, x=curves.t_s, y=curves.p99_ms)
        for index, curves in enumerate(found.curves)
        if curves.t_s
    ]
    if not series:
        return None
    return _chart(
        "over-time",
        "p99 over time",
        series,
        x={"label": "time after the start of the measured part", "scale": "time"},
        note="One value for each stretch of the run, for looking: limits refer to the frames of the whole run.",
    )


def _line(found: SideBySide, index: int, *, x: Any, y: Any) -> dict[str, Any]:
    """Return a run's series; every second one is dashed, for eyes and prints without colours."""
    run = found.runs[index]
    label = one_line(f"{run.label} {run.conditions.profile_name}")
    return {"label": label, "x": x, "y": y, "style": "line", "dash": index % 2 == 1, "tone": index}


def _chart(block_id: str, title: str, series: list[dict[str, Any]], *, x: dict[str, str], note: str) -> Chart:
    values = [value for one in series for value in one["y"]]
    known = [value for value in values if value is not None]
    highest = f"; the highest value is {number(max(known))} ms" if known else ""
    names = ", ".join(one["label"] for one in series)
    data = {
        "x": x,
        "y": {"label": "latency", "unit": "ms", "scale": scale_of(values)},
        "series": series,
        "levels": [],
        "marks": [],
    }
    return Chart(
        block_id=block_id,
        title=title,
        summary=f"{title} of {names}{highest}.",
        data=block(block_id, data),
        note=note,
    )
