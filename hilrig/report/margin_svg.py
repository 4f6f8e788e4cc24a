"""Small bars for tables: an observation against its limit, a budget used up, a share of a whole."""

from typing import Final

from markupsafe import Markup

from hilrig.core.analysis import Budget
from hilrig.core.verdict import Check, CheckStatus

WIDTH_PX: Final = 132
HEIGHT_PX: Final = 18
LIMIT_AT_PX: Final = 88
"""The limit stands at two thirds, so half as much again over the limit still fits."""


def margin_bar(check: Check) -> Markup:
    """Return the bar as SVG, hidden from screen readers: the columns beside it hold the same in words."""
    if check.status is CheckStatus.NOT_MEASURED:
        return _bar()
    observed_px = WIDTH_PX if check.observed is None else _position_px(check.observed, check.limit)
    filled = f'<rect class="m-{check.status.value.lower()}" y="5" width="{observed_px}" height="8" rx="2"/>'
    return _bar(filled, _interval(check))


def budget_bar(budget: Budget) -> Markup:
    """Return how much of a budget is used as SVG, hidden from screen readers as `margin_bar` is."""
    n_used = budget.n_used[-1] if budget.n_used else 0
    used_px = _position_px(n_used, budget.n_allowed)
    level = "used" if n_used <= budget.n_allowed else "fail"
    return _bar(f'<rect class="m-{level}" y="5" width="{used_px}" height="8" rx="2"/>')


def share_bar(share_pct: float) -> Markup:
    """Return a share of a whole as SVG, hidden from screen readers: the number stands beside it."""
    width = round(min(max(share_pct, 0.0), 100.0), 1)
    head = '<svg class="share" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">'
    rects = f'<rect class="m-track" width="100" height="8"/><rect class="m-used" width="{width}" height="8"/>'
    return Markup(f"{head}{rects}</svg>")  # noqa: S704 - built from numbers only


def _bar(*marks: str) -> Markup:
    track = f'<rect class="m-track" y="5" width="{WIDTH_PX}" height="8" rx="2"/>'
    limit = f'<path class="m-limit" d="M{LIMIT_AT_PX} 0V{HEIGHT_PX}"/>'
    head = f'<svg class="margin" viewBox="0 0 {WIDTH_PX} {HEIGHT_PX}" aria-hidden="true">'
    return Markup(f"{head}{track}{''.join(marks)}{limit}</svg>")  # noqa: S704 - built from numbers only


def _interval(check: Check) -> str:
    if check.lower is None:
        return ""
    low_px = _position_px(check.lower, check.limit)
    high_px = WIDTH_PX if check.upper is None else _position_px(check.upper, check.limit)
    return f'<path class="m-interval" d="M{low_px} 9H{high_px}M{low_px} 6v6M{high_px} 6v6"/>'


def _position_px(value: float, limit: float) -> float:
    """Return where a value stands; beyond the end of the bar is at its end, also for a limit of 0."""
    if limit <= 0:
        return 0.0 if value <= limit else float(WIDTH_PX)
    return round(min(max(value / limit * LIMIT_AT_PX, 0.0), WIDTH_PX), 1)
