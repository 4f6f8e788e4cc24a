"""One picture of a whole run: for paper, e-mail, pages without scripts.

It shows verdict, latency, telemetry and limits.
"""

import io
import textwrap
import warnings
from collections.abc import Sequence
from typing import Any, Final

import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from PIL import Image

from hilrig.core.document import Document
from hilrig.core.verdict import Check, Judgement, RunStatus, SeriesPoint
from hilrig.report.png_telemetry import SHADE, draw_track, shade_throttling, tracks
from hilrig.report.scale import (
    LatencyAxis,
    bucket_edges_s,
    latency_axis,
    latency_limits,
    time_label,
    time_ticks_s,
)
from hilrig.report.values import moment, number, one_line
from hilrig.report.wording import (
    MEANING,
    NO_CHECKS,
    check_title,
    limit_text,
    observed_text,
    ordered_checks,
    status_word,
    tally,
    title,
)

DPI: Final = 120
"""Enough for paper; 1403 x 992 pixels fit a screen and a mail."""

N_COLORS: Final = 256
"""Most that a PNG's palette holds. Where edges are blended there are more; none is then off by more than 4 %."""

SIZE_INCHES: Final = (11.69, 8.27)
"""A4, landscape (ISO 216)."""

N_CHECKS_MAX: Final = 8
_COLORS: Final = {
    RunStatus.PASS: "#0b6b3a",
    RunStatus.FAIL: "#b3261e",
    RunStatus.INCONCLUSIVE: "#8a5a00",
}
_SOFT, _LINE, _BAND, _MEDIAN, _TAIL, _LIMIT = "#545c68", "#dfe3e8", "#b9cdea", "#1f5fae", "#6b3fa0", "#b3261e"

# Shares of the picture's width and height.
_STRIP: Final = 0.155
_LEFT, _RIGHT = 0.085, 0.975
_RIGHT_OF_NAMES: Final = 0.865
"""Where plots end when the names of the telemetry stand beside them."""

_PLOTS_TOP: Final = 0.8
_TRACK, _GAP = 0.075, 0.032
_ROW, _BELOW_ROWS, _TIMES = 0.028, 0.022, 0.045


class PngSink:
    """The result as a picture of the shape of A4 landscape."""

    file_name = "report.png"

    def render(self, document: Document) -> bytes:
        """Return the PNG."""
        return render_png(document)


def render_png(document: Document) -> bytes:
    """Return the picture as a PNG of 1403 x 992 pixels. Equal documents give equal bytes on one machine.

    Characters that the font lacks are drawn as boxes.
    """
    with matplotlib.style.context("default"), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        figure = Figure(figsize=SIZE_INCHES, dpi=DPI, facecolor="white")
        _draw_verdict(figure, document)
        _draw_plots(figure, document.result.judgement)
        _draw_checks(figure, document.result.judgement)
        return _encoded(figure)


def _encoded(figure: Figure) -> bytes:
    """Return a drawn figure as a PNG with a palette: a third of the size, which counts inside a page."""
    drawn, picture = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="rgba")
    image = Image.frombytes("RGBA", figure.canvas.get_width_height(), drawn.getvalue())
    reduced = image.convert("RGB").quantize(N_COLORS, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    reduced.save(picture, "PNG", dpi=(DPI, DPI))
    return picture.getvalue()


def _draw_verdict(figure: Figure, document: Document) -> None:
    result = document.result
    status = result.judgement.status
    strip = figure.add_axes((0, 1 - _STRIP, 1, _STRIP), facecolor=_COLORS[status])
    strip.set(xticks=[], yticks=[], xlim=(0, 1), ylim=(0, 1))
    for spine in strip.spines.values():
        spine.set_visible(False)
    _text(strip, 0.025, 0.64, f"{status.value}: {MEANING[status]}", size=24, weight="bold", color="white")
    _text(
        strip, 0.975, 0.7, _cut(title(result).removeprefix(status.value), 34), size=13, color="white", ha="right"
    )
    sentence = textwrap.wrap(one_line(result.judgement.sentence), 125, max_lines=2, placeholder=" …")
    _text(strip, 0.025, 0.44, "\n".join(sentence), size=12.5, color="white", va="top")
    facts = f"{result.device_class}, {moment(result.started_at_utc)}, {tally(result.judgement)}"
    _text(strip, 0.975, 0.53, _cut(facts, 90), size=10, color="white", ha="right")


def _draw_plots(figure: Figure, judgement: Judgement) -> None:
    """Draw latency, below it what there is of temperature, clock and power, on one time axis."""
    edges_s = bucket_edges_s(judgement.latency_series)
    drawn = tracks(judgement) if edges_s else []
    width = (_RIGHT_OF_NAMES if drawn else _RIGHT) - _LEFT
    bottom = _table_height(judgement) + _TIMES + len(drawn) * (_TRACK + _GAP)
    latency = figure.add_axes((_LEFT, bottom, width, _PLOTS_TOP - bottom))
    if not edges_s:
        latency.set_axis_off()
        words = "latency not measured: the run has no measured frame"
        _text(latency, 0.5, 0.5, words, color=_SOFT, ha="center")
        return
    _draw_latency(latency, judgement)
    panels = [latency]
    for row, track in enumerate(drawn, start=1):
        panels.append(figure.add_axes((_LEFT, bottom - row * (_TRACK + _GAP), width, _TRACK)))
        draw_track(panels[-1], track, edges_s[-1])
    for panel in panels:
        shade_throttling(panel, judgement.throttle_windows, edges_s[0], edges_s[-1])
        _set_times(panel, edges_s, is_lowest=panel is panels[-1])


def _draw_latency(axes: Axes, judgement: Judgement) -> None:
    series = judgement.latency_series
    limits = latency_limits(judgement.checks)
    _draw_series(axes, series)
    for check in limits:
        _draw_limit(axes, check)
    _set_latencies(axes, latency_axis(series, [check.limit for check in limits]))
    handles, _ = axes.get_legend_handles_labels()
    if judgement.throttle_windows:
        handles.append(Patch(color=SHADE, label="throttled"))
    axes.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(-0.01, 1.0),
        ncols=6,
        frameon=False,
        fontsize=9,
        labelcolor=_SOFT,
    )


def _draw_series(axes: Axes, series: tuple[SeriesPoint, ...]) -> None:
    edges_s = np.asarray(bucket_edges_s(series))
    low, middle, tail, top = (
        np.array([np.nan if value is None else value for value in column])
        for column in zip(*((p.min_ms, p.p50_ms, p.p99_ms, p.max_ms) for p in series), strict=True)
    )
    axes.stairs(top, edges_s, baseline=low, fill=True, color=_BAND, label="fastest to slowest frame")
    axes.stairs(middle, edges_s, baseline=None, color=_MEDIAN, label="p50")
    axes.stairs(tail, edges_s, baseline=None, color=_TAIL, label="p99")
    middles_s = (edges_s[:-1] + edges_s[1:]) / 2
    for name, counts, height, color in (
        ("dropped", [point.n_dropped for point in series], 0.03, _COLORS[RunStatus.INCONCLUSIVE]),
        ("failed", [point.n_failed for point in series], 0.08, _COLORS[RunStatus.FAIL]),
    ):
        lost_s = middles_s[np.asarray(counts) > 0]
        label = f"{sum(counts):,} {name}"
        axes.plot(
            lost_s,
            np.full(len(lost_s), height),
            "|" if name == "dropped" else "x",
            color=color,
            label=label,
            transform=axes.get_xaxis_transform(),
        )


def _draw_limit(axes: Axes, check: Check) -> None:
    axes.axhline(check.limit, color=_LIMIT, linestyle=(0, (6, 4)), linewidth=1.3)
    label = f"{check_title(check)} limit {limit_text(check)}"
    axes.annotate(
        _cut(label, 60),
        (0.995, check.limit),
        xycoords=("axes fraction", "data"),
        ha="right",
        va="bottom",
        size=9,
        color=_LIMIT,
        parse_math=False,
    )


def _set_latencies(axes: Axes, axis: LatencyAxis) -> None:
    axes.set(yscale=axis.kind, ylim=(axis.lowest_ms, axis.highest_ms))
    axes.set_yticks(axis.ticks_ms(), [f"{number(tick_ms)} ms" for tick_ms in axis.ticks_ms()])
    axes.set_yticks([], minor=True)


def _set_times(axes: Axes, edges_s: Sequence[float], *, is_lowest: bool) -> None:
    times_s = time_ticks_s(edges_s[0], edges_s[-1])
    labels = [time_label(time_s, edges_s[-1]) if is_lowest else "" for time_s in times_s]
    axes.set_xlim(edges_s[0], edges_s[-1])
    axes.set_xticks(times_s, labels)
    axes.tick_params(colors=_SOFT, labelsize=9, length=0, pad=5)
    axes.grid(color=_LINE)
    axes.set_axisbelow(True)
    for side in axes.spines.values():
        side.set_color(_LINE)


def _draw_checks(figure: Figure, judgement: Judgement) -> None:
    height = _table_height(judgement)
    panel = figure.add_axes((0.025, 0, 0.95, height))
    panel.set_axis_off()
    checks = ordered_checks(judgement.checks)
    if not checks:
        _text(panel, 0, 0.5, NO_CHECKS, size=11)
    for row, check in enumerate(checks[:N_CHECKS_MAX]):
        y = 1 - (row + 1) * _ROW / height
        color = {"PASS": _COLORS[RunStatus.PASS], "FAIL": _COLORS[RunStatus.FAIL]}.get(
            check.status.value, _COLORS[RunStatus.INCONCLUSIVE]
        )
        _text(panel, 0, y, status_word(check.status), weight="bold", color=color)
        _text(panel, 0.14, y, _cut(check_title(check), 40))
        _text(panel, 0.69, y, _cut(observed_text(check, judgement), 52), ha="right")
        _text(panel, 0.71, y, _cut(limit_text(check), 36), color=_SOFT)
    if len(checks) > N_CHECKS_MAX:
        _text(panel, 1, 0.06, f"{len(checks) - N_CHECKS_MAX} more in report.html", size=8, color=_SOFT, ha="right")


def _table_height(judgement: Judgement) -> float:
    return max(1, min(len(judgement.checks), N_CHECKS_MAX)) * _ROW + _BELOW_ROWS


def _text(axes: Axes, x: float, y: float, text: str, **style: Any) -> None:
    """Write foreign text in axes coordinates; `$` in it is a character, not mathematics."""
    axes.text(x, y, text, transform=axes.transAxes, parse_math=False, **{"size": 10, **style})


def _cut(text: str, n_chars_max: int) -> str:
    line = one_line(text)
    return line if len(line) <= n_chars_max else line[: n_chars_max - 1] + "…"
