"""Stretches of throttling: a shade through all drawings of a time axis, and a lane for each device and cause."""

from collections.abc import Sequence
from typing import Final

from markupsafe import escape

from hilrig.core.verdict import ThrottleWindow
from hilrig.report.time_axis import LABEL_PX, LEFT_PX, RIGHT_PX, TimeAxis, coordinate
from hilrig.report.values import one_line

LANE_PX: Final = 22
LANES_MAX: Final = 6
"""More devices and causes than that are in the table only."""

_MARK_PX: Final = 14
_WIDTH_PX_MIN: Final = 2.5
"""An episode of a second is seen on an axis of eight hours too."""

_LABEL_CHARS_MAX: Final = 28


def shade(axis: TimeAxis, windows: Sequence[ThrottleWindow], top_px: float, bottom_px: float) -> str:
    """Return one path over all windows, drawn before what it lies behind; empty without any."""
    boxes = _boxes(axis, windows, top_px, bottom_px)
    return f'<path class="t-shade" d="{boxes}"/>' if boxes else ""


def lane_names(windows: Sequence[ThrottleWindow]) -> list[str]:
    """Return what each lane is called, `gpu0: thermal`, in the order in which they first throttled."""
    ordered = sorted(windows, key=lambda window: (window.begin_s, window_name(window)))
    return list(dict.fromkeys(window_name(window) for window in ordered))[:LANES_MAX]


def lanes(axis: TimeAxis, windows: Sequence[ThrottleWindow], top_px: int) -> list[str]:
    """Return one strip for each device and cause, from `top_px` downwards."""
    parts = []
    for index, name in enumerate(lane_names(windows)):
        of_lane = [window for window in windows if window_name(window) == name]
        parts += _lane(axis, of_lane, name, top_px + index * LANE_PX)
    return parts


def window_name(window: ThrottleWindow) -> str:
    """Return who throttled and why: `gpu0: thermal`; a window without a device is the CPU's."""
    return one_line(f"{window.hw_id or 'CPU'}: {window.cause.replace('_', ' ')}")


def _lane(axis: TimeAxis, windows: Sequence[ThrottleWindow], name: str, top_px: int) -> list[str]:
    middle = coordinate(top_px + _MARK_PX / 2)
    counted = f"throttled {len(windows):,}"
    marks = _boxes(axis, windows, top_px + 1, top_px + _MARK_PX - 1)
    return [
        f'<path class="c-lane" d="M{LEFT_PX} {top_px + _MARK_PX}H{RIGHT_PX}"/>',
        f'<text class="c-tick" text-anchor="end" x="{LEFT_PX - 8}" y="{middle}" dy=".32em">{counted}</text>',
        f'<path class="t-mark" d="{marks}"/>',
        f'<text class="t-mark-label" x="{LABEL_PX}" y="{middle}" dy=".32em">',
        f"{escape(name[:_LABEL_CHARS_MAX])}</text>",
    ]


def _boxes(axis: TimeAxis, windows: Sequence[ThrottleWindow], top_px: float, bottom_px: float) -> str:
    top, height = coordinate(top_px), coordinate(bottom_px - top_px)
    widths = [(coordinate(left), coordinate(right - left)) for left, right in _spans_px(axis, windows)]
    return "".join(f"M{left} {top}h{width}v{height}h-{width}z" for left, width in widths)


def _spans_px(axis: TimeAxis, windows: Sequence[ThrottleWindow]) -> list[tuple[float, float]]:
    """Return the windows from left to right in pixels; those that touch are one, so shades do not add up."""
    spans: list[tuple[float, float]] = []
    for window in sorted(windows, key=lambda window: window.begin_s):
        if window.end_s < axis.start_s or window.begin_s > axis.end_s:
            continue
        left = min(axis.x_px(window.begin_s), RIGHT_PX - _WIDTH_PX_MIN)
        right = max(axis.x_px(window.end_s), left + _WIDTH_PX_MIN)
        if spans and left <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(spans[-1][1], right))
        else:
            spans.append((left, right))
    return spans
