"""Random textures of steel: slow waviness, blotches, the lay of rolling, the lay of brushing."""

import numpy as np

from hilrig.feed.plane import Plane, stretch
from hilrig.feed.stream import Stream


def wave(stream: Stream, n: int, spacing_px: int) -> Plane:
    """Return a smooth random line in [-1, 1], `n` values long, that turns about every `spacing_px`."""
    return stretch(stream.signed(n // spacing_px + 2), n, spacing_px)


def blotches(stream: Stream, height_px: int, width_px: int, spacing_px: int) -> Plane:
    """Return a smooth random field in [-1, 1] with spots of about `spacing_px`."""
    knots = stream.signed(width_px // spacing_px + 2, height_px // spacing_px + 2)
    return stretch(np.ascontiguousarray(stretch(knots, height_px, spacing_px).T), width_px, spacing_px)


def brushed(stream: Stream, height_px: int, width_px: int, length_px: int) -> Plane:
    """Return horizontal streaks of about `length_px` in [-1, 1], every row for itself."""
    return stretch(stream.signed(height_px, width_px // length_px + 2), width_px, length_px)
