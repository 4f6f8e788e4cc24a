"""The memory that the processes of a run share: control words, frame records, frame slots, readings.

It is an anonymous file (memfd): nothing is left behind on the machine whatever way the processes end.

Every ring has one writer and one reader. A writer stores the data first, then the count in a control word. x86
keeps that order; on ARM the reader is safe because it takes a frame's count from the eventfd (a system call on
both sides), and drains records only up to the count that it saw one poll earlier.
"""

import mmap
import os
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np

from hilrig.core.frame import FRAME_DTYPE, FeedInfo, FrameTable, Pixels
from hilrig.core.telemetry import READING_DTYPE, ReadingTable
from hilrig.run.slots import SlotMap

WORD_BYTES: Final = 64  # one cache line each, so that no two processes write to the same line


class Word(IntEnum):
    """Control words, 64-bit integers; each has one writer, named first."""

    PHASE = 0  # supervisor
    T0_NS = 1  # supervisor: when frame 0 is due, CLOCK_MONOTONIC
    STOP = 2  # supervisor: offer no more frames
    FRAMES_DRAINED = 3  # supervisor
    FRAMES_RELEASED = 4  # feeder
    FRAMES_LOST = 5  # feeder: no room for the record, the frame was not offered
    FEEDER_DONE = 6  # feeder
    FRAMES_TAKEN = 7  # worker: taken from the queue
    FRAMES_DONE = 8  # worker: record complete
    READINGS_WRITTEN = 9  # sampler
    READINGS_LOST = 10  # sampler
    READINGS_DRAINED = 11  # supervisor
    STALLS_WRITTEN = 12  # sentinel
    STALLS_LOST = 13  # sentinel
    STALLS_DRAINED = 14  # supervisor
    PAUSES_WRITTEN = 15  # worker: its garbage collections
    PAUSES_LOST = 16  # worker
    PAUSES_DRAINED = 17  # supervisor
    WAKE_FEEDER_AT = 18  # feeder: it wants to be told when so many frames are taken; 0: it does not wait
    TARGET_PID = 19  # supervisor: the process to watch; 0 until the target is loaded

    @property
    def index(self) -> int:
        """Return where the word stands in `SharedBlock.words`."""
        return int(self) * (WORD_BYTES // 8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How the block is divided. `n_slots` frames of `height_px` x `width_px` x 3 are held for the whole run.

    65,536 records of 64 bytes are 36 minutes at 30 fps: a supervisor that stalls loses nothing.
    """

    n_slots: int
    height_px: int
    width_px: int
    n_records: int = 1 << 16
    n_readings: int = 1 << 16
    n_stalls: int = 1 << 12
    n_pauses: int = 1 << 12

    @classmethod
    def for_feed(cls, info: FeedInfo, slots: SlotMap) -> "Layout":
        """Return the layout for a feed's frames."""
        return cls(n_slots=slots.n_slots, height_px=info.height_px, width_px=info.width_px)

    @property
    def slot_bytes(self) -> int:
        """Return the size of one frame slot, rounded up to a page."""
        n_bytes = self.height_px * self.width_px * 3
        return -(-n_bytes // mmap.PAGESIZE) * mmap.PAGESIZE

    @property
    def total_bytes(self) -> int:
        """Return the size of the whole block."""
        return self.slots_offset + self.n_slots * self.slot_bytes

    @property
    def records_offset(self) -> int:
        """Return where the frame records start, in bytes."""
        return mmap.PAGESIZE

    @property
    def readings_offset(self) -> int:
        """Return where the readings start, in bytes."""
        return self.records_offset + self.n_records * FRAME_DTYPE.itemsize

    @property
    def stalls_offset(self) -> int:
        """Return where the stalls start, in bytes."""
        return self.readings_offset + self.n_readings * READING_DTYPE.itemsize

    @property
    def pauses_offset(self) -> int:
        """Return where the worker's pauses start, in bytes."""
        return self.stalls_offset + self.n_stalls * READING_DTYPE.itemsize

    @property
    def slots_offset(self) -> int:
        """Return where the frame slots start, in bytes."""
        end = self.pauses_offset + self.n_pauses * READING_DTYPE.itemsize
        return -(-end // mmap.PAGESIZE) * mmap.PAGESIZE


class SharedBlock:
    """One process's view of the block."""

    def __init__(self, fd: int, layout: Layout) -> None:
        self.fd = fd
        self.layout = layout
        self._map = mmap.mmap(fd, layout.total_bytes)
        self._n_drained = 0
        self.words = memoryview(self._map)[: mmap.PAGESIZE].cast("q")
        self.records: FrameTable = np.frombuffer(self._map, FRAME_DTYPE, layout.n_records, layout.records_offset)
        self.record_bytes = memoryview(self._map)[layout.records_offset : layout.readings_offset]
        self.readings = self._ring(layout.readings_offset, layout.n_readings, Word.READINGS_WRITTEN)
        self.stalls = self._ring(layout.stalls_offset, layout.n_stalls, Word.STALLS_WRITTEN)
        self.pauses = self._ring(layout.pauses_offset, layout.n_pauses, Word.PAUSES_WRITTEN)

    def _ring(self, offset: int, n: int, first_word: Word) -> "ReadingRing":
        """Return a ring whose three control words (written, lost, drained) follow each other."""
        table = np.frombuffer(self._map, READING_DTYPE, n, offset)
        return ReadingRing(self, table, (first_word, Word(first_word + 1), Word(first_word + 2)))

    @classmethod
    def create(cls, layout: Layout) -> "SharedBlock":
        """Return a new block, all zero."""
        fd = os.memfd_create("hilrig-run")
        os.ftruncate(fd, layout.total_bytes)
        return cls(fd, layout)

    def __getitem__(self, word: Word) -> int:
        return self.words[word.index]

    def __setitem__(self, word: Word, value: int) -> None:
        self.words[word.index] = value

    def prefault(self) -> None:
        """Touch every page: a page's first touch belongs to loading, not to a frame."""
        np.frombuffer(self._map, np.uint8)[:: mmap.PAGESIZE].max()

    def slot(self, index: int) -> Pixels:
        """Return frame slot `index` as height x width x 3, uint8: a view, no copy."""
        layout = self.layout
        shape = (layout.height_px, layout.width_px, 3)
        offset = layout.slots_offset + index * layout.slot_bytes
        return np.frombuffer(self._map, np.uint8, shape[0] * shape[1] * 3, offset).reshape(shape)

    def drain_records(self, up_to: int) -> FrameTable:
        """Return a copy of the finished records that were not drained yet, and zero their places.

        The places are given back by the next call, a poll later: by then the zeros are seen by every core.
        """
        self[Word.FRAMES_DRAINED] = self._n_drained
        table = _take(self.records, self._n_drained, up_to)
        _wipe(self.records, self._n_drained, up_to)
        self._n_drained = up_to
        return table


class ReadingRing:
    """A ring of readings with one writer and one reader; a full ring loses the new reading and counts it."""

    def __init__(self, block: SharedBlock, table: ReadingTable, words: tuple[Word, Word, Word]) -> None:
        self._block = block
        self._table = table
        self._written, self._lost, self._drained = words

    def append(self, rows: ReadingTable) -> None:
        """Add rows; those that do not fit are lost, counted in the control word."""
        written = self._block[self._written]
        room = len(self._table) - (written - self._block[self._drained])
        kept = min(len(rows), room)
        indices = (written + np.arange(kept)) % len(self._table)
        self._table[indices] = rows[:kept]
        self._block[self._lost] += len(rows) - kept
        self._block[self._written] = written + kept

    def drain(self) -> ReadingTable:
        """Return a copy of the rows that were not drained yet; frees their places."""
        written = self._block[self._written]
        table = _take(self._table, self._block[self._drained], written)
        self._block[self._drained] = written
        return table


def _take(ring: FrameTable, start: int, stop: int) -> FrameTable:
    """Return a copy of entries `start` to `stop` of a ring, counted since the beginning."""
    first, n = start % len(ring), stop - start
    head = ring[first : first + n]
    return np.concatenate([head, ring[: n - len(head)]])


def _wipe(ring: FrameTable, start: int, stop: int) -> None:
    """Zero entries `start` to `stop` of a ring: its writers store only what they know."""
    first, n = start % len(ring), stop - start
    n_head = min(n, len(ring) - first)
    ring[first : first + n_head] = 0
    ring[: n - n_head] = 0
