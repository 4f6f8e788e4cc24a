"""The golden sample of a release: the feed's first frame as the pipeline sees it, with its scores."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from hilrig.core import registry
from hilrig.core.errors import PreconditionError
from hilrig.core.ports import Backend
from hilrig.core.profile import Profile
from hilrig.feed.opening import open_feed
from hilrig.target.preprocess import Preprocessor

TOLERANCE: Final = 1e-3
"""Of a score, absolute or relative, whichever is more: kernels for other CPUs of a class add in another order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Golden:
    """One input, C order and little-endian, with what the model gives for it."""

    tensor: bytes
    scores: tuple[float, ...]
    tolerance: float


def golden_of(profile: Profile) -> Golden:
    """Return the golden sample of a profile's pipeline.

    Raises:
        PreconditionError: the pipeline does not run here, or its scores are not finite.
        UsageError: a library that it needs is missing.
    """
    backend = _loaded(profile)
    try:
        tensor = backend.input()
        _show_first_frame(profile, tensor)
        little_endian = tensor.astype(tensor.dtype.newbyteorder("<"))
        scores = np.array(backend.infer(), np.float64)
    finally:
        backend.close()
    if not np.isfinite(scores).all():
        raise PreconditionError(
            f"the model of {profile.name} gives scores that are not finite for the feed's first frame",
            hint="export the model again",
        )
    largest = max(1.0, float(np.abs(scores).max()))
    return Golden(
        tensor=little_endian.tobytes(),
        scores=tuple(float(score) for score in scores),
        tolerance=TOLERANCE * largest,
    )


def _loaded(profile: Profile) -> Backend:
    declared = profile.pipeline.backend
    if declared is None or profile.pipeline.preprocess is None or not profile.model.files:
        raise PreconditionError(
            f"the pipeline of {profile.name} brings its own model: a node cannot run it",
            hint="publish a profile with model.files, pipeline.preprocess and pipeline.backend",
        )
    factory = registry.load("backends", declared.name)
    options = factory.Options(**declared.options)  # type: ignore[attr-defined] # by the port's contract
    backend: Backend = factory(options, profile.model, Path(profile.folder))
    backend.load()
    return backend


def _show_first_frame(profile: Profile, tensor: "np.typing.NDArray[np.generic]") -> None:
    feed = open_feed(profile.feed, Path(profile.folder))
    try:
        size = feed.describe()
        pixels = np.zeros((size.height_px, size.width_px, 3), np.uint8)
        feed.fill(0, pixels)
    finally:
        feed.close()
    if profile.pipeline.preprocess is not None:
        Preprocessor(profile.pipeline.preprocess, tensor)(pixels)
