import hashlib
from pathlib import Path

import numpy as np
import pytest

from hilrig.feed.pool import fill_pool, pool_digest, stream_pool
from hilrig.feed.synthetic import SyntheticFeed, SyntheticOptions

FEED = SyntheticFeed(SyntheticOptions(width_px=128, height_px=128, n_frames=4, defect_ratio=1.0), Path())


def test_a_pool_is_filled_in_order():
    """Slot i holds frame i, and truth i is its truth."""
    frames = [np.zeros((128, 128, 3), np.uint8) for _ in range(4)]
    truths = fill_pool(FEED, frames)
    for index in (2, 0, 3, 1):
        pixels = np.zeros((128, 128, 3), np.uint8)
        assert FEED.fill(index, pixels) == truths[index]
        assert (pixels == frames[index]).all()


def test_a_streamed_pool_is_the_filled_one():
    """Streaming gives the same pixels and truths as filling, through one buffer."""
    frames = [np.zeros((128, 128, 3), np.uint8) for _ in range(4)]
    truths = fill_pool(FEED, frames)
    streamed = [(pixels.copy(), truth) for pixels, truth in stream_pool(FEED, 4)]
    assert tuple(truth for _, truth in streamed) == truths
    assert all((pixels == frame).all() for (pixels, _), frame in zip(streamed, frames, strict=True))
    assert len({id(pixels) for pixels, _ in stream_pool(FEED, 4)}) == 1


def test_more_frames_than_the_feed_has_is_an_error():
    """A pool never repeats a frame silently."""
    with pytest.raises(IndexError, match="expected a frame index from 0 to 3, found 4"):
        fill_pool(FEED, [np.zeros((128, 128, 3), np.uint8)] * 5)
    with pytest.raises(IndexError):
        list(stream_pool(FEED, 5))


def test_the_digest_is_over_the_pixels_in_order():
    """The pool's digest is that of all bytes one after the other; each frame has its own."""
    frames = [pixels.copy() for pixels, _ in stream_pool(FEED, 3)]
    digest = pool_digest(iter(frames))
    assert digest.pool_sha256 == hashlib.sha256(b"".join(frame.tobytes() for frame in frames)).hexdigest()
    assert digest.frame_sha256 == tuple(hashlib.sha256(frame.tobytes()).hexdigest() for frame in frames)
    assert pool_digest(frames[::-1]).pool_sha256 != digest.pool_sha256


def test_one_changed_bit_changes_the_digest():
    """No pixel is left out of the digest."""
    frame = np.zeros((3, 3, 3), np.uint8)
    before = pool_digest([frame])
    frame[2, 2, 2] ^= 1
    assert pool_digest([frame]) != before
