"""One small panel on the shared time axis: bands and mean lines, each with its name at its right end."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup, escape

from hilrig.core.verdict import ThrottleWindow
from hilrig.report.plot_area import ticks
from hilrig.report.throttle_svg import shade
from hilrig.report.time_axis import LABEL_PX, LEFT_PX, RIGHT_PX, WIDTH_PX, TimeAxis, coordinate
from hilrig.report.values import number, one_line

_TOP_PX: Final = 26
_PLOT_PX_MIN: Final = 74
_BELOW_PX: Final = 10
_TIMES_PX: Final = 24
_LABEL_LINE_PX: Final = 14
_NAME_CHARS_MAX: Final = 18
_LEVEL_CHARS_MAX: Final = 28
"""With these two the longest label ends at the edge of the drawing."""

_N_TICKS: Final = 4

Value = float | None

_TO: Final = "\u2013"  # an en dash: the space beside the plot is short


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A series in the panel's unit; the values of a bucket are all None where there is no reading."""

    label: str
    t_s: tuple[float, ...]
    minimum: tuple[Value, ...]
    mean: tuple[Value, ...]
    maximum: tuple[Value, ...]

    @property
    def lowest(self) -> float:
        """Return the lowest reading."""
        return min(value for value in self.minimum if value is not None)

    @property
    def highest(self) -> float:
        """Return the highest reading."""
        return max(value for value in self.maximum if value is not None)

    @property
    def last(self) -> float:
        """Return the last mean: where the line ends."""
        return [value for value in self.mean if value is not None][-1]

    @property
    def span_text(self) -> str:
        """Return the lowest and the highest reading: `41-71`, or one number where both are the same."""
        low, high = rounded(self.lowest), rounded(self.highest)
        return low if low == high else f"{low}{_TO}{high}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A limit, drawn as a horizontal line."""

    label: str
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """What one panel shows; `note` says what it leaves out. There is at least one line."""

    title: str
    unit: str
    lines: tuple[Line, ...]
    levels: tuple[Level, ...]
    bottom: float
    top: float
    note: str = ""

    @property
    def plot_px(self) -> int:
        """Return the height of the plot: tall enough for all labels beside it."""
        return max(_PLOT_PX_MIN, _LABEL_LINE_PX * (len(self.lines) + len(self.levels)))

    def y_px(self, value: float) -> float:
        """Return the vertical position of a value, clipped to the plot."""
        share = (min(max(value, self.bottom), self.top) - self.bottom) / (self.top - self.bottom)
        return _TOP_PX + (1 - share) * self.plot_px

    def y(self, value: float) -> str:
        """Return the same as an SVG coordinate."""
        return coordinate(self.y_px(value))


def draw(
    panel: Panel, axis: TimeAxis, windows: Sequence[ThrottleWindow], *, title_id: str, with_times: bool
) -> Markup:
    """Return the panel as SVG; a screen reader calls it by its title and the spans of its lines."""
    bottom_px = _TOP_PX + panel.plot_px
    height_px = bottom_px + (_TIMES_PX if with_times else _BELOW_PX)
    parts = [
        shade(axis, windows, 0, bottom_px if with_times else height_px),
        *_head(panel),
        *_rows(panel),
        axis.grid(_TOP_PX, bottom_px),
        *(_band(panel, axis, index) for index in range(len(panel.lines))),
        *(_mean(panel, axis, index) for index in range(len(panel.lines))),
        *(f'<path class="c-limit" d="M{LEFT_PX} {panel.y(one.value)}H{RIGHT_PX}"/>' for one in panel.levels),
        *_labels(panel),
        *(axis.labels(bottom_px + 20) if with_times else ()),
    ]
    head = (
        f'<svg class="chart panel" viewBox="0 0 {WIDTH_PX} {height_px}" role="img" aria-labelledby="{title_id}">'
        f'<title id="{title_id}">{escape(_description(panel))}</title>'
    )
    return Markup(head + "".join(parts) + "</svg>")  # noqa: S704 - built from numbers and escaped text only


def rounded(value: float) -> str:
    """Return a value for a label: whole from a hundred on, one decimal below."""
    return number(round(value) if abs(value) >= 100 else round(value, 1))  # noqa: PLR2004 - three digits are enough


def _head(panel: Panel) -> list[str]:
    note = f'<tspan class="c-tick" dx="8">{escape(one_line(panel.note))}</tspan>' if panel.note else ""
    return [
        f'<text class="t-title" x="{LEFT_PX}" y="{_TOP_PX - 9}">{escape(panel.title)}',
        f'<tspan class="c-tick" dx="6">{escape(panel.unit)}</tspan>{note}</text>',
    ]


def _rows(panel: Panel) -> list[str]:
    marks = ticks(panel.bottom, panel.top, n_steps=_N_TICKS)
    lines = "".join(f"M{LEFT_PX} {panel.y(mark)}H{RIGHT_PX}" for mark in marks)
    texts = [
        f'<text class="c-tick" text-anchor="end" x="{LEFT_PX - 8}" y="{panel.y(mark)}" dy=".32em">'
        f"{number(mark)} {escape(panel.unit)}</text>"
        for mark in marks
    ]
    return [f'<path class="c-grid" d="{lines}"/>', *texts]


def _band(panel: Panel, axis: TimeAxis, index: int) -> str:
    """Return the area between the lowest and the highest reading of each bucket, in steps, with its gaps."""
    line = panel.lines[index]
    areas = []
    for first, end in _stretches(line.mean):
        edges = [axis.x(t_s) for t_s in _edges_s(line, axis)[first : end + 1]]
        tops = [panel.y(value) for value in line.maximum[first:end] if value is not None]
        bottoms = [panel.y(value) for value in line.minimum[first:end] if value is not None]
        there = "".join(f"V{y}H{x}" for y, x in zip(tops, edges[1:], strict=True))
        back = "".join(f"V{y}H{x}" for y, x in zip(reversed(bottoms), reversed(edges[:-1]), strict=True))
        areas.append(f"M{edges[0]} {bottoms[0]}{there}{back}z")
    return f'<path class="t-band t-band-{index}" d="{"".join(areas)}"/>'


def _mean(panel: Panel, axis: TimeAxis, index: int) -> str:
    line = panel.lines[index]
    moves = []
    for first, end in _stretches(line.mean):
        edges = [axis.x(t_s) for t_s in _edges_s(line, axis)[first : end + 1]]
        levels = [panel.y(value) for value in line.mean[first:end] if value is not None]
        steps = "".join(f"V{y}H{x}" for y, x in zip(levels, edges[1:], strict=True))
        moves.append(f"M{edges[0]} {levels[0]}{steps.removeprefix(f'V{levels[0]}')}")
    return f'<path class="t-line t-line-{index}" d="{"".join(moves)}"/>'


def _edges_s(line: Line, axis: TimeAxis) -> list[float]:
    return [*line.t_s, axis.end_s]


def _stretches(values: Sequence[Value]) -> list[tuple[int, int]]:
    """Return first and end of each unbroken stretch of values."""
    is_there = [False, *(value is not None for value in values), False]
    changes = [index for index in range(len(values) + 1) if is_there[index] != is_there[index + 1]]
    return list(zip(changes[::2], changes[1::2], strict=True))


def _labels(panel: Panel) -> list[str]:
    """Return the name of every line and limit, spread so that none covers another, tied to its end by a leader."""
    named = [
        (panel.y_px(line.last), f"t-line t-line-{index}", _named(line)) for index, line in enumerate(panel.lines)
    ]
    named += [
        (panel.y_px(one.value), "c-limit", escape(one_line(one.label)[:_LEVEL_CHARS_MAX])) for one in panel.levels
    ]
    named.sort(key=lambda label: label[0])
    places = _spread([at_px for at_px, _, _ in named], _TOP_PX, _TOP_PX + panel.plot_px)
    return [
        f'<path class="{name} t-leader" d="M{RIGHT_PX + 2} {coordinate(at_px)}'
        f'L{LABEL_PX - 8} {coordinate(place_px)}h4"/>'
        f'<text class="t-name" x="{LABEL_PX}" y="{coordinate(place_px)}" dy=".32em">{text}</text>'
        for (at_px, name, text), place_px in zip(named, places, strict=True)
    ]


def _named(line: Line) -> str:
    label = one_line(line.label)
    cut = label if len(label) <= _NAME_CHARS_MAX else label[: _NAME_CHARS_MAX - 1] + "…"
    return f'{escape(cut)} <tspan class="t-span">{line.span_text}</tspan>'


def _spread(wanted_px: Sequence[float], top_px: float, bottom_px: float) -> list[float]:
    """Return ascending positions at least a line of text apart, as near to the wanted ones as that allows."""
    places = list(wanted_px)
    for index in range(1, len(places)):
        places[index] = max(places[index], places[index - 1] + _LABEL_LINE_PX)
    lowest_px = max(bottom_px, top_px + _LABEL_LINE_PX * (len(places) - 1))
    for index in reversed(range(len(places))):
        places[index] = min(places[index], lowest_px - _LABEL_LINE_PX * (len(places) - 1 - index))
    return places


def _description(panel: Panel) -> str:
    lines = "; ".join(f"{line.label} {line.span_text}" for line in panel.lines)
    levels = "".join(f"; {one.label}" for one in panel.levels)
    return one_line(f"{panel.title} over time, lowest to highest reading in {panel.unit}: {lines}{levels}.")
