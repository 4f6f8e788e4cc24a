"""A small bar that shows an observation, its confidence interval, its limit."""

from typing import Final

from markupsafe import Markup

from hilrig.core.verdict import Check, CheckStatus

WIDTH_PX: Final = 132
HEIGHT_PX: Final = 18
LIMIT_AT_PX: Final = 88
"""The limit stands at two thirds, so half as much again over the limit still fits."""


def margin_bar(check: Check) -> Markup:
    """Return the bar as SVG, hidden from screen readers: the columns beside it hold the same in words."""
    marks = [f'<rect class="m-track" y="5" width="{WIDTH_PX}" height="8" rx="2"/>']
    if check.status is not CheckStatus.NOT_MEASURED:
        observed_px = WIDTH_PX if check.observed is None else _position_px(check.observed, check.limit)
        level = check.status.value.lower()
        marks.append(f'<rect class="m-{level}" y="5" width="{observed_px}" height="8" rx="2"/>')
        marks.append(_interval(check))
    marks.append(f'<path class="m-limit" d="M{LIMIT_AT_PX} 0V{HEIGHT_PX}"/>')
    head = f'<svg class="margin" viewBox="0 0 {WIDTH_PX} {HEIGHT_PX}" aria-hidden="true">'
    return Markup(head + "".join(marks) + "</svg>")  # noqa: S704 - built from numbers only


def _interval(check: Check) -> str:
    if check.lower is None:
        return ""
    low_px = _position_px(check.lower, check.limit)
    high_px = WIDTH_PX if check.upper is None else _position_px(check.upper, check.limit)
    return f'<path class="m-interval" d="M{low_px} 9H{high_px}M{low_px} 6v6M{high_px} 6v6"/>'


def _position_px(value: float, limit: float) -> float:
    if limit <= 0:
        return 0.0 if value <= limit else float(WIDTH_PX)
    return round(min(max(value / limit * LIMIT_AT_PX, 0.0), WIDTH_PX), 1)
