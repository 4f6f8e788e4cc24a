"""A video file as a feed: its first frames, of unknown truth."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import cv2
import numpy as np

from hilrig.core.errors import PreconditionError
from hilrig.core.frame import FeedInfo, Pixels, Truth
from hilrig.feed.bounds import require_index


@dataclass(frozen=True, kw_only=True)
class VideoOptions:
    """Which video.

    Args:
        path: the file, relative to the profile's folder.
        n_frames: how many frames to use, from the first one on; the video must have them.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    path: str
    n_frames: int

    def __post_init__(self) -> None:
        """Refuse a feed without frames."""
        if self.n_frames < 1:
            raise ValueError(f"n_frames: expected at least 1, found {self.n_frames}")


class VideoFeed:
    """Frames from a video, decoded one after the other: going back starts again, as seeking is not exact."""

    Options: ClassVar[type[VideoOptions]] = VideoOptions

    def __init__(self, options: VideoOptions, folder: Path) -> None:
        self._n_frames = options.n_frames
        self._path = folder / options.path
        self._capture: cv2.VideoCapture | None = None
        self._next = 0

    def describe(self) -> FeedInfo:
        """Return the number of frames asked for, and the size of the first.

        Raises:
            PreconditionError: the file cannot be read or is no video.
        """
        return self._info

    def fill(self, index: int, pixels: Pixels) -> Truth:
        """Write frame `index` into `pixels`; its truth is unknown.

        Raises:
            IndexError: there is no such frame.
            PreconditionError: the video ends before, or its size changes.
        """
        require_index(index, self._info)
        frame = self._decode(index)
        size = (self._info.height_px, self._info.width_px)
        if frame.shape[:2] != size:
            raise PreconditionError(
                f"{self._path}: expected every frame to be {size[1]} x {size[0]} px, "
                f"found frame {index} with {frame.shape[1]} x {frame.shape[0]} px",
                hint="convert the video to one size",
            )
        np.copyto(pixels, frame)
        return Truth(labels=None)

    def close(self) -> None:
        """Close the file."""
        if self._capture is not None:
            self._capture.release()
            self._capture = None

    @cached_property
    def _info(self) -> FeedInfo:
        height_px, width_px = self._decode(0).shape[:2]
        return FeedInfo(n_frames=self._n_frames, height_px=height_px, width_px=width_px)

    def _decode(self, index: int) -> Pixels:
        capture = self._capture_before(index)
        while self._next < index:
            if not capture.grab():
                raise self._too_short(self._next)
            self._next += 1
        found, frame = capture.read()
        if not found:
            raise self._too_short(index)
        self._next += 1
        return np.asarray(frame, np.uint8)

    def _capture_before(self, index: int) -> cv2.VideoCapture:
        """Return the open video, which has not yet passed frame `index`."""
        if self._capture is None or index < self._next:
            self.close()
            self._capture = self._open()
            self._next = 0
        return self._capture

    def _open(self) -> cv2.VideoCapture:
        if not self._path.is_file():
            raise PreconditionError(
                f"{self._path}: expected a video file, found none",
                hint="correct the feed's option path; it is relative to the profile's folder",
            )
        capture = cv2.VideoCapture(str(self._path))
        if not capture.isOpened():
            raise PreconditionError(
                f"{self._path}: expected a video, found a file that OpenCV cannot open",
                hint=f"check it with ffprobe {self._path.name}, or convert it to MJPG in an AVI file",
            )
        return capture

    def _too_short(self, n_frames: int) -> PreconditionError:
        return PreconditionError(
            f"{self._path}: expected {self._n_frames} frames, found {n_frames}",
            hint=f"set the feed's option n_frames to {n_frames}" if n_frames else "choose another video",
        )
