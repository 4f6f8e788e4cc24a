"""hilrig.run.shared_block: rings that lose nothing silently."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hilrig.core.frame import FeedInfo
from hilrig.core.telemetry import READING_DTYPE
from hilrig.run.shared_block import Layout, SharedBlock, Word
from hilrig.run.slots import SlotMap

LAYOUT = Layout(n_slots=3, height_px=5, width_px=7, n_records=8, n_readings=8, n_stalls=4)


def readings(start, count):
    rows = np.zeros(count, READING_DTYPE)
    rows["t_ns"] = np.arange(start, start + count)
    return rows


def test_two_views_of_one_block_share_words_and_frames():
    """What one process stores, another one with the same descriptor reads."""
    first = SharedBlock.create(LAYOUT)
    second = SharedBlock(first.fd, LAYOUT)
    first[Word.T0_NS] = 1 << 62
    first.slot(2)[...] = 9
    assert second[Word.T0_NS] == 1 << 62
    assert second.slot(2).min() == 9
    assert second.slot(1).max() == 0


def test_frame_slots_start_on_page_borders():
    """Slots of odd sizes do not share a page, so that prefaulting one is prefaulting it all."""
    layout = Layout.for_feed(FeedInfo(n_frames=9, height_px=5, width_px=7), SlotMap(pool_frames=2, fresh_every=0))
    assert layout.slot_bytes == 4096
    assert layout.slots_offset % 4096 == 0


def test_a_full_ring_loses_the_new_rows_and_counts_them():
    """Old readings are never overwritten before they were drained."""
    block = SharedBlock.create(LAYOUT)
    block.readings.append(readings(0, 6))
    block.readings.append(readings(6, 6))
    assert block.readings.drain()["t_ns"].tolist() == list(range(8))
    assert block[Word.READINGS_LOST] == 4


@given(st.lists(st.tuples(st.integers(0, 8), st.booleans()), max_size=40))
def test_a_ring_gives_back_what_went_in_in_order(steps):
    """Whatever the mix of appends and drains: kept rows are exactly the rows that were not counted as lost."""
    block = SharedBlock.create(LAYOUT)
    written, drained, lost = 0, [], 0
    for count, drain in steps:
        before = block[Word.READINGS_LOST]
        block.readings.append(readings(written, count))
        kept = count - (block[Word.READINGS_LOST] - before)
        written += kept
        lost += count - kept
        if drain:
            drained += block.readings.drain()["t_ns"].tolist()
    drained += block.readings.drain()["t_ns"].tolist()
    assert drained == list(range(written))
    assert block[Word.READINGS_LOST] == lost


def test_drained_records_are_copies():
    """A drained record does not change when its place in the ring is used again."""
    block = SharedBlock.create(LAYOUT)
    block.records["frame_id"] = np.arange(8)
    taken = block.drain_records(3)
    block.records["frame_id"] = 99
    assert taken["frame_id"].tolist() == [0, 1, 2]


def test_places_are_zeroed_and_given_back_a_poll_later():
    """The writer gets a place only when its zeros had a whole poll to reach every core."""
    block = SharedBlock.create(LAYOUT)
    block.records["frame_id"] = np.arange(1, 9)
    block.drain_records(3)
    assert block.records["frame_id"].tolist() == [0, 0, 0, 4, 5, 6, 7, 8]
    assert block[Word.FRAMES_DRAINED] == 0
    block.drain_records(6)
    assert block[Word.FRAMES_DRAINED] == 3


def test_draining_goes_round_the_ring():
    """Records on both sides of the ring's end come in order, and both ends are zeroed."""
    block = SharedBlock.create(LAYOUT)
    block.drain_records(6)
    block.records["frame_id"] = [8, 9, 2, 3, 4, 5, 6, 7]
    assert block.drain_records(10)["frame_id"].tolist() == [6, 7, 8, 9]
    assert block.records["frame_id"].tolist() == [0, 0, 2, 3, 4, 5, 0, 0]
