"""A folder of images as a feed: frames in the order of their names, with or without a truth table."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import cv2
import numpy as np

from hilrig.core.errors import PreconditionError
from hilrig.core.frame import FeedInfo, Pixels, Truth
from hilrig.feed.bounds import require_index
from hilrig.feed.image_file import SUFFIXES, read_image
from hilrig.feed.truth_table import read_truths


@dataclass(frozen=True, kw_only=True)
class FolderOptions:
    """Which images. Paths are relative to the profile's folder.

    Args:
        path: the folder; its images (bmp, jpg, png, tif) are taken in the order of their names.
        truth: a CSV file `file,labels` with one row for each image; without it nobody knows the truth.
        width_px: scale every image to this width; with height_px.
        height_px: scale every image to this height; with width_px.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    path: str
    truth: str | None = None
    width_px: int | None = None
    height_px: int | None = None

    def __post_init__(self) -> None:
        """Refuse half a size."""
        if (self.width_px is None) != (self.height_px is None):
            raise ValueError("width_px, height_px: expected both or none, found one")
        for size_px in (self.width_px, self.height_px):
            if size_px is not None and size_px < 1:
                raise ValueError(f"width_px, height_px: expected at least 1, found {size_px}")


class FolderFeed:
    """Frames from image files. Each is read again when it is asked for."""

    Options: ClassVar[type[FolderOptions]] = FolderOptions

    def __init__(self, options: FolderOptions, folder: Path) -> None:
        self._options = options
        self._path = folder / options.path
        self._truth_path = None if options.truth is None else folder / options.truth

    def describe(self) -> FeedInfo:
        """Return how many images there are, and their size.

        Raises:
            PreconditionError: the folder, an image or the truth table cannot be read.
            ConfigError: the truth table has mistakes.
        """
        return self._info

    def fill(self, index: int, pixels: Pixels) -> Truth:
        """Write image `index` into `pixels`; return its row of the truth table.

        Raises:
            IndexError: there is no such image.
            PreconditionError: the image cannot be read, or its size is not the feed's.
        """
        require_index(index, self._info)
        np.copyto(pixels, self._fitted(self._files[index]))
        return self._truths[index]

    def close(self) -> None:
        """Release nothing: no file stays open."""

    @cached_property
    def _files(self) -> tuple[Path, ...]:
        try:
            found = sorted(path for path in self._path.iterdir() if _is_image(path))
        except OSError as error:
            raise PreconditionError(
                f"{self._path}: expected a folder of images, found: {error.strerror}",
                hint="correct the feed's option path; it is relative to the profile's folder",
            ) from error
        if not found:
            raise PreconditionError(
                f"{self._path}: expected images ({', '.join(SUFFIXES)}), found none",
                hint="correct the feed's option path; it is relative to the profile's folder",
            )
        return tuple(found)

    @cached_property
    def _truths(self) -> tuple[Truth, ...]:
        if self._truth_path is None:
            return (Truth(labels=None),) * len(self._files)
        names = [path.name for path in self._files]
        truths = read_truths(self._truth_path, names)
        return tuple(truths[name] for name in names)

    @cached_property
    def _info(self) -> FeedInfo:
        height_px, width_px = self._wanted_size() or read_image(self._files[0]).shape[:2]
        return FeedInfo(n_frames=len(self._truths), height_px=height_px, width_px=width_px)

    def _wanted_size(self) -> tuple[int, int] | None:
        height_px, width_px = self._options.height_px, self._options.width_px
        return None if height_px is None or width_px is None else (height_px, width_px)

    def _fitted(self, path: Path) -> Pixels:
        image = read_image(path)
        size = (self._info.height_px, self._info.width_px)
        if image.shape[:2] == size:
            return image
        if self._wanted_size() is not None:
            return np.asarray(cv2.resize(image, size[::-1], interpolation=cv2.INTER_AREA), np.uint8)
        raise PreconditionError(
            f"{path}: expected {size[1]} x {size[0]} px like {self._files[0].name}, "
            f"found {image.shape[1]} x {image.shape[0]} px",
            hint="set the feed's options width_px and height_px to scale all images to one size",
        )


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()
