"""hilrig.feed.noise: pictures of nothing for a model whose own are not at hand."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from hilrig.feed.noise import NoiseFeed, NoiseOptions


def take(index, **options):
    feed = NoiseFeed(NoiseOptions(**options), Path())
    info = feed.describe()
    pixels = np.zeros((info.height_px, info.width_px, 3), np.uint8)
    return feed.fill(index, pixels), pixels


def test_pixels_are_pinned_to_the_byte():
    """A frame is the same on every machine and with every numpy: its digest never changes."""
    _, pixels = take(3, seed=7, width_px=100, height_px=70)
    assert (
        hashlib.sha256(pixels.data).hexdigest()
        == "d574584369152b9f3e7812795166582f28813bbf41c71d39c4ce50b0fc8cf6d3"
    )


def test_pictures_are_bright_and_dark_and_differ():
    """Patches and grain fill the range of a byte; no two frames or seeds are alike."""
    _, pixels = take(0)
    assert pixels.shape == (480, 640, 3)
    assert pixels.min() < 30
    assert pixels.max() > 225
    assert len({take(i, seed=s, width_px=64, height_px=64)[1].tobytes() for i in range(3) for s in range(3)}) == 9


def test_its_truth_is_unknown():
    """What a model finds in noise is neither right nor wrong."""
    assert take(0, width_px=8, height_px=8)[0].labels is None


@pytest.mark.parametrize("option", [{"seed": -1}, {"width_px": 0}, {"height_px": 16385}, {"n_frames": 0}])
def test_an_impossible_camera_is_refused(option):
    """The option is named with its range."""
    with pytest.raises(ValueError, match=f"{next(iter(option))}: expected"):
        NoiseOptions(**option)
