"""The telemetry under the latency of the picture, with the throttling behind it.

Temperature, clock and power have a panel each.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
from matplotlib.axes import Axes

from hilrig.core import channels
from hilrig.core.verdict import Judgement, TelemetrySeries, ThrottleWindow
from hilrig.report.channel_words import attributes_of, name_of, short_label
from hilrig.report.values import number

LINES_MAX: Final = 3
"""As many names as fit beside a panel of two centimetres; the hottest, fastest, hungriest are taken."""

NAME_CHARS_MAX: Final = 20
WIDTH_SHARE_MIN: Final = 0.002
"""An episode of a second is seen on an axis of eight hours too."""

SHADE: Final = "#f6d5d2"
_SOFT: Final = "#545c68"
_COLORS: Final = ("#1f5fae", "#a4500f", "#0b6b3a")
_STYLES: Final = ("-", (0, (5, 2)), (0, (1, 1.5)))
"""Each line has a dash of its own: paper is often black and white."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """What one panel shows: the channels of the first of `names` that has a series.

    Args:
        per_unit: how many of the channels' unit are one of `unit`.
        names: channels, with the attributes that they need besides.
    """

    title: str
    unit: str
    per_unit: float
    names: Mapping[str, tuple[str, str] | None]


QUANTITIES: Final = (
    Quantity(title="Temperature", unit="°C", per_unit=1.0, names=MappingProxyType({channels.TEMPERATURE: None})),
    Quantity(
        title="Clock",
        unit="MHz",
        per_unit=1e6,
        names=MappingProxyType({channels.GPU_CLOCK: ("domain", "graphics"), channels.CPU_FREQUENCY: None}),
    ),
    Quantity(title="Power", unit="W", per_unit=1.0, names=MappingProxyType({channels.POWER: None})),
)
"""The panels from top to bottom."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """One panel with its lines; there is at least one."""

    quantity: Quantity
    lines: tuple[TelemetrySeries, ...]


def tracks(judgement: Judgement) -> list[Track]:
    """Return the panels for which there is a reading, from top to bottom."""
    drawable = [one for one in judgement.telemetry_series if any(value is not None for value in one.mean)]
    chosen = ((quantity, _chosen(quantity, drawable)) for quantity in QUANTITIES)
    return [Track(quantity=quantity, lines=lines) for quantity, lines in chosen if lines]


def draw_track(axes: Axes, track: Track, end_s: float) -> None:
    """Draw the mean of every line over time, with its name and its lowest and highest reading at the right.

    Args:
        axes: where to.
        track: what.
        end_s: where the last bucket ends.
    """
    for index, (line, color, style) in enumerate(zip(track.lines, _COLORS, _STYLES, strict=False)):
        edges_s = np.array([*line.t_s, end_s])
        values = _scaled(line.mean, track.quantity)
        axes.stairs(values, edges_s, baseline=None, color=color, linestyle=style, linewidth=1.3)
        _draw_name(axes, index, color, _name(line, track.quantity))
    axes.set_title(f"{track.quantity.title}, {track.quantity.unit}", size=9, color=_SOFT, loc="left", pad=3)
    axes.margins(y=0.15)
    axes.locator_params(axis="y", nbins=3)


def shade_throttling(axes: Axes, windows: Sequence[ThrottleWindow], start_s: float, end_s: float) -> None:
    """Shade the stretches of throttling; those that touch are one."""
    spans = [(begin, end - begin) for begin, end in merged(windows, start_s, end_s)]
    axes.broken_barh(spans, (0, 1), transform=axes.get_xaxis_transform(), color=SHADE, zorder=0)


def merged(windows: Sequence[ThrottleWindow], start_s: float, end_s: float) -> list[tuple[float, float]]:
    """Return the stretches within the axis, in seconds, each wide enough to be seen, none touching another."""
    width_s = WIDTH_SHARE_MIN * (end_s - start_s)
    spans: list[tuple[float, float]] = []
    for window in sorted(windows, key=lambda window: window.begin_s):
        begin_s, stop_s = max(window.begin_s, start_s), min(window.end_s, end_s)
        if begin_s > stop_s:
            continue
        begin_s = min(begin_s, end_s - width_s)
        stop_s = max(stop_s, begin_s + width_s)
        if spans and begin_s <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(spans[-1][1], stop_s))
        else:
            spans.append((begin_s, stop_s))
    return spans


def _chosen(quantity: Quantity, drawable: Sequence[TelemetrySeries]) -> tuple[TelemetrySeries, ...]:
    for name, attribute in quantity.names.items():
        fitting = [one for one in drawable if name_of(one.key) == name and _has(one.key, attribute)]
        if fitting:
            ranked = sorted(fitting, key=lambda one: (-max(_known(one.maximum)), one.key))
            return tuple(ranked[:LINES_MAX])
    return ()


def _has(key: str, attribute: tuple[str, str] | None) -> bool:
    return attribute is None or attribute in attributes_of(key).items()


def _known(values: Iterable[float | None]) -> Iterator[float]:
    return (value for value in values if value is not None)


def _scaled(values: Iterable[float | None], quantity: Quantity) -> np.ndarray:
    return np.array([np.nan if value is None else value / quantity.per_unit for value in values])


def _name(line: TelemetrySeries, quantity: Quantity) -> str:
    low, high = (
        number(round(value / quantity.per_unit, 1))
        for value in (min(_known(line.minimum)), max(_known(line.maximum)))
    )
    label = short_label(line.key)
    cut = label if len(label) <= NAME_CHARS_MAX else label[: NAME_CHARS_MAX - 1] + "…"
    return f"{cut}\n{low if low == high else f'{low} to {high}'} {quantity.unit}"


def _draw_name(axes: Axes, index: int, color: str, text: str) -> None:
    y = 0.98 - index / LINES_MAX
    axes.text(
        1.012, y, text, transform=axes.transAxes, parse_math=False, size=7, color=color, va="top", linespacing=1.05
    )
