"""A feed of equal grey frames of any size: for the self-test, in which nobody looks at them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from hilrig.core.frame import FeedInfo, Pixels, Truth
from hilrig.feed.bounds import require_index

GREY = 128


@dataclass(frozen=True, kw_only=True)
class BlankOptions:
    """The size of the frames."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}
    width_px: int = 512
    height_px: int = 512
    n_frames: int = 1_000_000

    def __post_init__(self) -> None:
        if min(self.width_px, self.height_px, self.n_frames) < 1:
            raise ValueError("width_px, height_px and n_frames must be at least 1")


class BlankFeed:
    """Grey frames; nothing is known of what is in them."""

    Options = BlankOptions

    def __init__(self, options: BlankOptions, folder: Path) -> None:  # noqa: ARG002 - the port
        self._info = FeedInfo(n_frames=options.n_frames, height_px=options.height_px, width_px=options.width_px)

    def describe(self) -> FeedInfo:
        """Return the size of the frames."""
        return self._info

    def fill(self, index: int, pixels: Pixels) -> Truth:
        """Make the frame grey."""
        require_index(index, self._info)
        pixels[...] = GREY
        return Truth(labels=None)

    def close(self) -> None:
        """Release nothing."""
