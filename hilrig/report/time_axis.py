"""The time axis that the latency chart and everything drawn under it share: same seconds, same pixels."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from hilrig.core.verdict import SeriesPoint
from hilrig.report.scale import bucket_edges_s, time_label, time_ticks_s

WIDTH_PX: Final = 1080
LEFT_PX: Final = 96
RIGHT_PX: Final = 850
"""Beyond it stand the names of what is drawn, beside their lines."""

LABEL_PX: Final = 874


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeAxis:
    """Seconds since the start of the measured part; the span must not be empty."""

    start_s: float
    end_s: float

    def x_px(self, t_s: float) -> float:
        """Return the horizontal position of a time, clipped to the axis."""
        share = (min(max(t_s, self.start_s), self.end_s) - self.start_s) / (self.end_s - self.start_s)
        return LEFT_PX + share * (RIGHT_PX - LEFT_PX)

    def x(self, t_s: float) -> str:
        """Return the same as an SVG coordinate."""
        return coordinate(self.x_px(t_s))

    def grid(self, top_px: float, bottom_px: float) -> str:
        """Return upright grid lines at round times."""
        moves = [f"M{self.x(tick_s)} {coordinate(top_px)}V{coordinate(bottom_px)}" for tick_s in self._ticks_s()]
        return f'<path class="c-grid" d="{"".join(moves)}"/>'

    def labels(self, y_px: float) -> list[str]:
        """Return the times of the grid lines."""
        return [
            f'<text class="c-tick" text-anchor="middle" x="{self.x(tick_s)}" y="{coordinate(y_px)}">'
            f"{time_label(tick_s, self.end_s)}</text>"
            for tick_s in self._ticks_s()
        ]

    def _ticks_s(self) -> list[float]:
        return time_ticks_s(self.start_s, self.end_s)


def time_axis(series: Sequence[SeriesPoint]) -> TimeAxis:
    """Return the axis from the first bucket of latency to the end of the last one; one second without any."""
    edges_s = bucket_edges_s(series)
    if not edges_s or edges_s[-1] <= edges_s[0]:
        return TimeAxis(start_s=0.0, end_s=1.0)
    return TimeAxis(start_s=edges_s[0], end_s=edges_s[-1])


def coordinate(px: float) -> str:
    """Return a coordinate with a tenth of a pixel, as short as it can be written."""
    return f"{px:.1f}".removesuffix(".0")
