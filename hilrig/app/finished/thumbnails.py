"""Small pictures of the worst frames, made again from the feed: what the model had before it, for a person.

They stand in thumbnails.json, each picture once however many of the frames show it. No run fails for want of a
picture: what went wrong is told in its place.
"""

import base64
import binascii
import hashlib
import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from hilrig.config.noun_json import from_json, to_json
from hilrig.core import files
from hilrig.core.document import Thumbnail
from hilrig.core.errors import HilrigError
from hilrig.core.frame import Pixels, PoolFrame
from hilrig.core.ports import Feed
from hilrig.core.profile import FeedSpec
from hilrig.core.verdict import WorstFrame
from hilrig.feed.opening import open_feed
from hilrig.record.run_directory import write_atomic
from hilrig.record.untrusted_file import read_untrusted

EDGE_PX_MAX: Final = 160
JPEGS_BYTES_MAX: Final = 84_000
"""Of all pictures together: as base64, with what stands around them, less than 120 kB of the report."""

QUALITIES: Final = (85, 70, 50, 30)
"""Of JPEG, the first that is small enough: noise takes most of the bytes."""

FILE_BYTES_MAX: Final = 1 << 20
NOT_HERE: Final = "the feed is not here"
CHANGED: Final = "the feed's files have changed since the run"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Picture:
    """A pool frame's picture; `jpeg_base64` is empty where there is none, `reason` says why."""

    pool_frame: int
    width_px: int
    height_px: int
    jpeg_base64: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    """Which pool frame a frame of the run showed."""

    frame_id: int
    pool_frame: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Thumbnails:
    """What thumbnails.json holds."""

    frames: tuple[_Shown, ...]
    pictures: tuple[_Picture, ...]


def write_thumbnails(run_dir: Path, spec: FeedSpec, worst: Sequence[WorstFrame], *, folder: Path) -> None:
    """Write thumbnails.json for the worst frames, unless it is there.

    Args:
        run_dir: its feed.json says what every pool frame was: one that has become another is not shown.
        spec: the run's feed.
        worst: the frames to show.
        folder: the profile's, where the feed's relative paths start.

    Raises:
        OSError: the disk is full.
    """
    path = run_dir / files.THUMBNAILS
    if path.exists():
        return
    pool = from_json(tuple[PoolFrame, ...], (run_dir / files.FEED).read_bytes(), what=files.FEED)
    shown = tuple(_Shown(frame_id=frame.frame_id, pool_frame=frame.frame_id % len(pool)) for frame in worst)
    wanted = sorted({one.pool_frame for one in shown})
    write_atomic(path, to_json(_Thumbnails(frames=shown, pictures=tuple(_pictures(spec, pool, wanted, folder)))))


def read_thumbnails(run_dir: Path, worst: Sequence[WorstFrame]) -> tuple[Thumbnail, ...]:
    """Return the pictures of the worst frames as far as thumbnails.json has them; none without the file."""
    try:
        data = read_untrusted(run_dir / files.THUMBNAILS, max_bytes=FILE_BYTES_MAX)
        if data is None:
            return ()
        kept = from_json(_Thumbnails, data, what=files.THUMBNAILS)
        pictures = {picture.pool_frame: _decoded(picture) for picture in kept.pictures}
    except (HilrigError, binascii.Error) as error:
        return tuple(_without(frame.frame_id, f"{files.THUMBNAILS} cannot be read: {error}") for frame in worst)
    pool_frame_of = {shown.frame_id: shown.pool_frame for shown in kept.frames}
    return tuple(_shown_as(frame.frame_id, pictures.get(pool_frame_of.get(frame.frame_id, -1))) for frame in worst)


def _decoded(picture: _Picture) -> Thumbnail:
    return Thumbnail(
        frame_id=picture.pool_frame,
        width_px=picture.width_px,
        height_px=picture.height_px,
        jpeg=base64.b64decode(picture.jpeg_base64, validate=True),
        reason=picture.reason,
    )


def _shown_as(frame_id: int, picture: Thumbnail | None) -> Thumbnail:
    if picture is None:
        return _without(frame_id, "no picture was kept of it")
    return Thumbnail(
        frame_id=frame_id,
        width_px=picture.width_px,
        height_px=picture.height_px,
        jpeg=picture.jpeg,
        reason=picture.reason,
    )


def _without(frame_id: int, reason: str) -> Thumbnail:
    return Thumbnail(frame_id=frame_id, width_px=0, height_px=0, jpeg=b"", reason=reason)


def _pictures(
    spec: FeedSpec, pool: Sequence[PoolFrame], wanted: Sequence[int], folder: Path
) -> Iterator[_Picture]:
    """Yield a picture for each wanted pool frame, or the reason why there is none."""
    try:
        with closing(open_feed(spec, folder)) as feed:
            yield from _drawn(feed, pool, wanted)
    except Exception as error:  # noqa: BLE001 - a feed may be anybody's code, and no run fails for a picture
        yield from (_missing(index, _why(error)) for index in wanted)


def _drawn(feed: Feed, pool: Sequence[PoolFrame], wanted: Iterable[int]) -> list[_Picture]:
    info = feed.describe()
    pixels = np.empty((info.height_px, info.width_px, 3), np.uint8)
    bytes_max = JPEGS_BYTES_MAX // max(1, len(list(wanted)))
    return [_one(feed, pool, index, pixels, bytes_max=bytes_max) for index in wanted]


def _one(feed: Feed, pool: Sequence[PoolFrame], index: int, pixels: Pixels, *, bytes_max: int) -> _Picture:
    """Return the picture of a pool frame if it is still the one that the run showed."""
    try:
        feed.fill(index, pixels)
    except Exception as error:  # noqa: BLE001 - a feed may be anybody's code; the other frames may still be had
        return _missing(index, _why(error))
    if hashlib.sha256(pixels.data).hexdigest() != pool[index].sha256:
        return _missing(index, CHANGED)
    return _small(index, pixels, bytes_max=bytes_max)


def _small(index: int, pixels: Pixels, *, bytes_max: int) -> _Picture:
    from PIL import Image

    image = Image.fromarray(np.ascontiguousarray(pixels[:, :, ::-1]))  # BGR to RGB
    image.thumbnail((EDGE_PX_MAX, EDGE_PX_MAX))
    for quality in QUALITIES:
        jpeg = io.BytesIO()
        image.save(jpeg, format="JPEG", quality=quality)
        if jpeg.tell() <= bytes_max:
            text = base64.b64encode(jpeg.getvalue()).decode()
            return _Picture(pool_frame=index, width_px=image.width, height_px=image.height, jpeg_base64=text)
    return _missing(index, "its picture is too large for the report")


def _missing(index: int, reason: str) -> _Picture:
    return _Picture(pool_frame=index, width_px=0, height_px=0, jpeg_base64="", reason=reason)


def _why(error: Exception) -> str:
    said = error.message if isinstance(error, HilrigError) else f"{type(error).__name__}: {error}"
    return f"{NOT_HERE}: {said[:200]}"
