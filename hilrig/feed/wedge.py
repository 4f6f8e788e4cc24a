"""A grey wedge that moves, in any size: for the self-test, in which nobody looks at the frames."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from hilrig.core.frame import FeedInfo, Pixels, Truth
from hilrig.feed.bounds import require_index

N_GREYS = 256


@dataclass(frozen=True, kw_only=True)
class WedgeOptions:
    """The size of the frames."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}
    width_px: int = 512
    height_px: int = 512
    n_frames: int = 1_000_000

    def __post_init__(self) -> None:
        if min(self.width_px, self.height_px, self.n_frames) < 1:
            raise ValueError("width_px, height_px and n_frames must be at least 1")


class WedgeFeed:
    """Frames with a ramp of greys that moves by one pixel from frame to frame; nobody knows what is in them."""

    Options = WedgeOptions

    def __init__(self, options: WedgeOptions, folder: Path) -> None:  # noqa: ARG002 - the port
        self._info = FeedInfo(n_frames=options.n_frames, height_px=options.height_px, width_px=options.width_px)

    def describe(self) -> FeedInfo:
        """Return the size of the frames."""
        return self._info

    def fill(self, index: int, pixels: Pixels) -> Truth:
        """Draw the wedge."""
        require_index(index, self._info)
        ramp = (np.arange(self._info.width_px) + index) % N_GREYS
        pixels[...] = ramp.astype(np.uint8)[None, :, None]
        return Truth(labels=None)

    def close(self) -> None:
        """Release nothing."""
