"""The pool: the distinct frames of a run or of a golden set, held in memory or streamed through one buffer."""

import hashlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from hilrig.core.frame import Pixels, Truth
from hilrig.core.ports import Feed


class PoolDigest(NamedTuple):
    """Digests over pixels as lower-case hex: `pool_sha256` over all frames in order, `frame_sha256` over each."""

    pool_sha256: str
    frame_sha256: tuple[str, ...]


def fill_pool(feed: Feed, frames: Iterable[Pixels]) -> tuple[Truth, ...]:
    """Write the feed's first frames into `frames`, one each; return their truths in the same order.

    Raises:
        PreconditionError: a frame cannot be read.
        IndexError: the feed has fewer frames.
    """
    return tuple(feed.fill(index, pixels) for index, pixels in enumerate(frames))


def stream_pool(feed: Feed, n_frames: int) -> Iterator[tuple[Pixels, Truth]]:
    """Yield the feed's first `n_frames` frames with their truths; the pixels are valid until the next one.

    Raises:
        PreconditionError: a frame cannot be read.
        IndexError: the feed has fewer frames.
    """
    info = feed.describe()
    pixels = np.empty((info.height_px, info.width_px, 3), np.uint8)
    for index in range(n_frames):
        yield pixels, feed.fill(index, pixels)


def pool_digest(frames: Iterable[Pixels]) -> PoolDigest:
    """Return the digests of C-contiguous frames, which are read once and need not stay in memory."""
    whole = hashlib.sha256()
    single = []
    for pixels in frames:
        whole.update(pixels.data)
        single.append(hashlib.sha256(pixels.data).hexdigest())
    return PoolDigest(pool_sha256=whole.hexdigest(), frame_sha256=tuple(single))
