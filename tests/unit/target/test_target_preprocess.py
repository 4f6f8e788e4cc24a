"""hilrig.target.preprocess: the arithmetic, whatever the declared shape."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hilrig.core.profile import ColorOrder, Layout
from hilrig.target.preprocess import Preprocessor
from small_models import PREPROCESS

SPEC = replace(PREPROCESS, width_px=32, height_px=24)


def plain(pixels, spec):
    """Return the declared arithmetic, written for reading rather than for speed."""
    ordered = pixels[:, :, ::-1] if spec.color_order is ColorOrder.RGB else pixels
    values = (ordered.astype(np.float64) * spec.scale - np.array(spec.mean)) / np.array(spec.std)
    return values.transpose(2, 0, 1)[None] if spec.layout is Layout.NCHW else values[None]


def run(pixels, spec):
    shape = (1, 3, spec.height_px, spec.width_px)
    if spec.layout is Layout.NHWC:
        shape = (1, spec.height_px, spec.width_px, 3)
    tensor = np.full(shape, 77, spec.dtype)
    Preprocessor(spec, tensor)(pixels)
    return tensor


def some_pixels(height_px=24, width_px=32, seed=1):
    return np.random.default_rng(seed).integers(0, 256, (height_px, width_px, 3), np.uint8)


def test_unit_scale_differs_from_plain_numpy_by_at_most_6e_8():
    """Scaling by 1/255 is within 6e-8 of the plain numpy version in float32."""
    pixels = some_pixels()
    expected = (pixels[:, :, ::-1].astype(np.float32) / np.float32(255)).transpose(2, 0, 1)[None]
    assert np.abs(run(pixels, SPEC) - expected).max() <= 6e-8


@pytest.mark.parametrize("order", ColorOrder)
@pytest.mark.parametrize("layout", Layout)
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_every_declared_shape_is_the_declared_arithmetic(order, layout, dtype):
    """Colour order, layout, dtype, mean and std all reach the tensor."""
    spec = replace(
        SPEC, color_order=order, layout=layout, dtype=dtype, mean=(0.1, 0.2, 0.3), std=(0.5, 0.25, 0.125)
    )
    pixels = some_pixels()
    tolerance = 1e-6 if dtype == "float32" else 8e-3
    assert np.abs(run(pixels, spec) - plain(pixels, spec)).max() <= tolerance


def test_uint8_tensor_gets_the_pixels_unchanged():
    """A quantised model is fed the bytes of the frame."""
    spec = replace(SPEC, dtype="uint8", scale=1.0)
    pixels = some_pixels()
    assert np.array_equal(run(pixels, spec), plain(pixels, spec))


def test_frames_of_another_size_are_resized_to_the_tensor():
    """A flat frame keeps its value whatever its size."""
    pixels = np.full((50, 70, 3), (10, 20, 30), np.uint8)
    assert np.abs(run(pixels, SPEC)[0, :, 5, 5] * 255 - [30, 20, 10]).max() < 1e-4


def test_a_frame_is_not_modified():
    """The slot of a frame is offered again and again: preprocess only reads it."""
    pixels = some_pixels()
    before = pixels.copy()
    run(pixels, replace(SPEC, mean=(0.5, 0.5, 0.5)))
    assert np.array_equal(pixels, before)


@settings(max_examples=30, deadline=None)
@given(
    scale=st.floats(1e-3, 2.0),
    mean=st.tuples(*[st.floats(-2, 2)] * 3),
    std=st.tuples(*[st.floats(0.05, 3)] * 3),
    seed=st.integers(0, 100),
)
def test_any_scale_mean_and_std_is_plain_numpy(scale, mean, std, seed):
    """For any constants the tensor is within float32 rounding of the declared formula."""
    spec = replace(SPEC, scale=scale, mean=mean, std=std)
    pixels = some_pixels(seed=seed)
    expected = plain(pixels, spec)
    magnitude = 255 * scale / min(std) + 2 / min(std)
    assert np.abs(run(pixels, spec) - expected).max() <= magnitude * 3e-7
