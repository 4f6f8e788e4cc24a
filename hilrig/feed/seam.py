"""A good fillet weld: two steel plates, heat tint, a bead of overlapping ripples."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from hilrig.feed.plane import Plane, bump, clamp01, lookup, piecewise, ramp, smoothstep
from hilrig.feed.stream import Stream
from hilrig.feed.texture import blotches, brushed, wave

_REFERENCE_PX: Final = 512
"""The frame edge at which one length unit of a part is one pixel."""

_RIPPLE: Final = piecewise(
    ((0.0, 0.56), (0.07, 0.74), (0.22, 1.16), (0.40, 1.12), (0.70, 0.97), (0.90, 0.80), (1.0, 0.56))
)
"""Brightness across one ripple, from the crease where it overlaps its neighbour to the next crease."""

_TINT: Final = (
    piecewise(((0.0, 0.62), (0.12, 1.02), (0.26, 1.00), (0.42, 0.62), (0.62, 0.66), (1.0, 1.0))),
    piecewise(((0.0, 0.60), (0.12, 0.76), (0.26, 0.64), (0.42, 0.72), (0.62, 0.92), (1.0, 1.0))),
    piecewise(((0.0, 0.60), (0.12, 0.62), (0.26, 0.80), (0.42, 0.98), (0.62, 1.06), (1.0, 1.0))),
)
"""Temper colours as factors on blue, green, red; from the bead outwards grey, blue, purple, bronze, straw."""

_STEEL: Final = (1.015, 1.0, 0.98)
_BEAD: Final = (0.98, 1.0, 1.02)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seam:
    """Where the bead lies: for every column its centre row and half its width.

    `scale` is pixels per length unit of the part.
    """

    height_px: int
    width_px: int
    scale: float
    centre_px: Plane
    half_px: Plane

    def length(self, units: float) -> float:
        """Return a length of the part in pixels."""
        return units * self.scale

    def row(self, column_px: int, across: float) -> float:
        """Return the row at `across` the bead in a column: -1 and 1 are its toes, 0 its centre."""
        column = min(max(column_px, 0), self.width_px - 1)
        return float(self.centre_px[column]) + across * float(self.half_px[column])


def lay_seam(stream: Stream, height_px: int, width_px: int) -> Seam:
    """Return a seam that runs across the frame with a slight slope and wander."""
    scale = min(height_px, width_px) / _REFERENCE_PX
    spacing_px = max(2, round(110 * scale))
    slope = stream.between(-0.035, 0.035) * min(1.0, height_px / width_px)  # a long frame keeps its seam
    start_px = height_px * stream.between(0.44, 0.56) - slope * width_px / 2
    wander = wave(stream, width_px, spacing_px) * (4.0 * scale)
    swell = wave(stream, width_px, spacing_px) * 0.045 + 1.0
    half_px = stream.between(44.0, 56.0) * scale
    return Seam(
        height_px=height_px,
        width_px=width_px,
        scale=scale,
        centre_px=ramp(width_px) * slope + start_px + wander,
        half_px=swell * half_px,
    )


def paint_part(stream: Stream, seam: Seam) -> list[Plane]:
    """Return the blue, green and red plane of a good part in grey levels."""
    offset_px = ramp(seam.height_px)[:, None] - seam.centre_px
    plates = _plates(stream, seam, offset_px)
    beyond_px = np.abs(offset_px) - seam.half_px
    tints = _heat_tint(stream, seam, beyond_px)
    bead, edge_px = _bead(stream, seam, offset_px)
    cover = clamp01(0.5 - edge_px / 1.6)
    toe = 1.0 - bump(edge_px / seam.length(4.5)) * stream.between(0.22, 0.34)
    planes = []
    for tint, steel, metal in zip(tints, _STEEL, _BEAD, strict=True):
        plate = plates * tint * steel
        planes.append((plate + (bead * metal - plate) * cover) * toe)
    return planes


def _plates(stream: Stream, seam: Seam, offset_px: Plane) -> Plane:
    height_px, width_px = seam.height_px, seam.width_px
    lay = brushed(stream, height_px, width_px, max(2, round(38 * seam.scale))) * 7.0
    grain = brushed(stream, height_px, width_px, max(2, round(7 * seam.scale))) * 4.0
    spots = blotches(stream, height_px, width_px, max(2, round(70 * seam.scale))) * 5.0
    web, flange = stream.between(112.0, 138.0), stream.between(138.0, 166.0)
    side = smoothstep(offset_px / seam.length(8.0) + 0.5)
    distance = clamp01(np.abs(offset_px) / seam.length(230.0))
    level = (flange - web) * side + web + distance * (side * 20.0 - 8.0)
    plates: Plane = level + lay + grain + spots
    for _ in range(stream.integer(1, 6)):
        _scratch(stream, seam, plates)
    for _ in range(stream.integer(4, 26)):
        _speck(stream, seam, plates)
    return plates


def _scratch(stream: Stream, seam: Seam, plates: Plane) -> None:
    """Draw a fine bright line, nearly along the rolling direction, as handling leaves it."""
    length_px = round(seam.length(stream.between(40.0, 220.0)))
    x0 = stream.integer(0, max(1, seam.width_px - length_px))
    n = min(length_px, seam.width_px - x0)
    rows = (ramp(n) * stream.between(-0.22, 0.22) + stream.between(4.0, seam.height_px - 5.0)).astype(np.intp)
    rows = np.clip(rows, 0, seam.height_px - 1)
    plates[rows, np.arange(x0, x0 + n)] += stream.between(10.0, 26.0)


def _speck(stream: Stream, seam: Seam, plates: Plane) -> None:
    """Draw a grain of mill scale: one to three pixels, a little darker."""
    size_px = max(1, round(seam.length(stream.between(0.8, 2.6))))
    y0 = stream.integer(0, seam.height_px - size_px)
    x0 = stream.integer(0, seam.width_px - size_px)
    plates[y0 : y0 + size_px, x0 : x0 + size_px] -= stream.between(12.0, 34.0)


def _heat_tint(stream: Stream, seam: Seam, beyond_px: Plane) -> list[Plane]:
    uneven = blotches(stream, seam.height_px, seam.width_px, max(2, round(48 * seam.scale))) * 0.09
    position = beyond_px / seam.length(stream.between(52.0, 92.0)) + uneven
    strength = stream.between(0.35, 0.95)
    return [lookup(table, position) * strength + (1.0 - strength) for table in _TINT]


def _bead(stream: Stream, seam: Seam, offset_px: Plane) -> tuple[Plane, Plane]:
    """Return the bead's grey levels, and how far each pixel lies outside its scalloped edge."""
    pitch_px = seam.length(stream.between(12.0, 18.0))
    jitter = wave(stream, seam.width_px, max(2, round(30 * seam.scale))) * 0.28
    across = offset_px / seam.half_px
    square = np.minimum(across * across, 1.0)
    bow_px = (1.0 - np.sqrt(1.0 - square * 0.96)) * seam.half_px * stream.between(0.75, 1.0)
    direction = float(stream.sign())
    phase = (ramp(seam.width_px) * direction + bow_px) / pitch_px + jitter
    ripple = np.floor(phase)
    within = phase - ripple
    scallop_px = bump(within * 2.0 - 1.0) * seam.length(2.4)
    edge_px = np.abs(offset_px) - seam.half_px - scallop_px
    own = np.take(stream.signed(1024), ripple.astype(np.intp) % 1024)
    light = _convex_light(stream, across)
    return _ripple_grey(stream, seam, within, own, light), edge_px


def _convex_light(stream: Stream, across: Plane) -> tuple[Plane, Plane]:
    """Return diffuse light and gloss on a rounded bead that is lit from above."""
    lamp = stream.between(-0.46, -0.26)
    diffuse = (1.0 - across * across * 0.42 - across * 0.20) * stream.between(112.0, 132.0)
    gloss = bump((across - lamp) / 0.34) * stream.between(60.0, 100.0)
    return diffuse, gloss


def _ripple_grey(stream: Stream, seam: Seam, within: Plane, own: Plane, light: tuple[Plane, Plane]) -> Plane:
    diffuse, gloss = light
    relief = lookup(_RIPPLE, within)
    crest = bump((within - 0.30) / 0.24)
    grain = brushed(stream, seam.height_px, seam.width_px, max(2, round(3 * seam.scale)))
    sparkle = blotches(stream, seam.height_px, seam.width_px, max(2, round(9 * seam.scale))) * 0.5 + 0.7
    return diffuse * (relief + own * 0.07) + gloss * crest * sparkle + grain * 5.0
