"""The input that a release takes, computed from its signed manifest: no shape or range is written in code."""

from dataclasses import dataclass
from math import prod
from typing import Final

import numpy as np

from hilrig.core.profile import PipelineSpec, PreprocessSpec
from hilrig.core.release import ReleaseManifest

PIXEL_MAX: Final = 255
BOUND_SLACK: Final = 1e-5
"""Part of the range: a client that scales in another order ends an ulp or two beside the bound."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InputSpec:
    """What one request brings.

    Args:
        shape: of the model's input tensor.
        dtype: of that tensor, a numpy name.
        frame_shape: height x width x 3 of a camera frame (BGR, uint8) that the service may preprocess itself;
            empty when the release has no preprocess.
        low: smallest value that the declared preprocess can make; None when nothing bounds it.
        high: largest such value.
    """

    shape: tuple[int, ...]
    dtype: str
    frame_shape: tuple[int, ...]
    low: float | None
    high: float | None

    @property
    def n_tensor_bytes(self) -> int:
        """Return the size of the tensor."""
        return prod(self.shape) * np.dtype(self.dtype).itemsize

    @property
    def n_frame_bytes(self) -> int:
        """Return the size of a camera frame; 0 when none is taken."""
        return prod(self.frame_shape) if self.frame_shape else 0

    @property
    def slot_bytes(self) -> int:
        """Return what either of the two fits into."""
        return max(self.n_tensor_bytes, self.n_frame_bytes)


def input_spec(manifest: ReleaseManifest) -> InputSpec:
    """Return what this release takes."""
    preprocess = manifest.pipeline.preprocess
    low, high = _bounds(preprocess)
    return InputSpec(
        shape=manifest.model.input_shape,
        dtype=_dtype(manifest.pipeline),
        frame_shape=() if preprocess is None else (preprocess.height_px, preprocess.width_px, 3),
        low=low,
        high=high,
    )


def _dtype(pipeline: PipelineSpec) -> str:
    return "float32" if pipeline.preprocess is None else pipeline.preprocess.dtype


def _bounds(preprocess: PreprocessSpec | None) -> tuple[float | None, float | None]:
    """Return the range of `(pixel * scale - mean) / std` over all pixels and planes, a little widened."""
    if preprocess is None:
        return None, None
    ends = [
        (pixel * preprocess.scale - mean) / std
        for pixel in (0, PIXEL_MAX)
        for mean, std in zip(preprocess.mean, preprocess.std, strict=True)
    ]
    slack = BOUND_SLACK * (max(ends) - min(ends))
    return min(ends) - slack, max(ends) + slack
