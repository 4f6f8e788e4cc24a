"""Latency over time as inline SVG.

Every bucket is drawn as wide as it is, from its fastest to its slowest frame, so the slowest frame of the run is
always visible. Stretches of throttling lie behind it. Styling is by class: a strict content security policy blocks
style attributes.
"""

from collections.abc import Callable, Sequence
from typing import Final

from markupsafe import Markup, escape

from hilrig.core.verdict import Check, SeriesPoint, ThrottleWindow
from hilrig.report.scale import LatencyAxis, bucket_edges_s, latency_axis, latency_limits
from hilrig.report.throttle_svg import LANE_PX, lane_names, lanes, shade
from hilrig.report.time_axis import LEFT_PX, RIGHT_PX, WIDTH_PX, TimeAxis, coordinate, time_axis
from hilrig.report.values import number, one_line
from hilrig.report.wording import limit_text

HEIGHT_PX: Final = 366
"""Without lanes of throttling, which come below the others."""

_TOP_PX, _BOTTOM_PX = 16, 276
_LANES: Final = (("dropped", 292), ("failed", 314))
_LANE_HEIGHT_PX: Final = 14
_LANES_END_PX: Final = 334
_TICK_WIDTH_MIN_PX: Final = 2.0
_LABEL_CHARS_MAX: Final = 40


def latency_chart(
    series: Sequence[SeriesPoint], checks: Sequence[Check], windows: Sequence[ThrottleWindow] = ()
) -> Markup:
    """Return an SVG: band from minimum to maximum, p50, p99, limits, lanes of lost frames and of throttling."""
    limits = latency_limits(checks)
    axis = latency_axis(series, [check.limit for check in limits])
    plot = _Plot(series, axis)
    added_px = LANE_PX * len(lane_names(windows))
    end_px = _LANES_END_PX + added_px
    parts = [
        shade(plot.time, windows, _TOP_PX, HEIGHT_PX + added_px),
        *plot.latency_grid(),
        plot.time.grid(_TOP_PX, end_px),
        *plot.time.labels(end_px + 20),
        f'<path class="c-band" d="{plot.band()}"/>',
        f'<path class="c-p50" d="{plot.steps(lambda point: point.p50_ms)}"/>',
        f'<path class="c-p99" d="{plot.steps(lambda point: point.p99_ms)}"/>',
        *(plot.limit_line(check) for check in limits),
        plot.slowest(),
        *plot.lane("dropped", lambda point: point.n_dropped),
        *plot.lane("failed", lambda point: point.n_failed),
        *lanes(plot.time, windows, _LANES_END_PX + 2),
    ]
    view = f"0 0 {WIDTH_PX} {HEIGHT_PX + added_px}"
    head = (
        f'<svg class="chart" viewBox="{view}" role="img" aria-labelledby="chart-title">'
        f'<title id="chart-title">{escape(_description(series, axis, len(windows)))}</title>'
    )
    return Markup(head + "".join(parts) + "</svg>")  # noqa: S704 - built from numbers and escaped text only


class _Plot:
    """The drawing area of one chart: seconds and milliseconds to pixels."""

    def __init__(self, series: Sequence[SeriesPoint], axis: LatencyAxis) -> None:
        self.series = series
        self.axis = axis
        self.edges_s = bucket_edges_s(series)
        self.time: TimeAxis = time_axis(series)

    def x(self, t_s: float) -> str:
        return self.time.x(t_s)

    def y(self, latency_ms: float) -> str:
        return coordinate(_BOTTOM_PX - self.axis.position(latency_ms) * (_BOTTOM_PX - _TOP_PX))

    def latency_grid(self) -> list[str]:
        lines = []
        for tick_ms in self.axis.ticks_ms():
            y = self.y(tick_ms)
            lines.append(f'<path class="c-grid" d="M{LEFT_PX} {y}H{RIGHT_PX}"/>')
            lines.append(f'<text class="c-tick" text-anchor="end" x="{LEFT_PX - 8}" y="{y}" dy=".32em">')
            lines.append(f"{number(tick_ms)} ms</text>")
        return lines

    def band(self) -> str:
        boxes = []
        for index, point in enumerate(self.series):
            if point.min_ms is None or point.max_ms is None:
                continue
            left, right = self.x(self.edges_s[index]), self.x(self.edges_s[index + 1])
            boxes.append(f"M{left} {self.y(point.min_ms)}H{right}V{self.y(point.max_ms)}H{left}z")
        return "".join(boxes)

    def steps(self, pick: Callable[[SeriesPoint], float | None]) -> str:
        """Return a line that keeps its level through each bucket and breaks where there is no value."""
        moves: list[str] = []
        joined = False
        for index, point in enumerate(self.series):
            latency_ms = pick(point)
            if latency_ms is None:
                joined = False
                continue
            y, right = self.y(latency_ms), self.x(self.edges_s[index + 1])
            moves.append(f"V{y}H{right}" if joined else f"M{self.x(self.edges_s[index])} {y}H{right}")
            joined = True
        return "".join(moves)

    def limit_line(self, check: Check) -> str:
        y = self.y(check.limit)
        quantile = check.metric.removeprefix("latency_").removesuffix("_ms").replace("_", ".")
        label = escape(one_line(f"{quantile} limit {limit_text(check)}")[:_LABEL_CHARS_MAX])
        return (
            f'<path class="c-limit" d="M{LEFT_PX} {y}H{RIGHT_PX}"/>'
            f'<text class="c-limit-label" text-anchor="end" x="{RIGHT_PX - 6}" y="{y}" dy="-.4em">{label}</text>'
        )

    def slowest(self) -> str:
        measured = [index for index, point in enumerate(self.series) if point.max_ms is not None]
        if not measured:
            return ""
        index = max(measured, key=lambda index: self.series[index].max_ms or 0.0)
        slowest_ms = self.series[index].max_ms or 0.0
        middle_s = (self.edges_s[index] + self.edges_s[index + 1]) / 2
        beyond_middle = middle_s > (self.time.start_s + self.time.end_s) / 2
        anchor, dx = ("end", -8) if beyond_middle else ("start", 8)
        x, y = self.x(middle_s), self.y(slowest_ms)
        return (
            f'<circle class="c-slowest" cx="{x}" cy="{y}" r="4"/>'
            f'<text class="c-label" text-anchor="{anchor}" x="{x}" y="{y}" dx="{dx}" dy="-.5em">'
            f"slowest {number(slowest_ms)} ms</text>"
        )

    def lane(self, name: str, count: Callable[[SeriesPoint], int]) -> list[str]:
        """Return a strip with a tick for every bucket in which frames were lost, and their total."""
        top_px = dict(_LANES)[name]
        middle_px = top_px + _LANE_HEIGHT_PX / 2
        total = sum(count(point) for point in self.series)
        ticks = [self._lane_tick(index, top_px) for index, point in enumerate(self.series) if count(point) > 0]
        return [
            f'<path class="c-lane" d="M{LEFT_PX} {top_px + _LANE_HEIGHT_PX}H{RIGHT_PX}"/>',
            f'<text class="c-tick" text-anchor="end" x="{LEFT_PX - 8}" y="{coordinate(middle_px)}" dy=".32em">',
            f'{name} {total:,}</text><path class="c-{name}" d="{"".join(ticks)}"/>',
        ]

    def _lane_tick(self, index: int, top_px: int) -> str:
        left, right = self.x(self.edges_s[index]), self.x(self.edges_s[index + 1])
        width = coordinate(max(float(right) - float(left), _TICK_WIDTH_MIN_PX))
        return f"M{left} {top_px + 1}h{width}v{_LANE_HEIGHT_PX - 2}h-{width}z"


def _description(series: Sequence[SeriesPoint], axis: LatencyAxis, n_windows: int) -> str:
    slowest_ms = max((point.max_ms for point in series if point.max_ms is not None), default=None)
    slowest = "no frame was decided" if slowest_ms is None else f"slowest frame {number(slowest_ms)} ms"
    n_dropped = sum(point.n_dropped for point in series)
    n_failed = sum(point.n_failed for point in series)
    return (
        f"Latency over time, {axis.kind} scale: {slowest}, {n_dropped} frames dropped, {n_failed} failed, "
        f"{n_windows} stretches of throttling. "
        "The tables below hold the numbers."
    )
