"""What a camera does to the picture: uneven light, motion blur, sensor noise."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from hilrig.feed.plane import Plane, ramp
from hilrig.feed.stream import Stream

Fixed = NDArray[np.int32]
"""Grey levels in 1/64 steps: integer sums are the same in any order."""

_GREY_BITS: Final = 6
_ONE_GREY: Final = 1 << _GREY_BITS
_FULL_SCALE: Final = 255
_BELL_DEVIATION: Final = 147.8  # of a sum of four bytes: sqrt(4 * (256^2 - 1) / 12)


def drift_gain(index: int, *, drift: float, period_frames: int) -> float:
    """Return the lamp's brightness at a frame: a triangle between 1 - drift and 1 + drift that starts at 1."""
    quarters = 4 * ((index + period_frames / 4) % period_frames) / period_frames
    return 1.0 + drift * (1.0 - abs(quarters - 2.0))


def vignette(height_px: int, width_px: int) -> Plane:
    """Return the lens's loss of light towards the corners, as a factor."""
    across = ramp(width_px) * (2.0 / width_px) - 1.0
    down = (ramp(height_px) * (2.0 / height_px) - 1.0)[:, None]
    return 1.0 - (across * across + down * down) * 0.07


def expose(plane: Plane, light: Plane, blur_px: int) -> Fixed:
    """Return a plane as the sensor integrates it while the part moves by `blur_px` pixels."""
    lit = (np.clip(plane * light, 0.0, float(_FULL_SCALE)) * float(_ONE_GREY)).astype(np.int32)
    if blur_px <= 1:
        return lit
    padded = np.pad(lit, ((0, 0), (blur_px - blur_px // 2, blur_px // 2)), mode="edge")
    total = np.cumsum(padded, axis=1, dtype=np.int32)
    mean: Fixed = (total[:, blur_px:] - total[:, :-blur_px]) // blur_px
    return mean


def add_noise(stream: Stream, planes: list[Fixed], noise: float) -> list[Fixed]:
    """Return the planes with bell-shaped noise; `noise` is its deviation as a share of full scale."""
    if noise <= 0:
        return planes
    factor = round(noise * _FULL_SCALE * _ONE_GREY * 256 / _BELL_DEVIATION)
    return [plane + (_bell(stream, plane.shape) * factor >> 8) for plane in planes]


def _bell(stream: Stream, shape: tuple[int, ...]) -> Fixed:
    """Return the sum of four bytes around 0: deviation 147.8."""
    octets = stream.octets(4, *shape)
    total: Fixed = octets[0].astype(np.int32) + octets[1] + octets[2] + octets[3] - 510
    return total


def develop(planes: list[Fixed], pixels: NDArray[np.uint8]) -> None:
    """Write the planes into an interleaved 8-bit frame."""
    for channel, plane in enumerate(planes):
        grey = (plane + _ONE_GREY // 2) >> _GREY_BITS
        np.copyto(pixels[:, :, channel], np.clip(grey, 0, _FULL_SCALE), casting="unsafe")
