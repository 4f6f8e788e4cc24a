import struct

import cv2
import numpy as np
import pytest

from hilrig.core.errors import PreconditionError
from hilrig.feed.png import decode_png, encode_png

PIXELS = np.random.default_rng(1).integers(0, 256, (9, 13, 3), np.uint8)


def test_every_pixel_comes_back():
    """Noise in all three planes, which every lossy format would change; made twice it is the same file."""
    data = encode_png(PIXELS)
    assert np.array_equal(decode_png(data, width_px=13, height_px=9), PIXELS)
    assert encode_png(PIXELS) == data


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GIF89a",
        encode_png(PIXELS)[:-40],
        encode_png(PIXELS)[:33],
        encode_png(PIXELS[:8]),
        cv2.imencode(".jpg", PIXELS)[1].tobytes(),
        cv2.imencode(".png", PIXELS[:, :, 0])[1].tobytes(),
    ],
)
def test_anything_else_is_refused(data):
    """Nothing, another format, a cut file, another size, grey."""
    with pytest.raises(PreconditionError, match="PNG"):
        decode_png(data, width_px=13, height_px=9)


def test_a_picture_that_says_it_is_huge_is_not_decoded():
    """A header of 60,000 x 60,000 px would ask for 10 GiB, whether the caller believes it or not."""
    data = bytearray(encode_png(PIXELS))
    data[16:24] = struct.pack(">II", 60_000, 60_000)
    for size in ({"width_px": 13, "height_px": 9}, {"width_px": 60_000, "height_px": 60_000}):
        with pytest.raises(PreconditionError, match="PNG of"):
            decode_png(bytes(data), **size)
