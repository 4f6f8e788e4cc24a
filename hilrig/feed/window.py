"""A rectangle of a frame: what a small thing is drawn into, what its box is made from."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from hilrig.core.frame import Defect
from hilrig.feed.plane import Plane, ramp
from hilrig.feed.seam import Seam


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Rows y0 to y1 and columns x0 to x1 of a frame, the ends exclusive; never empty, never outside the frame."""

    x0_px: int
    y0_px: int
    x1_px: int
    y1_px: int

    @classmethod
    def between(cls, seam: Seam, x0_px: float, y0_px: float, x1_px: float, y1_px: float) -> "Window":
        """Return the whole pixels around a rectangle, cut to the frame."""
        left = min(max(math.floor(x0_px), 0), seam.width_px - 1)
        top = min(max(math.floor(y0_px), 0), seam.height_px - 1)
        return cls(
            x0_px=left,
            y0_px=top,
            x1_px=min(max(math.ceil(x1_px), left + 1), seam.width_px),
            y1_px=min(max(math.ceil(y1_px), top + 1), seam.height_px),
        )

    @classmethod
    def around(
        cls, seam: Seam, x_px: float, y_px: float, reach_x_px: float, reach_y_px: float | None = None
    ) -> "Window":
        """Return the pixels within reach of a point, cut to the frame."""
        reach_y = reach_x_px if reach_y_px is None else reach_y_px
        return cls.between(seam, x_px - reach_x_px, y_px - reach_y, x_px + reach_x_px + 1, y_px + reach_y + 1)

    def of(self, plane: Plane) -> Plane:
        """Return the window's pixels as a view that can be drawn into."""
        return plane[self.y0_px : self.y1_px, self.x0_px : self.x1_px]

    def rows(self) -> Plane:
        """Return the row numbers of the window."""
        return ramp(self.y1_px - self.y0_px) + float(self.y0_px)

    def offsets(self, x_px: float, y_px: float) -> tuple[Plane, Plane]:
        """Return how far each pixel lies right of and below a point, as one row and one column."""
        columns = ramp(self.x1_px - self.x0_px) + (self.x0_px - x_px)
        rows = ramp(self.y1_px - self.y0_px) + (self.y0_px - y_px)
        return columns[None, :], rows[:, None]

    def shrunk(self, by_px: int) -> "Window":
        """Return the window without its margin, as far as it is larger than that."""
        by_x = by_px if self.x1_px - self.x0_px > 2 * by_px else 0
        by_y = by_px if self.y1_px - self.y0_px > 2 * by_px else 0
        return Window(
            x0_px=self.x0_px + by_x, y0_px=self.y0_px + by_y, x1_px=self.x1_px - by_x, y1_px=self.y1_px - by_y
        )

    def defect(self, label: str) -> Defect:
        """Return a defect with this window as its box."""
        return Defect(label=label, x0_px=self.x0_px, y0_px=self.y0_px, x1_px=self.x1_px, y1_px=self.y1_px)


def enclosing(windows: Sequence[Window]) -> Window:
    """Return the smallest window that holds all of `windows`."""
    return Window(
        x0_px=min(window.x0_px for window in windows),
        y0_px=min(window.y0_px for window in windows),
        x1_px=max(window.x1_px for window in windows),
        y1_px=max(window.y1_px for window in windows),
    )
