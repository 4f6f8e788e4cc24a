"""The target's side of the queue: takes frames in the order of their release, completes their records."""

import os
import select
import time
from typing import Final

from hilrig.core.frame import FLAG_FRESH, Outcome, OutcomeReason
from hilrig.core.ports import Target
from hilrig.core.profile import OnFull
from hilrig.core.run import RunPlan
from hilrig.run.child import Setup
from hilrig.run.frame_record import COMPLETION, COMPLETION_AT, HEAD, OUTCOME_AT, REASON_AT, RECORD_BYTES
from hilrig.run.shared_block import SharedBlock, Word
from hilrig.run.slots import SlotMap

RELEASED: Final = Word.FRAMES_RELEASED.index
FEEDER_DONE: Final = Word.FEEDER_DONE.index
TAKEN: Final = Word.FRAMES_TAKEN.index
DONE: Final = Word.FRAMES_DONE.index
WAKE_AT: Final = Word.WAKE_FEEDER_AT.index

WAIT_MS: Final = 500
UNLIMITED: Final = 1 << 62


class TargetQueue:
    """Where the worker takes frames from. Only the worker's process uses it.

    Drop-oldest is decided here, when a frame is taken: at that moment a camera's ring of `depth` buffers holds
    the last `depth` released frames, so the older ones that wait are those that it would have overwritten.
    """

    def __init__(self, plan: RunPlan, block: SharedBlock, setup: Setup) -> None:
        self._words = block.words
        self._record_bytes = block.record_bytes
        self._n_records = block.layout.n_records
        self._frames_fd, self._space_fd = setup.frames_fd, setup.space_fd
        self._keeps = plan.queue.depth if plan.queue.on_full is OnFull.DROP_OLDEST else UNLIMITED
        self._map = SlotMap.for_feed(plan.feed)
        self._slots = [block.slot(index) for index in range(block.layout.n_slots)]
        self._released = 0
        self._poll = select.poll()
        self._poll.register(setup.frames_fd, select.POLLIN)

    def serve(self, target: Target) -> None:
        """Decide frames in the order of their release until the feeder is done.

        This loop is the instrument's own cost on every frame: everything that a frame needs stands in it, in local
        names. A call more is a tenth of that cost.
        """
        words, record_bytes, n_records, keeps = self._words, self._record_bytes, self._n_records, self._keeps
        slots, n_pool, fresh_slot = self._slots, self._map.pool_frames, self._map.fresh_slot
        now, head, complete, process = time.monotonic_ns, HEAD.unpack_from, COMPLETION.pack_into, target.process
        next_index = 0
        while self._wait_for(next_index):
            for index in range(next_index, self._released):
                words[TAKEN] = index + 1
                if words[WAKE_AT]:
                    self._wake_feeder(index + 1)
                offset = index % n_records * RECORD_BYTES
                if words[RELEASED] - index > keeps:
                    self._drop(offset)
                    words[DONE] = index + 1
                    continue
                dequeue_ns = now()
                frame_id, outcome, flags = head(record_bytes, offset)
                if not outcome:  # else the feeder dropped it: the queue was full
                    slot = fresh_slot(frame_id) if flags & FLAG_FRESH else frame_id % n_pool
                    pre_ns, inferred_ns, decided_ns, outcome, reason, defects, score = process(slots[slot])
                    complete(
                        record_bytes,
                        offset + COMPLETION_AT,
                        dequeue_ns,
                        pre_ns,
                        inferred_ns,
                        decided_ns,
                        defects,
                        score,
                    )
                    record_bytes[offset + REASON_AT] = reason
                    record_bytes[offset + OUTCOME_AT] = outcome
                words[DONE] = index + 1
            next_index = self._released

    def _wait_for(self, index: int) -> bool:
        """Return True when frame `index` is released, False when there will be none.

        What the eventfd counts may be read: the system call orders memory. The count in the control words may be
        ahead of the records on ARM, so it only serves to see which frames are too old.
        """
        while index >= self._released:
            if self._words[FEEDER_DONE]:
                self._released = self._words[RELEASED]  # the last count was only a wake-up call
                return index < self._released
            if self._poll.poll(WAIT_MS):
                self._released += os.eventfd_read(self._frames_fd)
        if self._words[FEEDER_DONE]:
            self._released = self._words[RELEASED]
        return index < self._released

    def _wake_feeder(self, n_taken: int) -> None:
        if n_taken >= self._words[WAKE_AT]:
            self._words[WAKE_AT] = 0
            os.eventfd_write(self._space_fd, 1)

    def _drop(self, offset: int) -> None:
        self._record_bytes[offset + REASON_AT] = OutcomeReason.QUEUE_FULL
        self._record_bytes[offset + OUTCOME_AT] = Outcome.DROPPED
