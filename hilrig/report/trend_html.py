"""The page of a reports folder: its finished runs over the months.

They are in groups by profile and device class.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from hilrig.core.trend import Trend, TrendChange, TrendGroup, TrendRun
from hilrig.core.verdict import RunStatus
from hilrig.report.assets import CHART_SCRIPTS, CHART_STYLES
from hilrig.report.blocks import block
from hilrig.report.chart_scale import scale_of
from hilrig.report.page import render_page
from hilrig.report.side_by_side_html import LEVELS, Chart
from hilrig.report.values import number, one_line

_TONES: Final[Mapping[RunStatus, str | int]] = {
    RunStatus.PASS: "pass",
    RunStatus.FAIL: "fail",
    RunStatus.INCONCLUSIVE: 4,
}
"""4 of the charts' colours is the amber of the page's open questions."""

MARGIN: Final = "margin"
_AT_THE_LIMIT: Final = ({"label": "limit", "value": 0.0, "tone": "limit"},)


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupView:
    """What the page shows of a group: its charts, and its runs with the newest first, each with what changed."""

    group: TrendGroup
    charts: Sequence[Chart]
    rows: Sequence[tuple[TrendRun, tuple[str, ...]]]


def render_trend(trend: Trend) -> bytes:
    """Return the page as UTF-8: for each group its charts by date, the changes, the table of runs."""
    return render_page(
        "trend.html.j2",
        styles=("report.css", *CHART_STYLES, "runs.css"),
        scripts=CHART_SCRIPTS,
        level="open",
        trend=trend,
        views=[_view(index, group) for index, group in enumerate(trend.groups)],
        levels=LEVELS,
        count=lambda group, status: sum(run.status.value == status for run in group.runs),
    )


def _view(index: int, group: TrendGroup) -> GroupView:
    changes = {change.name: change.texts for change in group.changes}
    charts = [_p99(index, group), *(_plain(index, group, *chart) for chart in _PLAIN)]
    return GroupView(
        group=group,
        charts=[chart for chart in charts if chart is not None],
        rows=[(run, changes.get(run.name, ())) for run in reversed(group.runs)],
    )


def _p99(index: int, group: TrendGroup) -> Chart | None:
    runs = [run for run in group.runs if run.p99_ms is not None]
    if not runs:
        return None
    n_left_out = len(group.runs) - len(runs)
    series = [
        _curve("99 % upper bound", runs, lambda run: run.p99_upper_ms, tone="soft", dash=True),
        _curve("99 % lower bound", runs, lambda run: run.p99_lower_ms, tone="soft", dash=True),
        _curve("limit", group.runs, lambda run: run.p99_limit_ms, tone="limit", style="steps", dash=True),
        *_by_verdict(group.runs, lambda run: run.p99_ms),
    ]
    note = f"{_runs(n_left_out)} without a finite p99: see the table." if n_left_out else ""
    return _chart(f"p99-{index}", "p99 of the latency", "ms", group, series, note=note)


def _plain(index: int, group: TrendGroup, name: str, title: str, unit: str, read: "_Read") -> Chart | None:
    """Return a chart of one number; None when no run has it."""
    runs = [run for run in group.runs if read(run) is not None]
    if not runs:
        return None
    n_left_out = len(group.runs) - len(runs)
    note = f"Not measured in {_runs(n_left_out)}: see the table." if n_left_out else ""
    return _chart(f"{name}-{index}", title, unit, group, _by_verdict(group.runs, read), note=note)


_Read = Callable[[TrendRun], float | None]
_PLAIN: Final[Sequence[tuple[str, str, str, _Read]]] = (
    (MARGIN, "Margin of the closest limit (below 0 is beyond it)", "%", lambda run: run.closest_margin_pct),
    ("throttled", "Time throttled", "min", lambda run: run.throttled_min),
    ("dropped", "Dropped frames", "", lambda run: run.n_dropped),
)


def _runs(n: int) -> str:
    return "1 run" if n == 1 else f"{n} runs"


def _by_verdict(runs: Sequence[TrendRun], read: _Read) -> list[dict[str, Any]]:
    """Return a line through all runs, broken where one has no number, then the points of each verdict."""
    line = _curve("all runs", runs, read, tone="median")
    points = [
        _curve(status.value, chosen, read, tone=tone, style="points")
        for status, tone in _TONES.items()
        if (chosen := [run for run in runs if run.status is status and read(run) is not None])
    ]
    return [line, *points]


def _curve(
    label: str,
    runs: Sequence[TrendRun],
    read: _Read,
    *,
    tone: str | int,
    style: str = "line",
    dash: bool = False,
) -> dict[str, Any]:
    return {
        "label": label,
        "x": [run.started_s for run in runs],
        "y": [read(run) for run in runs],
        "style": style,
        "dash": dash,
        "tone": tone,
    }


def _chart(
    block_id: str, title: str, unit: str, group: TrendGroup, series: Sequence[dict[str, Any]], *, note: str
) -> Chart:
    drawn = [one for one in series if any(value is not None for value in one["y"])]
    values = [value for one in drawn for value in one["y"]]
    points = [value for one in drawn if one["style"] == "points" for value in one["y"]]
    data = {
        "x": {"label": "start of the run, UTC", "scale": "date"},
        "y": {"label": title, "unit": unit, "scale": scale_of(values)},
        "series": drawn,
        "levels": _AT_THE_LIMIT if block_id.startswith(MARGIN) else [],
        "marks": [_mark(change) for change in group.changes],
    }
    return Chart(
        block_id=block_id,
        title=title,
        summary=(
            f"{title} of {_runs(len(points))} of {group.profile_name} on {group.device_class}: "
            f"{number(min(points))} to {number(max(points))} {unit}".rstrip()
            + "."
        ),
        data=block(block_id, data),
        note=note,
    )


def _mark(change: TrendChange) -> dict[str, Any]:
    """Return a mark with the names of what changed; from what to what stands in the table."""
    return {"x": change.started_s, "label": one_line(", ".join(text.partition(" ")[0] for text in change.texts))}
