"""The camera's side of the queue: releases frames, knows whether there is room, never waits unless told to."""

import os
import select
import time
from collections import deque
from typing import Final

from hilrig.core.frame import Outcome, OutcomeReason
from hilrig.core.profile import OnFull, QueueSpec
from hilrig.run.child import Setup
from hilrig.run.frame_record import RECORD_BYTES, RELEASE
from hilrig.run.shared_block import SharedBlock, Word

STOP: Final = Word.STOP.index
DRAINED: Final = Word.FRAMES_DRAINED.index
RELEASED: Final = Word.FRAMES_RELEASED.index
TAKEN: Final = Word.FRAMES_TAKEN.index
WAKE_AT: Final = Word.WAKE_FEEDER_AT.index

POLL_S: Final = 0.002
WAIT_MS: Final = 2  # the worker may just have missed that we wait: look again soon
SPIN_NS: Final = 20_000  # a worker that is at it takes the next frame within this


class CameraQueue:
    """Where the feeder puts frames. Only the feeder's process uses it."""

    def __init__(self, spec: QueueSpec, block: SharedBlock, setup: Setup) -> None:
        self._block = block
        self._words = block.words
        self._record_bytes = block.record_bytes
        self._n_records = block.layout.n_records
        self._depth = spec.depth
        self._drops_newest = spec.on_full is OnFull.DROP_NEWEST
        self._frames_fd, self._space_fd = setup.frames_fd, setup.space_fd
        self._released = 0
        self._dropped: deque[int] = deque()  # dropped on arrival and not yet passed by the worker
        self._space = select.poll()
        self._space.register(setup.space_fd, select.POLLIN)

    @property
    def is_stopped(self) -> bool:
        """Return whether no more frames are wanted."""
        return bool(self._words[STOP])

    def can_record(self) -> bool:
        """Return whether the ring of records has a free place."""
        return self._released - self._words[DRAINED] < self._n_records

    def wait_for_room(self, wanted: int) -> int:
        """Return how many frames queue and ring of records take, at least one; 0 when the run is to stop.

        Args:
            wanted: how many places of the queue are worth waiting a moment for.
        """
        while not self._words[STOP]:
            self._wait_for_places(wanted)
            places = self._places()
            room = min(places, self._n_records - self._released + self._words[DRAINED])
            if room > 0:
                return room
            if places > 0:
                time.sleep(POLL_S)  # the ring of records is full: the supervisor empties it, without a signal
        return 0

    def release(self, frame_id: int, camera_id: int, flags: int, intended_ns: int, now_ns: int) -> None:
        """Offer one frame: one store, one count, one eventfd write."""
        if self._drops_newest and self._places() <= 0:
            self._dropped.append(self._released)
            outcome, reason = Outcome.DROPPED, OutcomeReason.QUEUE_FULL
        else:
            outcome, reason = Outcome.PENDING, OutcomeReason.NONE
        offset = self._released % self._n_records * RECORD_BYTES
        RELEASE.pack_into(
            self._record_bytes, offset, frame_id, outcome, reason, camera_id, flags, intended_ns, now_ns
        )
        self._released += 1
        self._words[RELEASED] = self._released
        os.eventfd_write(self._frames_fd, 1)

    def release_batch(self, first_id: int, count: int) -> None:
        """Offer frames as fast as they go, each due at the moment of its release; one eventfd write for all."""
        pack_into, now, record_bytes = RELEASE.pack_into, time.monotonic_ns, self._record_bytes
        n_records = self._n_records
        for frame_id in range(first_id, first_id + count):
            now_ns = now()
            pack_into(record_bytes, frame_id % n_records * RECORD_BYTES, frame_id, 0, 0, 0, 0, now_ns, now_ns)
        self._released += count
        self._words[RELEASED] = self._released
        os.eventfd_write(self._frames_fd, count)

    def _places(self) -> int:
        """Return how many frames the queue takes."""
        taken = self._words[TAKEN]
        while self._dropped and self._dropped[0] < taken:
            self._dropped.popleft()
        return self._depth - (self._released - taken - len(self._dropped))

    def _wait_for_places(self, wanted: int) -> None:
        """Return when the queue has so many places, or after a moment: first awake, then asleep."""
        missing = wanted - self._places()
        if missing <= 0:
            return
        words, wake_at = self._words, self._words[TAKEN] + missing
        until_ns = time.monotonic_ns() + SPIN_NS
        while words[TAKEN] < wake_at:
            if time.monotonic_ns() > until_ns:
                words[WAKE_AT] = wake_at
                if words[TAKEN] < wake_at and self._space.poll(WAIT_MS):
                    os.eventfd_read(self._space_fd)
                words[WAKE_AT] = 0
                return
