"""Frames that were never shown before: pool frames with new noise in their lowest bits.

A pipeline that keeps its answers, or the vendor's runtime under it, is fast on frames that it has seen. The truth
of a frame does not change with the lowest bit of its pixels, its bytes do.
"""

import time
from typing import Final

import numpy as np

from hilrig.core.frame import FLAG_FRESH
from hilrig.run.shared_block import SharedBlock, Word
from hilrig.run.slots import N_FRESH_SLOTS, SlotMap

N_PATTERNS: Final = 1 << 16
"""Noise patterns before one comes again: with ten frames between two fresh ones at 30 fps, six hours."""

SEED: Final = 20_261_121
SLACK: Final = 2  # the frame is made only if the time to its deadline is that many times what one took so far


class FreshFrames:
    """Makes fresh frames in the feeder's idle time; where there is none, the pool frame is shown instead."""

    def __init__(self, block: SharedBlock, slots: SlotMap) -> None:
        self._block = block
        self._map = slots
        frame_bytes = block.layout.height_px * block.layout.width_px * 3
        bits = np.random.Generator(np.random.PCG64(SEED)).integers(0, 2, frame_bytes + N_PATTERNS, np.uint8)
        self._noise = bits
        self._slots = [block.slot(index).reshape(-1) for index in range(block.layout.n_slots)]
        self._busy_until = [0] * N_FRESH_SLOTS  # frames that must be done before the slot is free
        self._n_made = 0
        self._cost_ns = 0

    def rehearse(self) -> None:
        """Make one frame without showing it: what that takes is known before the first deadline."""
        for slot in range(self._map.pool_frames, self._map.n_slots):
            self._make(0, slot)

    def flags_of(self, frame_id: int, index: int, due_ns: int) -> int:
        """Return FLAG_FRESH after making frame `frame_id`, the `index`-th to be released; 0 for a pool frame."""
        if not self._map.wants_fresh(frame_id):
            return 0
        slot = self._map.fresh_slot(frame_id)
        place = slot - self._map.pool_frames
        if self._busy_until[place] > self._block[Word.FRAMES_DONE]:
            return 0
        if due_ns - time.monotonic_ns() < SLACK * self._cost_ns:
            self._cost_ns //= 2  # it may have been held up once: without this no frame would be fresh ever again
            return 0
        self._make(frame_id, slot)
        self._busy_until[place] = index + 1
        return FLAG_FRESH

    def _make(self, frame_id: int, slot: int) -> None:
        begin_ns = time.monotonic_ns()
        pixels, first = self._slots[slot], self._n_made % N_PATTERNS
        source = self._slots[self._map.pool_slot(frame_id)]
        np.bitwise_xor(source, self._noise[first : first + pixels.size], out=pixels)
        self._n_made += 1
        self._cost_ns = max(self._cost_ns // 2, time.monotonic_ns() - begin_ns)
