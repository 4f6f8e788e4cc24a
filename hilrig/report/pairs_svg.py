"""The differences of all pairs, the confidence interval of the true one, the margin."""

from typing import Final

from markupsafe import Markup

from hilrig.core.search import Comparison, Pair, Side
from hilrig.report.plot_area import BOTTOM_PX, LEFT_PX, RIGHT_PX, PlotArea, drawing
from hilrig.report.values import number

MARKS: Final = {
    Side.CHAMPION: '<circle class="s-dot" cx="{x}" cy="{y}" r="5"/>',
    Side.CHALLENGER: '<path class="s-dot" d="M{x} {y}m-5-5h10v10h-10z"/>',
}
"""By which side was first: a drift would show as two bands."""

UP: Final = '<path class="s-bad" d="M{x} {y}m-6 12l6-10l6 10z"/>'
DOWN: Final = '<path class="s-good" d="M{x} {y}m-6-12l6 10l6-10z"/>'
N_COLUMNS_LABELLED_MAX: Final = 24


def pairs_chart(comparison: Comparison) -> Markup:
    """Return an SVG: one mark for each pair at its difference of p99; infinite ones stand at the edge."""
    area = _area(comparison)
    n = len(comparison.pairs)
    every = -(-n // N_COLUMNS_LABELLED_MAX) or 1
    parts = [
        *area.rows("ms"),
        *area.columns([float(index) for index in range(1, n + 1, every)], ""),
        _interval(area, comparison),
        area.level_line(0.0, name="s-zero"),
        *_margin(area, comparison),
        *(_mark(area, index, pair) for index, pair in enumerate(comparison.pairs, start=1)),
    ]
    title = f"Difference of p99 in {n} pairs, challenger less champion: {comparison.estimate.text}."
    return drawing(parts, title=title, title_id="pairs-svg-title")


def _area(comparison: Comparison) -> PlotArea:
    bounds = (comparison.margin_ms, comparison.lower.value_ms, comparison.upper.value_ms)
    seen = [pair.difference_ms for pair in comparison.pairs]
    known = [value for value in (*bounds, *seen) if value is not None]
    low, high = min([0.0, *known]), max([0.0, *known])
    spare = 0.08 * (high - low) or 1.0
    return PlotArea(left=0.5, right=len(comparison.pairs) + 0.5, bottom=low - spare, top=high + spare)


def _interval(area: PlotArea, comparison: Comparison) -> str:
    """Return the band between the bounds and the estimate in it; an infinite bound reaches to the edge."""
    if not all(bound.is_infinite or bound.value_ms is not None for bound in (comparison.lower, comparison.upper)):
        return ""
    lower = area.bottom if comparison.lower.value_ms is None else comparison.lower.value_ms
    upper = area.top if comparison.upper.value_ms is None else comparison.upper.value_ms
    band = f'<path class="c-band" d="M{LEFT_PX} {area.y(lower)}H{RIGHT_PX}V{area.y(upper)}H{LEFT_PX}z"/>'
    estimate_ms = comparison.estimate.value_ms
    if estimate_ms is None:
        return band
    label = f"estimate {comparison.estimate.text}"
    line = area.level_line(estimate_ms, name="s-estimate")
    return band + line + area.level_label(estimate_ms, name="s-estimate", label=label, anchor="start")


def _margin(area: PlotArea, comparison: Comparison) -> list[str]:
    if comparison.margin_ms is None:
        return []
    label = f"margin +{number(comparison.margin_ms)} ms"
    line = area.level_line(comparison.margin_ms, name="c-limit")
    return [line, area.level_label(comparison.margin_ms, name="c-limit", label=label)]


def _mark(area: PlotArea, index: int, pair: Pair) -> str:
    x = area.x(float(index))
    if pair.dropped:
        return f'<text class="c-tick" text-anchor="middle" x="{x}" y="{BOTTOM_PX - 6}">dropped</text>'
    if pair.difference_ms is None:
        edge, shape = (area.top, UP) if pair.challenger.is_infinite else (area.bottom, DOWN)
        return shape.format(x=x, y=area.y(edge))
    return MARKS[pair.first].format(x=x, y=area.y(pair.difference_ms))
