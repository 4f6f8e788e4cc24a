"""An image file as pixels, or a clear refusal."""

from pathlib import Path
from typing import Final

import cv2
import numpy as np

from hilrig.core.errors import PreconditionError
from hilrig.core.frame import Pixels

SUFFIXES: Final = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff")

_JPEG_START: Final = b"\xff\xd8"
_JPEG_SCAN: Final = b"\xff\xda"
_JPEG_END: Final = b"\xff\xd9"


def read_image(path: Path) -> Pixels:
    """Return the image as height x width x 3, BGR, 8 bits; grey and 16-bit images are converted.

    Raises:
        PreconditionError: the file cannot be read, is damaged, or was cut short.
    """
    data = _read_bytes(path)
    if _is_cut_jpeg(data):
        raise _unusable(path, f"a JPEG that ends after {len(data)} bytes, before its end marker")
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise _unusable(path, f"{len(data)} bytes that OpenCV refuses") from error
    if pixels is None:
        raise _unusable(path, f"{len(data)} bytes that are damaged or no image")
    return np.asarray(pixels, np.uint8)


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise PreconditionError(
            f"{path}: expected a readable image, found: {error.strerror}",
            hint=f"check that {path} exists and may be read",
        ) from error


def _is_cut_jpeg(data: bytes) -> bool:
    """Return whether the last scan of a JPEG has no end; OpenCV before 5 fills the rest with grey, silently.

    Within a scan neither marker can occur, so this holds for files with an embedded preview as well.
    """
    return data.startswith(_JPEG_START) and data.rfind(_JPEG_END) < data.rfind(_JPEG_SCAN)


def _unusable(path: Path, found: str) -> PreconditionError:
    return PreconditionError(
        f"{path}: expected a whole {', '.join(SUFFIXES)} image, found {found}",
        hint=f"replace {path.name} or remove it from the folder",
    )
