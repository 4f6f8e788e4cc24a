import ast
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hilrig.feed
from hilrig.feed.plane import bump, clamp01, lookup, piecewise, ramp, smoothstep, stretch

FLOATS = st.lists(st.floats(-10, 10, width=32), min_size=1, max_size=30).map(lambda v: np.array(v, np.float32))

PIXEL_PATH = ("stream", "plane", "texture", "seam", "window", "defects", "camera", "synthetic")

EXACT = {
    *("abs", "arange", "ascontiguousarray", "clip", "copyto", "cumsum", "float32", "floating", "floor", "full"),
    *("int32", "intp", "maximum", "minimum", "pad", "prod", "random", "sqrt", "take", "uint64", "uint8"),
}
"""numpy calls with one right answer to the bit (cumsum and prod on integers only)."""


@pytest.mark.parametrize("module", PIXEL_PATH)
def test_pixel_path_uses_only_exactly_rounded_arithmetic(module):
    """No exp, sin, power, matrix product or float sum enters the pixel path, where machines would differ."""
    tree = ast.parse((Path(hilrig.feed.__file__).parent / f"{module}.py").read_text(encoding="utf-8"))
    used = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "np"
    }
    assert used <= EXACT
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Pow, ast.MatMult)):
            ast.literal_eval(node.left)  # a power of two plain numbers, such as 2**32, is a constant
            ast.literal_eval(node.right)


@pytest.mark.parametrize("module", PIXEL_PATH)
def test_pixel_path_imports_no_library_that_may_change_pixels(module):
    """The pixel path stands on numpy alone."""
    tree = ast.parse((Path(hilrig.feed.__file__).parent / f"{module}.py").read_text(encoding="utf-8"))
    roots = {node.module.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    roots |= {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    assert roots <= {"collections", "dataclasses", "hilrig", "itertools", "math", "numpy", "pathlib", "typing"}


@given(FLOATS)
def test_shapes_stay_within_their_range(values):
    """Weights never leave [0, 1], whatever goes in."""
    for shape in (clamp01, smoothstep, bump):
        out = shape(values)
        assert out.dtype == np.float32
        assert out.min() >= 0
        assert out.max() <= 1


def test_bump_is_a_bell():
    """The bell is 1 in its middle and 0 from its ends on."""
    assert bump(np.array([-2, -1, 0, 1, 2], np.float32)).tolist() == [0, 0, 1, 0, 0]


def test_smoothstep_is_monotonic():
    """The S-curve never turns back."""
    assert (np.diff(smoothstep(ramp(100) / 99.0)) >= 0).all()


@given(st.integers(1, 300), st.integers(1, 40))
def test_stretch_passes_through_its_knots(n, spacing_px):
    """At every knot the joined line has the knot's value."""
    knots = np.arange(n // spacing_px + 2, dtype=np.float32)
    out = stretch(knots, n, spacing_px)
    assert out.shape == (n,)
    assert out.dtype == np.float32
    assert out[::spacing_px].tolist() == knots[: len(out[::spacing_px])].tolist()


def test_piecewise_meets_its_points():
    """The table has the given values at the given positions, and straight lines between."""
    table = piecewise(((0.0, 2.0), (0.5, 4.0), (1.0, 0.0)), n=101)
    assert table[[0, 25, 50, 75, 100]] == pytest.approx([2, 3, 4, 2, 0], abs=1e-5)


def test_lookup_ends_where_its_table_ends():
    """Positions outside [0, 1] read the table's ends."""
    table = np.array([5, 6, 7], np.float32)
    assert lookup(table, np.array([-3, 0, 0.5, 1, 9], np.float32)).tolist() == [5, 5, 6, 7, 7]
