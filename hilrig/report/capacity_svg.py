"""Latency against frame rate: one mark for each probe, the limits, the rate that was found."""

from collections.abc import Callable
from typing import Final

from markupsafe import Markup

from hilrig.core.metrics import METRICS
from hilrig.core.search import Capacity, Probe, ProbeOutcome
from hilrig.report.plot_area import PlotArea, drawing, ticks
from hilrig.report.values import number

LATENCY_OVER_LIMIT_MAX: Final = 3.0
"""An overloaded probe may be seconds late: beyond three times the limits its mark stands at the upper edge."""

MARKS: Final = {
    ProbeOutcome.SUSTAINED: '<circle class="s-good" cx="{x}" cy="{y}" r="5"/>',
    ProbeOutcome.NOT_SUSTAINED: '<path class="s-bad" d="M{x} {y}m-5-5l10 10m0-10l-10 10"/>',
    ProbeOutcome.UNFIT: '<path class="s-bad" d="M{x} {y}m-5-5l10 10m0-10l-10 10"/>',
    ProbeOutcome.UNDECIDED: '<path class="s-open" d="M{x} {y}m0-6l6 6l-6 6l-6-6z"/>',
    ProbeOutcome.INSTRUMENT: '<path class="s-open" d="M{x} {y}m0-6l6 6l-6 6l-6-6z"/>',
}
"""One shape for each outcome (never colour alone), drawn at a probe's p99."""


def capacity_chart(capacity: Capacity) -> Markup:
    """Return an SVG: p50, p95, p99 of the decided frames at each rate."""
    area = _area(capacity)
    limits = capacity.latency_limits_ms.items()
    parts = [
        *area.rows("ms"),
        *area.columns(ticks(area.left, area.right), "fps"),
        _trace(area, capacity, lambda probe: probe.p50_ms, name="c-p50"),
        _trace(area, capacity, lambda probe: probe.p95_ms, name="s-p95"),
        _trace(area, capacity, lambda probe: probe.p99_ms, name="c-p99"),
        *(area.level_line(limit_ms, name="c-limit") for _, limit_ms in limits),
        *(
            area.level_label(limit_ms, name="c-limit", label=f"{_short(metric)} limit {number(limit_ms)} ms")
            for metric, limit_ms in limits
        ),
        area.upright(capacity.profile_rate_fps, name="s-asked", label="profile"),
        *_found(area, capacity),
        *(_mark(area, probe) for probe in capacity.probes),
    ]
    found = "no rate was confirmed" if capacity.found_fps is None else f"found {number(capacity.found_fps)} fps"
    title = f"Latency against frame rate in {len(capacity.probes)} probes: {found}. The table holds the numbers."
    return drawing(parts, title=title, title_id="curve-svg-title")


def _area(capacity: Capacity) -> PlotArea:
    rates_fps = [probe.frame_rate_fps for probe in capacity.probes]
    limits_ms = [*capacity.latency_limits_ms.values()]
    seen_ms = [probe.p99_ms for probe in capacity.probes if probe.p99_ms is not None]
    top_ms = max([1.0, *limits_ms, *seen_ms])
    if limits_ms:
        top_ms = min(top_ms, LATENCY_OVER_LIMIT_MAX * max(limits_ms))
    right_fps = 1.06 * max([capacity.profile_rate_fps, *rates_fps])
    return PlotArea(left=0.0, right=right_fps, bottom=0.0, top=1.08 * top_ms)


def _trace(area: PlotArea, capacity: Capacity, pick: Callable[[Probe], float | None], *, name: str) -> str:
    """Return a line over the rates; of a rate that was tried again, the last probe counts."""
    latest = {probe.frame_rate_fps: pick(probe) for probe in capacity.probes}
    points = [(fps, latency_ms) for fps, latency_ms in sorted(latest.items()) if latency_ms is not None]
    return area.trace(points, name=name)


def _mark(area: PlotArea, probe: Probe) -> str:
    at_ms = area.top if probe.p99_ms is None else probe.p99_ms
    return MARKS[probe.outcome].format(x=area.x(probe.frame_rate_fps), y=area.y(at_ms))


def _found(area: PlotArea, capacity: Capacity) -> list[str]:
    if capacity.found_fps is None:
        return []
    return [area.upright(capacity.found_fps, name="s-found", label=f"{number(capacity.found_fps)} fps")]


def _short(metric: str) -> str:
    return METRICS[metric].title.removeprefix("latency ") if metric in METRICS else metric
