"""Pictures that no camera should send.

There is noise, and there is a picture of another size.
"""

from collections.abc import Iterable
from typing import Final

import numpy as np

from hilrig.core.frame import Pixels

SEED: Final = 20_261_122
"""Of the noise: the same garbage in every run, so that two runs can be compared."""


def fill_noise(slots: Iterable[Pixels]) -> None:
    """Fill frames with noise, every byte equally likely, each frame another one."""
    generator = np.random.Generator(np.random.PCG64(SEED))
    for slot in slots:
        slot[:] = generator.integers(0, 256, slot.shape, np.uint8)


def resized(pixels: Pixels) -> Pixels:
    """Return what a camera sends whose size somebody halved: the upper left quarter of the picture, a copy."""
    height_px, width_px, _ = pixels.shape
    return np.ascontiguousarray(pixels[: max(1, height_px // 2), : max(1, width_px // 2)])
