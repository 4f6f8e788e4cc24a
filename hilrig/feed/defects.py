"""The four kinds of weld defect, drawn onto a good part."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Final

import numpy as np

from hilrig.core.frame import Defect
from hilrig.feed.plane import Plane, bump, clamp01, ramp, smoothstep
from hilrig.feed.seam import Seam
from hilrig.feed.stream import Stream
from hilrig.feed.texture import wave
from hilrig.feed.window import Window, enclosing

Painter = Callable[[Sequence[Plane], Seam, Stream, float], Defect]
"""Draws one defect of a severity from 0 (just visible) to 1 onto the planes; returns it with its box."""


def paint_porosity(planes: Sequence[Plane], seam: Seam, stream: Stream, severity: float) -> Defect:
    """Draw a cluster of round gas pores in the bead."""
    middle_px = stream.between(0.12, 0.88) * seam.width_px
    across = stream.between(-0.45, 0.45)
    spread_px = seam.length(16.0 + 26.0 * severity)
    windows = []
    for _ in range(5 + round(9 * severity)):
        x_px = middle_px + spread_px * (stream.unit() + stream.unit() - 1.0)
        reach = min(max(across + stream.between(-0.35, 0.35), -0.72), 0.72)
        y_px = seam.row(int(x_px), reach)
        radius_px = seam.length(2.2 + (1.2 + 2.6 * severity) * stream.unit())
        windows.append(_pore(planes, seam, x_px, y_px, radius_px))
    return enclosing(windows).defect("porosity")


def _pore(planes: Sequence[Plane], seam: Seam, x_px: float, y_px: float, radius_px: float) -> Window:
    window = Window.around(seam, x_px, y_px, radius_px + 2.0)
    dx, dy = window.offsets(x_px, y_px)
    distance = np.sqrt(dx * dx + dy * dy)
    hole = clamp01(radius_px + 0.5 - distance)
    dark = hole * (0.80 - clamp01(dy / radius_px) * 0.30)
    lip = bump((distance - radius_px - 0.6) / 1.5) * clamp01(dy / radius_px + 0.2)
    for plane in planes:
        view = window.of(plane)
        view *= 1.0 - dark
        view += lip * 40.0
    return window.shrunk(1)


def paint_crack(planes: Sequence[Plane], seam: Seam, stream: Stream, severity: float) -> Defect:
    """Draw a thin dark crack that runs along the bead, zigzags and branches."""
    n_steps = 10 + round(18 * severity)
    step_px = seam.length(7.5)
    x_px = stream.between(0.05, 0.95) * max(1.0, seam.width_px - n_steps * step_px)
    across = stream.between(-0.55, 0.55)
    half_px = seam.length(1.0 + 0.8 * severity)
    points = []
    for _ in range(n_steps + 1):
        across = min(max(across + stream.between(-0.16, 0.16), -0.85), 0.85)
        points.append((x_px, seam.row(int(x_px), across)))
        x_px += step_px * stream.between(0.6, 1.4)
    windows = [_fissure(planes, seam, points, half_px)]
    for _ in range(stream.integer(0, 2) + round(2 * severity)):
        branch = _branch(seam, stream, points[stream.integer(1, n_steps)])
        windows.append(_fissure(planes, seam, branch, half_px * 0.75))
    return enclosing(windows).defect("crack")


def _branch(seam: Seam, stream: Stream, start: tuple[float, float]) -> list[tuple[float, float]]:
    x_px, y_px = start
    forward, aside = stream.sign(), stream.sign()
    points = [start]
    for _ in range(stream.integer(2, 5)):
        x_px += forward * seam.length(stream.between(3.0, 7.0))
        y_px += aside * seam.length(stream.between(2.0, 5.0))
        points.append((x_px, y_px))
    return points


def _fissure(planes: Sequence[Plane], seam: Seam, points: list[tuple[float, float]], half_px: float) -> Window:
    """Darken what lies within `half_px` of the line through `points`, thinner towards its end."""
    windows = []
    for index, (start, end) in enumerate(pairwise(points)):
        taper = 1.0 - 0.5 * index / len(points)
        windows.append(_split(planes, seam, start, end, half_px * taper))
    return enclosing(windows)


def _split(
    planes: Sequence[Plane], seam: Seam, start: tuple[float, float], end: tuple[float, float], half_px: float
) -> Window:
    (x0, y0), (x1, y1) = start, end
    reach_px = half_px + 2.0
    window = Window.around(
        seam, (x0 + x1) / 2, (y0 + y1) / 2, abs(x1 - x0) / 2 + reach_px, abs(y1 - y0) / 2 + reach_px
    )
    dx, dy = window.offsets(x0, y0)
    run, rise = x1 - x0, y1 - y0
    along = clamp01((dx * run + dy * rise) / (run * run + rise * rise))
    off_x, off_y = dx - along * run, dy - along * rise
    gap = clamp01(half_px + 0.6 - np.sqrt(off_x * off_x + off_y * off_y))
    for plane in planes:
        view = window.of(plane)
        np.minimum(view, view * (1.0 - gap) + gap * 16.0, out=view)
    return window.shrunk(1)


def paint_undercut(planes: Sequence[Plane], seam: Seam, stream: Stream, severity: float) -> Defect:
    """Draw a groove melted into the plate along one toe of the bead, and not filled."""
    side = stream.sign()
    length_px = min(round(seam.length(70.0 + 150.0 * severity)), seam.width_px)
    x0 = stream.integer(0, seam.width_px - length_px + 1)
    columns = slice(x0, x0 + length_px)
    at = ramp(length_px) / float(length_px)
    taper = smoothstep(at * 6.0) * smoothstep((1.0 - at) * 6.0)
    ragged = wave(stream, length_px, max(2, round(seam.length(14.0)))) * 0.28 + 1.0
    deep_px = taper * ragged * seam.length(6.0 + 5.5 * severity) + 0.5
    toe_px = seam.centre_px[columns] + seam.half_px[columns] * float(side)
    top_px = float(np.minimum(toe_px, toe_px + deep_px * (1.7 * side)).min())
    bottom_px = float(np.maximum(toe_px, toe_px + deep_px * (1.7 * side)).max())
    window = Window.between(seam, x0, top_px, x0 + length_px, bottom_px)
    outside_px = (window.rows()[:, None] - toe_px) * float(side)
    groove = bump((outside_px / deep_px - 0.55) / 0.75) * taper
    lip = bump((outside_px / deep_px - 1.40) / 0.30) * taper
    for plane in planes:
        view = window.of(plane)
        view *= 1.0 - groove * (0.62 + 0.22 * severity)
        view += lip * (12.0 + 16.0 * severity)
    return window.defect("undercut")


def paint_spatter(planes: Sequence[Plane], seam: Seam, stream: Stream, severity: float) -> Defect:
    """Draw bright droplets that solidified on the plates beside the bead."""
    middle_px = stream.between(0.2, 0.8) * seam.width_px
    spread_px = seam.length(50.0 + 130.0 * severity)
    sides = (stream.sign(), stream.sign())
    windows = []
    for index in range(6 + round(14 * severity)):
        x_px = middle_px + spread_px * (stream.unit() + stream.unit() - 1.0)
        x_px = min(max(x_px, 4.0), seam.width_px - 5.0)
        far = stream.unit()
        side = sides[index % 2]
        y_px = seam.row(int(x_px), side) + side * seam.length(9.0 + 90.0 * far * far)
        radius_px = seam.length(2.4 + (1.2 + 3.2 * severity) * stream.unit())
        windows.append(_droplet(planes, seam, x_px, y_px, radius_px))
    return enclosing(windows).defect("spatter")


def _droplet(planes: Sequence[Plane], seam: Seam, x_px: float, y_px: float, radius_px: float) -> Window:
    window = Window.around(seam, x_px, y_px, radius_px * 1.7 + 1.0)
    dx, dy = window.offsets(x_px, y_px)
    square = dx * dx + dy * dy
    body = clamp01(radius_px + 0.5 - np.sqrt(square))
    shadow = _shadow(dx, dy, radius_px)
    east, south = dx / radius_px, dy / radius_px
    up = np.sqrt(np.maximum(1.0 - east * east - south * south, 0.0))
    light = np.maximum(up * 0.72 - east * 0.38 - south * 0.58, 0.0)
    glint = light * light * light * light
    grey = light * 125.0 + glint * glint * 120.0 + 62.0
    for plane in planes:
        view = window.of(plane)
        view *= 1.0 - shadow * 0.55
        view += (grey - view) * body
    return window.shrunk(1)


def _shadow(dx: Plane, dy: Plane, radius_px: float) -> Plane:
    """Return the contact shadow of a droplet: below it, to the right, soft."""
    off_x, off_y = dx - radius_px * 0.28, dy - radius_px * 0.36
    return bump(np.sqrt(off_x * off_x + off_y * off_y) / (radius_px * 1.5))


PAINTERS: Final[dict[str, Painter]] = {
    "porosity": paint_porosity,
    "crack": paint_crack,
    "undercut": paint_undercut,
    "spatter": paint_spatter,
}
"""Every kind of defect by its label."""
