"""From a camera's frame to the model's input tensor, as the profile declares it.

For 512x512 BGR to float CHW this writes at the speed of memory: planes are split into kept buffers, then scaled
straight into the tensor in the order that the model wants, so that no colour conversion and no copy remains.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from hilrig.core.frame import Pixels
from hilrig.core.profile import ColorOrder, Layout, PreprocessSpec


class Preprocessor:
    """Writes `(pixel * scale - mean) / std` of a frame into a tensor that it was given.

    Args:
        spec: sizes, colour order, scale, mean, std, layout and dtype.
        tensor: 1 x 3 x height x width (NCHW) or 1 x height x width x 3 (NHWC), in `spec.dtype`.
    """

    def __init__(self, spec: PreprocessSpec, tensor: NDArray[np.generic]) -> None:
        cv2.setNumThreads(1)  # OpenCV's pool beside the runtime's own threads makes p99 ten times worse
        self._shape = (spec.height_px, spec.width_px, 3)
        self._resized: Pixels = np.empty((spec.height_px, spec.width_px, 3), np.uint8)
        self._planes = [np.empty((spec.height_px, spec.width_px), np.uint8) for _ in range(3)]
        self._targets = _planes_in_bgr_order(spec, tensor)
        gains = [spec.scale / std for std in spec.std]
        offsets = [-mean / std for mean, std in zip(spec.mean, spec.std, strict=True)]
        order = slice(None, None, -1) if spec.color_order is ColorOrder.RGB else slice(None)
        self._gains = [np.float32(gain) for gain in gains[order]]
        self._offsets = [np.float32(offset) for offset in offsets[order]]
        self._is_copy = spec.dtype == "uint8"

    def __call__(self, pixels: Pixels) -> None:
        """Fill the tensor from `pixels` (height x width x 3, BGR, uint8).

        Raises:
            ValueError: the frame has no three planes (OpenCV would leave the last frame's in the tensor).
        """
        if pixels.shape != self._shape:
            pixels = self._resize(pixels)
        cv2.split(pixels, self._planes)
        for plane, target, gain, offset in zip(
            self._planes, self._targets, self._gains, self._offsets, strict=True
        ):
            if self._is_copy:
                target[...] = plane
                continue
            np.multiply(plane, gain, out=target, casting="same_kind")
            if offset:
                np.add(target, offset, out=target, casting="same_kind")

    def _resize(self, pixels: Pixels) -> Pixels:
        if pixels.ndim != len(self._shape) or pixels.shape[2] != self._shape[2]:
            raise ValueError(f"a frame is height x width x 3, not {pixels.shape}")
        height_px, width_px, _ = self._shape
        cv2.resize(pixels, (width_px, height_px), dst=self._resized)
        return self._resized


def _planes_in_bgr_order(spec: PreprocessSpec, tensor: NDArray[np.generic]) -> list[NDArray[np.generic]]:
    nchw = spec.layout is Layout.NCHW
    planes = [tensor[0, i] if nchw else tensor[0, :, :, i] for i in range(3)]
    return planes[::-1] if spec.color_order is ColorOrder.RGB else planes
