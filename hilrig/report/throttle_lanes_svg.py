"""When each of several runs throttled, one lane for each, on one time axis."""

from typing import Final

from markupsafe import Markup

from hilrig.core.side_by_side import Curves, SideBySide
from hilrig.core.units import format_duration
from hilrig.report.scale import time_label, time_ticks_s
from hilrig.report.values import one_line

WIDTH: Final = 1000
LANE: Final = 26
BAR: Final = 14
TICKS: Final = 22
LEFT: Final = 30
NARROWEST: Final = 2.0
"""A stretch of a second in eight hours can still be seen."""


def throttle_lanes(found: SideBySide) -> Markup:
    """Return the picture as SVG; nothing when no run throttled, or no run has a time axis."""
    end_s = max((_end_s(curves) for curves in found.curves), default=0.0)
    if end_s <= 0 or not any(curves.throttled for curves in found.curves):
        return Markup()
    lanes = Markup().join(
        _lane(index, run.label, curves, end_s)
        for index, (run, curves) in enumerate(zip(found.runs, found.curves, strict=True))
    )
    bottom = len(found.runs) * LANE
    ticks = Markup().join(_tick(t_s, end_s, bottom) for t_s in time_ticks_s(0.0, end_s))
    counts = (f"run {run.label} {len(one.throttled)}" for run, one in zip(found.runs, found.curves, strict=True))
    return Markup(
        '<svg class="lanes" viewBox="0 0 {width} {height}" role="img" '
        'aria-label="Stretches of throttling: {counts}">{ticks}{lanes}</svg>'
    ).format(width=WIDTH, height=bottom + TICKS, counts=", ".join(counts), ticks=ticks, lanes=lanes)


def _end_s(curves: Curves) -> float:
    """Return where a run's time axis ends; a lone bucket is taken as one second."""
    width_s = curves.t_s[-1] - curves.t_s[-2] if len(curves.t_s) > 1 else 1.0
    return curves.t_s[-1] + width_s if curves.t_s else 0.0


def _lane(index: int, label: str, curves: Curves, end_s: float) -> Markup:
    middle = index * LANE + LANE // 2
    bars = Markup().join(_bar(*stretch, middle=middle, end_s=end_s) for stretch in curves.throttled)
    return Markup(
        '<text class="l-name" x="0" y="{below}">{label}</text>'
        '<path class="l-line" d="M{left} {middle}H{right}"/>{bars}'
    ).format(below=middle + 5, label=label, left=LEFT, middle=middle, right=WIDTH, bars=bars)


def _bar(begin_s: float, stop_s: float, text: str, *, middle: int, end_s: float) -> Markup:
    left = _x(begin_s, end_s)
    return Markup(
        '<rect class="l-bar" x="{left:.1f}" y="{top}" width="{width:.1f}" height="{height}">'
        "<title>{text}</title></rect>"
    ).format(
        left=left,
        top=middle - BAR // 2,
        width=max(NARROWEST, _x(stop_s, end_s) - left),
        height=BAR,
        text=one_line(f"{format_duration(begin_s)} to {format_duration(stop_s)}: {text}"),
    )


def _tick(t_s: float, end_s: float, bottom: int) -> Markup:
    anchor = "end" if t_s > 0.95 * end_s else "start" if not t_s else "middle"
    return Markup(
        '<path class="l-grid" d="M{x:.1f} 0V{bottom}"/>'
        '<text class="l-tick" x="{x:.1f}" y="{below}" text-anchor="{anchor}">{label}</text>'
    ).format(x=_x(t_s, end_s), bottom=bottom, below=bottom + 16, anchor=anchor, label=time_label(t_s, end_s))


def _x(t_s: float, end_s: float) -> float:
    return LEFT + (WIDTH - LEFT) * min(t_s, end_s) / end_s
