"""A drawing area with two linear axes, as inline SVG. Styling is by class, as in the latency chart."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from typing import Final, Literal

from markupsafe import Markup, escape

from hilrig.report.values import number, one_line

WIDTH_PX: Final = 1080
HEIGHT_PX: Final = 380
LEFT_PX: Final = 96
RIGHT_PX: Final = 1050
TOP_PX: Final = 20
BOTTOM_PX: Final = 326
LABEL_CHARS_MAX: Final = 60
N_STEPS: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class PlotArea:
    """From two quantities to pixels; each range must not be empty."""

    left: float
    right: float
    bottom: float
    top: float

    def x(self, value: float) -> str:
        """Return a horizontal coordinate, clipped to the area."""
        return _coordinate(LEFT_PX + _share(value, self.left, self.right) * (RIGHT_PX - LEFT_PX))

    def y(self, value: float) -> str:
        """Return a vertical coordinate, clipped to the area."""
        return _coordinate(BOTTOM_PX - _share(value, self.bottom, self.top) * (BOTTOM_PX - TOP_PX))

    def rows(self, unit: str) -> list[str]:
        """Return horizontal grid lines with their values."""
        return [
            f'<path class="c-grid" d="M{LEFT_PX} {self.y(tick)}H{RIGHT_PX}"/>'
            f'<text class="c-tick" text-anchor="end" x="{LEFT_PX - 8}" y="{self.y(tick)}" dy=".32em">'
            f"{number(tick)} {unit}</text>"
            for tick in ticks(self.bottom, self.top)
        ]

    def columns(self, values: Sequence[float], unit: str) -> list[str]:
        """Return vertical grid lines with their values."""
        return [
            f'<path class="c-grid" d="M{self.x(tick)} {TOP_PX}V{BOTTOM_PX}"/>'
            f'<text class="c-tick" text-anchor="middle" x="{self.x(tick)}" y="{BOTTOM_PX + 22}">'
            f"{f'{number(tick)} {unit}'.rstrip()}</text>"
            for tick in values
        ]

    def level_line(self, value: float, *, name: str) -> str:
        """Return a horizontal line."""
        return f'<path class="{name}" d="M{LEFT_PX} {self.y(value)}H{RIGHT_PX}"/>'

    def level_label(self, value: float, *, name: str, label: str, anchor: Literal["start", "end"] = "end") -> str:
        """Return the label of a horizontal line, at its left or its right end."""
        x, y = LEFT_PX + 6 if anchor == "start" else RIGHT_PX - 6, self.y(value)
        text = escape(one_line(label)[:LABEL_CHARS_MAX])
        return f'<text class="{name}-label" text-anchor="{anchor}" x="{x}" y="{y}" dy="-.4em">{text}</text>'

    def upright(self, value: float, *, name: str, label: str) -> str:
        """Return a vertical line with a label at its top."""
        x, text = self.x(value), escape(one_line(label)[:LABEL_CHARS_MAX])
        return (
            f'<path class="{name}" d="M{x} {TOP_PX}V{BOTTOM_PX}"/>'
            f'<text class="{name}-label" text-anchor="end" x="{x}" y="{TOP_PX}" dx="-6" dy="1em">{text}</text>'
        )

    def trace(self, points: Sequence[tuple[float, float]], *, name: str) -> str:
        """Return a line through points."""
        path = "L".join(f"{self.x(x)} {self.y(y)}" for x, y in points)
        return f'<path class="{name}" d="M{path}"/>' if points else ""


def drawing(parts: Sequence[str], *, title: str, title_id: str) -> Markup:
    """Return the parts as one SVG that a screen reader calls `title`."""
    head = (
        f'<svg class="chart" viewBox="0 0 {WIDTH_PX} {HEIGHT_PX}" role="img" aria-labelledby="{title_id}">'
        f'<title id="{title_id}">{escape(one_line(title))}</title>'
    )
    return Markup(head + "".join(parts) + "</svg>")  # noqa: S704 - built from numbers and escaped text only


def ticks(low: float, high: float, *, n_steps: int = N_STEPS) -> list[float]:
    """Return round values within a range, about `n_steps` of them."""
    rough = (high - low) / n_steps
    power = 10.0 ** floor(log10(rough))
    step = next(digit * power for digit in (1, 2, 5, 10) if digit * power >= rough)
    first, last = ceil(low / step - 1e-9), floor(high / step + 1e-9)
    return [index * step for index in range(first, last + 1)]


def _share(value: float, low: float, high: float) -> float:
    return (min(max(value, low), high) - low) / (high - low)


def _coordinate(px: float) -> str:
    return f"{px:.1f}".removesuffix(".0")
