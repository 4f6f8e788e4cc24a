"""One picture with the verdict, the latency and the limits, readable in an e-mail."""

import io
import textwrap
import warnings
from typing import Any, Final

import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hilrig.core.document import Document
from hilrig.core.verdict import Check, Judgement, RunStatus, SeriesPoint
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

DPI: Final = 100
N_CHECKS_MAX: Final = 8
_COLORS: Final = {
    RunStatus.PASS: "#0b6b3a",
    RunStatus.FAIL: "#b3261e",
    RunStatus.INCONCLUSIVE: "#8a5a00",
}
_SOFT, _LINE, _BAND, _MEDIAN, _TAIL, _LIMIT = "#545c68", "#dfe3e8", "#b9cdea", "#1f5fae", "#6b3fa0", "#b3261e"


class PngSink:
    """The result as a picture of 1200 x 800 pixels. Equal documents give equal bytes on one machine."""

    file_name = "report.png"

    def render(self, document: Document) -> bytes:
        """Return the PNG. Characters that the font lacks are drawn as boxes."""
        with matplotlib.style.context("default"), warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Glyph .* missing")
            figure = Figure(figsize=(12, 8), dpi=DPI, facecolor="white")
            _draw_verdict(figure, document)
            _draw_latency(figure.add_axes((0.075, 0.36, 0.895, 0.36)), document.result.judgement)
            _draw_checks(figure, document.result.judgement)
            picture = io.BytesIO()
            figure.savefig(picture, format="png", metadata={"Software": None})
        return picture.getvalue()


def _draw_verdict(figure: Figure, document: Document) -> None:
    result = document.result
    status = result.judgement.status
    strip = figure.add_axes((0, 0.8, 1, 0.2), facecolor=_COLORS[status])
    strip.set(xticks=[], yticks=[], xlim=(0, 1), ylim=(0, 1))
    for spine in strip.spines.values():
        spine.set_visible(False)
    _text(strip, 0.025, 0.72, f"{status.value}: {MEANING[status]}", size=24, weight="bold", color="white")
    _text(
        strip, 0.975, 0.74, _cut(title(result).removeprefix(status.value), 34), size=13, color="white", ha="right"
    )
    sentence = textwrap.wrap(one_line(result.judgement.sentence), 125, max_lines=2, placeholder=" …")
    _text(strip, 0.025, 0.42, "\n".join(sentence), size=12.5, color="white", va="top")
    facts = f"{result.device_class}, {moment(result.started_at_utc)}, {tally(result.judgement)}"
    _text(strip, 0.975, 0.56, _cut(facts, 90), size=10, color="white", ha="right")


def _draw_latency(axes: Axes, judgement: Judgement) -> None:
    series = judgement.latency_series
    if not series:
        axes.set_axis_off()
        _text(axes, 0.5, 0.5, "latency not measured: the run has no measured frame", color=_SOFT, ha="center")
        return
    limits = latency_limits(judgement.checks)
    axis = latency_axis(series, [check.limit for check in limits])
    _draw_series(axes, series)
    for check in limits:
        _draw_limit(axes, check)
    _set_axes(axes, axis, series)


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
        size=10,
        color=_LIMIT,
        parse_math=False,
    )


def _set_axes(axes: Axes, axis: LatencyAxis, series: tuple[SeriesPoint, ...]) -> None:
    edges_s = bucket_edges_s(series)
    times_s = time_ticks_s(edges_s[0], edges_s[-1])
    axes.set(xlim=(edges_s[0], edges_s[-1]), yscale=axis.kind, ylim=(axis.lowest_ms, axis.highest_ms))
    axes.set_xticks(times_s, [time_label(time_s, edges_s[-1]) for time_s in times_s])
    axes.set_yticks(axis.ticks_ms(), [f"{number(tick_ms)} ms" for tick_ms in axis.ticks_ms()])
    axes.set_yticks([], minor=True)
    axes.tick_params(colors=_SOFT, labelsize=10, length=0, pad=7)
    axes.grid(color=_LINE)
    axes.set_axisbelow(True)
    for side in axes.spines.values():
        side.set_color(_LINE)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1.01), ncols=5, frameon=False, fontsize=10, labelcolor=_SOFT)


def _draw_checks(figure: Figure, judgement: Judgement) -> None:
    panel = figure.add_axes((0.025, 0.01, 0.95, 0.3))
    panel.set_axis_off()
    checks = ordered_checks(judgement.checks)
    if not checks:
        _text(panel, 0, 0.8, NO_CHECKS, size=12)
    for row, check in enumerate(checks[:N_CHECKS_MAX]):
        y = 0.93 - row * 0.115
        color = {"PASS": _COLORS[RunStatus.PASS], "FAIL": _COLORS[RunStatus.FAIL]}.get(
            check.status.value, _COLORS[RunStatus.INCONCLUSIVE]
        )
        _text(panel, 0, y, status_word(check.status), size=11, weight="bold", color=color)
        _text(panel, 0.15, y, _cut(check_title(check), 40), size=11)
        _text(panel, 0.69, y, _cut(observed_text(check, judgement), 52), size=11, ha="right")
        _text(panel, 0.71, y, _cut(limit_text(check), 36), size=11, color=_SOFT)
    if len(checks) > N_CHECKS_MAX:
        _text(panel, 1, 0.02, f"{len(checks) - N_CHECKS_MAX} more in report.html", color=_SOFT, ha="right")


def _text(axes: Axes, x: float, y: float, text: str, **style: Any) -> None:
    """Write foreign text in axes coordinates; `$` in it is a character, not mathematics."""
    axes.text(x, y, text, transform=axes.transAxes, parse_math=False, **{"size": 10, **style})


def _cut(text: str, n_chars_max: int) -> str:
    line = one_line(text)
    return line if len(line) <= n_chars_max else line[: n_chars_max - 1] + "…"
