"""Seeded pictures of nothing, in any size: for a model whose own pictures are not at hand.

They cost the pipeline what a camera's pictures cost it. What a model finds in them means nothing, so nobody knows
their truth: no precision, no recall is said of them.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np

from hilrig.core.frame import FeedInfo, Pixels, Truth
from hilrig.feed.bounds import require_index
from hilrig.feed.stream import Stream

_PATCHES, _GRAIN = range(2)  # streams of their own
_PATCH_PX: Final = 32
_SEEDS: Final = 2**32
_EDGE_MAX_PX: Final = 16384


@dataclass(frozen=True, kw_only=True)
class NoiseOptions:
    """Which pictures.

    Args:
        seed: picks the series; below 2^32.
        width_px: frame width, 1 to 16384.
        height_px: frame height, 1 to 16384.
        n_frames: number of distinct frames.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    seed: int = 1
    width_px: int = 640
    height_px: int = 480
    n_frames: int = 1_000_000

    def __post_init__(self) -> None:
        """Refuse what no camera can do."""
        _within("seed", self.seed, 0, _SEEDS - 1)
        _within("width_px", self.width_px, 1, _EDGE_MAX_PX)
        _within("height_px", self.height_px, 1, _EDGE_MAX_PX)
        _within("n_frames", self.n_frames, 1, _SEEDS - 1)


def _within(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise ValueError(f"{name}: expected {low} to {high}, found {value}")


class NoiseFeed:
    """Coloured patches under fine grain. Frame i depends on the options and on i alone, to the byte."""

    Options: ClassVar[type[NoiseOptions]] = NoiseOptions

    def __init__(self, options: NoiseOptions, folder: Path) -> None:  # noqa: ARG002 - reads no file
        self._seed = options.seed
        self._info = FeedInfo(n_frames=options.n_frames, height_px=options.height_px, width_px=options.width_px)

    def describe(self) -> FeedInfo:
        """Return the size of the series and of its frames."""
        return self._info

    def fill(self, index: int, pixels: Pixels) -> Truth:
        """Draw frame `index` into `pixels`; its truth is unknown.

        Raises:
            IndexError: there is no such frame.
        """
        require_index(index, self._info)
        rows, columns = (np.arange(edge) // _PATCH_PX for edge in (self._info.height_px, self._info.width_px))
        patches = Stream(self._seed, _PATCHES, index).octets(int(rows[-1]) + 1, int(columns[-1]) + 1, 3)
        grain = Stream(self._seed, _GRAIN, index).octets(*pixels.shape)
        kept = patches - (patches >> 2)  # three quarters: the grain has the rest, nothing overflows
        np.add(kept[rows][:, columns], grain >> 2, out=pixels)
        return Truth(labels=None)

    def close(self) -> None:
        """Release nothing: no file is open."""
