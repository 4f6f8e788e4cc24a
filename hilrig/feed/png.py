"""Frames as PNG bytes, without loss in either direction.

A picture that says it is huge is refused before it is decoded.
"""

import struct
from typing import Final

import cv2
import numpy as np

from hilrig.core.errors import PreconditionError
from hilrig.core.frame import Pixels

PIXELS_MAX: Final = 1 << 26
"""Eight times a 4K frame; 192 MiB when decoded."""

_START: Final = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
_DEPTH_AND_COLORS: Final = b"\x08\x02"  # 8 bits, RGB: what `encode_png` writes


def encode_png(pixels: Pixels) -> bytes:
    """Return a frame (height x width x 3, BGR, uint8) as a PNG.

    Raises:
        PreconditionError: what comes out does not decode to the same pixels.
    """
    _, data = cv2.imencode(".png", pixels)
    encoded: bytes = data.tobytes()
    height_px, width_px, _ = pixels.shape
    if not np.array_equal(decode_png(encoded, width_px=width_px, height_px=height_px), pixels):
        raise PreconditionError("this OpenCV does not keep a frame in a PNG as it is", hint="install it again")
    return encoded


def decode_png(data: bytes, *, width_px: int, height_px: int) -> Pixels:
    """Return the frame (height x width x 3, BGR, uint8) in a PNG of 8-bit colour.

    Raises:
        PreconditionError: it is no such PNG, of another size, or damaged.
    """
    if width_px * height_px > PIXELS_MAX:
        raise PreconditionError(
            f"a PNG of {width_px} x {height_px} px is not decoded: no camera's frame is so large"
        )
    header = _START + struct.pack(">II", width_px, height_px) + _DEPTH_AND_COLORS
    if not data.startswith(header):
        raise PreconditionError(
            f"expected a PNG of {width_px} x {height_px} px in 8-bit colour, found something else"
        )
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if pixels is None or pixels.shape != (height_px, width_px, 3):
        raise PreconditionError("the PNG is damaged: it does not decode to its size")
    return np.asarray(pixels, np.uint8)
