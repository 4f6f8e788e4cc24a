import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilrig.feed.camera import add_noise, develop, drift_gain, expose, vignette
from hilrig.feed.stream import Stream

LIT = np.ones((1, 1), np.float32)


@given(st.integers(0, 10**7), st.floats(0, 0.9), st.integers(1, 10_000))
def test_drift_stays_within_its_swing(index, drift, period_frames):
    """The lamp never leaves 1 - drift to 1 + drift."""
    gain = drift_gain(index, drift=drift, period_frames=period_frames)
    assert 1 - drift - 1e-12 <= gain <= 1 + drift + 1e-12


def test_drift_is_a_triangle_that_starts_at_one():
    """Quarter by quarter the lamp goes from 1 up, back, down and back again."""
    gains = [drift_gain(index, drift=0.2, period_frames=8) for index in (0, 2, 4, 6, 8)]
    assert gains == pytest.approx([1.0, 1.2, 1.0, 0.8, 1.0])


def test_vignette_darkens_the_corners_only():
    """The lens loses light towards the corners and none in the middle."""
    light = vignette(101, 101)
    assert light[50, 50] == pytest.approx(1, abs=1e-3)
    assert light[0, 0] == light.min() < 0.9


@pytest.mark.parametrize("blur_px", [2, 3, 8, 64])
def test_blur_spreads_a_line_over_its_length(blur_px):
    """A bright column is smeared over exactly `blur_px` columns, its light shared out evenly."""
    plane = np.zeros((2, 200), np.float32)
    plane[:, 100] = 64.0
    blurred = expose(plane, LIT, blur_px)
    assert (blurred[0] > 0).sum() == blur_px
    assert blurred[0].max() == 64 * 64 // blur_px
    assert blurred.shape == plane.shape


@pytest.mark.parametrize("blur_px", [0, 1, 2, 7, 64])
def test_blur_leaves_an_even_surface_alone(blur_px):
    """The frame's edges are as bright as its middle, whatever the blur."""
    assert (expose(np.full((3, 90), 100.0, np.float32), LIT, blur_px) == 6400).all()


def test_no_blur_is_no_change():
    """0 and 1 pixel of motion are a standstill."""
    plane = Stream(1).signed(20, 30) * 50.0 + 100.0
    assert (expose(plane, LIT, 0) == expose(plane, LIT, 1)).all()


def test_light_over_full_scale_is_cut():
    """An overexposed pixel is white, never black by overflow."""
    pixels = np.empty((4, 4, 3), np.uint8)
    hot = expose(np.full((4, 4), 250.0, np.float32), LIT * 1.9, 3)
    develop([hot, hot, hot], pixels)
    assert (pixels == 255).all()


@pytest.mark.parametrize("noise", [0.005, 0.02, 0.1])
def test_noise_has_the_asked_deviation(noise):
    """`sensor_noise` is the deviation as a share of full scale, around the true grey."""
    grey = np.full((300, 300), 128 * 64, np.int32)
    pixels = np.empty((300, 300, 3), np.uint8)
    develop(add_noise(Stream(3), [grey, grey, grey], noise), pixels)
    assert float(pixels.std()) == pytest.approx(noise * 255, rel=0.05, abs=0.1)
    assert float(pixels.mean()) == pytest.approx(128, abs=0.5)


def test_no_noise_draws_nothing():
    """Without noise the planes stay as they are."""
    planes = [np.full((2, 2), 640, np.int32)] * 3
    assert add_noise(Stream(3), planes, 0.0) is planes


def test_noise_at_the_ends_of_the_scale_does_not_wrap():
    """Noise below black stays dark, above white stays bright."""
    black, white = np.zeros((100, 100), np.int32), np.full((100, 100), 255 * 64, np.int32)
    pixels = np.empty((100, 100, 3), np.uint8)
    develop(add_noise(Stream(3), [black, white, white], 0.02), pixels)
    assert pixels[:, :, 0].max() < 60
    assert pixels[:, :, 1:].min() > 195
