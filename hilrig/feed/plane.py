"""Arithmetic on image planes that gives the same bits on every machine.

Only what IEEE 754 rounds exactly is used on floats: + - * / sqrt, comparisons, conversions, one elementwise numpy
call each, so that no compiler can fuse two of them. No exp, sin or power (every libm differs) and no float sums
(their order differs).
"""

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.floating[Any]]
"""Grey levels from 0 to 255, or weights from 0 to 1: rows x columns, or one row; float32 at run time.

numpy's stubs call `float32 * float` float64, which it is not, so the width is left open to the type checker.
"""


def clamp01(values: Plane) -> Plane:
    """Return `values` limited to [0, 1]."""
    limited: Plane = np.clip(values, 0.0, 1.0)
    return limited


def smoothstep(values: Plane) -> Plane:
    """Return the S-curve 3v^2 - 2v^3 of `values` limited to [0, 1]."""
    v = clamp01(values)
    return v * v * (3.0 - 2.0 * v)


def bump(values: Plane) -> Plane:
    """Return (1 - v^2)^2 within [-1, 1], 0 outside: a bell without exp."""
    inside = 1.0 - np.minimum(values * values, 1.0)
    return inside * inside


def ramp(n: int) -> Plane:
    """Return 0, 1, ... n - 1."""
    return np.arange(n, dtype=np.float32)


def stretch(knots: Plane, n: int, spacing_px: int) -> Plane:
    """Return `knots` spread `spacing_px` apart along the last axis, joined by S-curves, `n` values long."""
    at = np.arange(n)
    left = at // spacing_px
    weight = smoothstep((at % spacing_px).astype(np.float32) / float(spacing_px))
    joined: Plane = knots[..., left] * (1.0 - weight) + knots[..., left + 1] * weight
    return joined


def lookup(table: Plane, position: Plane) -> Plane:
    """Return the table's entries at `position`, where 0 is its start and 1 its end."""
    index = (clamp01(position) * float(len(table) - 1)).astype(np.intp)
    return np.take(table, index)


def piecewise(points: tuple[tuple[float, float], ...], n: int = 256) -> Plane:
    """Return a table of `n` values along straight lines between (position, value) points."""
    at = ramp(n) / float(n - 1)
    table: Plane = np.full(n, points[0][1], np.float32)
    for (x0, y0), (x1, y1) in pairwise(points):
        weight = clamp01((at - x0) / (x1 - x0))
        table = table + weight * (y1 - y0)
    return table
