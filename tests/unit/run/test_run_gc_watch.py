"""hilrig.run.gc_watch: collections of the worker that are long enough to matter."""

import gc

import pytest

from hilrig.core.telemetry import TIER_CODES, Tier
from hilrig.run.gc_watch import GcWatch
from hilrig.run.shared_block import Layout, SharedBlock

LAYOUT = Layout(n_slots=1, height_px=4, width_px=4, n_records=8, n_readings=8, n_stalls=8, n_pauses=8)


@pytest.fixture
def block():
    """Return a block with room for eight pauses."""
    return SharedBlock.create(LAYOUT)


def test_a_long_collection_is_written_down_with_start_and_length(block):
    """A collection of 3 ms is one reading; one of 0.4 ms is none."""
    times_ns = iter([10_000_000, 13_000_000, 20_000_000, 20_400_000])
    watch = GcWatch(block.pauses, lambda: next(times_ns))
    for _ in range(2):
        watch("start", {})
        watch("stop", {})
    rows = block.pauses.drain()
    assert rows["t_ns"].tolist() == [10_000_000]
    assert rows["value"].tolist() == [3_000_000]
    assert rows["tier"].tolist() == [TIER_CODES[Tier.FAST]]


def test_real_collections_are_seen(block):
    """A collection over half a million objects takes long enough, and the interpreter tells of it."""
    watch = GcWatch(block.pauses)
    watch.start()
    try:
        kept = [[] for _ in range(500_000)]
        gc.collect()
    finally:
        gc.callbacks.remove(watch)
    assert len(kept) == 500_000
    assert block.pauses.drain()["value"].max() >= 500_000
