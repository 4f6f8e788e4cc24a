"""hilrig.run.fresh_frames: frames that were never shown before, made only when there is time."""

import time

import numpy as np
import pytest

import hilrig.run.fresh_frames as subject
from hilrig.core.frame import FLAG_FRESH
from hilrig.run.fresh_frames import FreshFrames
from hilrig.run.shared_block import Layout, SharedBlock, Word
from hilrig.run.slots import N_FRESH_SLOTS, SlotMap

MAP = SlotMap(pool_frames=3, fresh_every=4)
LAYOUT = Layout(n_slots=MAP.n_slots, height_px=16, width_px=16, n_records=8, n_readings=8, n_stalls=8, n_pauses=8)


@pytest.fixture
def block():
    """Return a block whose pool frames are 10, 20 and 30 all over."""
    block = SharedBlock.create(LAYOUT)
    for index in range(3):
        block.slot(index)[...] = 10 * (index + 1)
    return block


def in_time():
    return time.monotonic_ns() + 1_000_000_000


def test_every_nth_frame_is_fresh(block):
    """With `fresh_every` 4, frames 3, 7, 11 are fresh, and the others are pool frames."""
    fresh = FreshFrames(block, MAP)
    flags = []
    for frame_id in range(12):
        flags.append(fresh.flags_of(frame_id, frame_id, in_time()))
        block[Word.FRAMES_DONE] = frame_id + 1
    assert [frame_id for frame_id, flag in enumerate(flags) if flag & FLAG_FRESH] == [3, 7, 11]


def test_a_fresh_frame_differs_from_its_pool_frame_in_the_lowest_bit_only(block):
    """The picture, and so its truth, stays; its bytes do not."""
    fresh = FreshFrames(block, MAP)
    fresh.flags_of(3, 3, in_time())
    made, shown = block.slot(MAP.fresh_slot(3)), block.slot(MAP.pool_slot(3))
    changed = made ^ shown
    assert set(np.unique(changed)) == {0, 1}
    assert 0.3 < changed.mean() < 0.7


def test_no_two_fresh_frames_are_alike(block):
    """Two hundred fresh frames of the same three pool frames are two hundred different frames."""
    fresh = FreshFrames(block, MAP)
    seen = set()
    for frame_id in range(3, 800, 4):
        assert fresh.flags_of(frame_id, frame_id, in_time())
        seen.add(block.slot(MAP.fresh_slot(frame_id)).tobytes())
        block[Word.FRAMES_DONE] = frame_id + 1
    assert len(seen) == 200


def test_a_frame_that_is_still_under_way_is_not_overwritten(block):
    """With all fresh slots in use the pool frame is shown instead: no frame changes while a target reads it."""
    fresh = FreshFrames(block, MAP)
    ids = [4 * n + 3 for n in range(N_FRESH_SLOTS + 1)]
    flags = [fresh.flags_of(frame_id, frame_id, in_time()) for frame_id in ids]
    assert flags == [FLAG_FRESH] * N_FRESH_SLOTS + [0]


def test_the_camera_is_not_made_late(block):
    """A frame that is due at once is shown as it is."""
    fresh = FreshFrames(block, MAP)
    fresh.rehearse()
    assert fresh.flags_of(3, 3, time.monotonic_ns()) == 0


class Ticking:
    """A clock that moves by `step_ns` between two looks at it."""

    def __init__(self, step_ns):
        self.now_ns, self.step_ns = 0, step_ns

    def monotonic_ns(self):
        self.now_ns += self.step_ns
        return self.now_ns


def test_one_frame_that_took_long_to_make_is_not_the_last(block, monkeypatch):
    """The feeder was held up for 100 ms in the rehearsal: three frames of the pool later they are fresh again."""
    clock = Ticking(step_ns=100_000_000)
    monkeypatch.setattr(subject, "time", clock)
    fresh = FreshFrames(block, MAP)
    fresh.rehearse()
    clock.step_ns = 1_000
    flags = [fresh.flags_of(frame_id, frame_id, clock.now_ns + 33_000_000) for frame_id in (3, 7, 11, 15, 19)]
    assert flags == [0, 0, 0, FLAG_FRESH, FLAG_FRESH]


def test_a_feed_without_fresh_frames_has_no_slots_for_them():
    """`fresh_every: 0` takes no memory and makes nothing fresh."""
    slots = SlotMap(pool_frames=3, fresh_every=0)
    assert slots.n_slots == 3
    assert not any(slots.wants_fresh(frame_id) for frame_id in range(50))
