"""The camera: fills the frame slots, then releases frame i at t0 + i * period, whatever the target does."""

import gc
import os
import select
import struct
import time
from collections import deque
from pathlib import Path
from typing import Final

from hilrig.core.frame import FRAME_DTYPE, Outcome, OutcomeReason
from hilrig.core.profile import OnFull
from hilrig.core.run import Pacing, Phase, RunPlan
from hilrig.feed.opening import open_feed
from hilrig.feed.pool import fill_pool, pool_digest
from hilrig.run.child import Setup, run_child
from hilrig.run.pacing import make_timers_exact, try_real_time, wait_until
from hilrig.run.shared_block import SharedBlock, Word

RELEASE: Final = struct.Struct("<IBBHqqqqqqIf")  # a whole record, so that nothing of an older one is left in it
NOT_YET: Final = (0, 0, 0, 0, 0, 0.0)  # stages and result
POLL_S: Final = 0.002
WAIT_MS: Final = 50


def main() -> None:
    """Run as a process of a run."""
    run_child(_feed)


def _feed(setup: Setup) -> None:
    plan, block = setup.plan(), setup.block()
    frames = _fill_slots(plan, Path(setup.profile_folder), block)
    make_timers_exact()
    is_real_time = try_real_time()
    gc.collect()
    gc.freeze()
    gc.disable()  # nothing below makes cycles
    setup.report("ready", frames=frames, real_time=is_real_time)
    while block[Word.PHASE] == Phase.LOADING:
        time.sleep(POLL_S)
    _release_all(_Queue(plan, block, setup))
    block[Word.FEEDER_DONE] = 1
    os.eventfd_write(setup.frames_fd, 1)  # wakes a waiting worker so that it sees the end


def _fill_slots(plan: RunPlan, folder: Path, block: SharedBlock) -> list[dict[str, object]]:
    """Fill every slot from the plan's feed; return each frame's `sha256` and true `labels`."""
    feed = open_feed(plan.feed, folder)
    slots = [block.slot(index) for index in range(block.layout.n_slots)]
    try:
        truths = fill_pool(feed, slots)
    finally:
        feed.close()
    digests = pool_digest(slots).frame_sha256
    return [{"sha256": digest, "labels": truth.labels} for digest, truth in zip(digests, truths, strict=True)]


class _Queue:
    """The feeder's side of the queue."""

    def __init__(self, plan: RunPlan, block: SharedBlock, setup: Setup) -> None:
        self.plan = plan
        self.block = block
        self._setup = setup
        self._released = 0
        self._dropped: deque[int] = deque()  # dropped on arrival and not yet passed by the worker
        self._space = select.poll()
        self._space.register(setup.space_fd, select.POLLIN)

    def can_record(self) -> bool:
        """Return whether the ring of records has a free place."""
        return self._released - self.block[Word.FRAMES_DRAINED] < self.block.layout.n_records

    def wait_for_room(self) -> None:
        """Return when the queue and the ring of records take another frame, or the run is to stop."""
        while not self.block[Word.STOP] and not self._has_room():
            if self._space.poll(WAIT_MS):
                os.eventfd_read(self._setup.space_fd)
        while not self.block[Word.STOP] and not self.can_record():
            time.sleep(POLL_S)

    def release(self, frame_id: int, intended_ns: int, now_ns: int) -> None:
        """Offer one frame: one store, one count, one eventfd write."""
        outcome, reason = Outcome.PENDING, OutcomeReason.NONE
        if self.plan.queue.on_full is OnFull.DROP_NEWEST and not self._has_room():
            outcome, reason = Outcome.DROPPED, OutcomeReason.QUEUE_FULL
            self._dropped.append(self._released)
        offset = (self._released % self.block.layout.n_records) * FRAME_DTYPE.itemsize
        RELEASE.pack_into(
            self.block.record_bytes, offset, frame_id, outcome, reason, 0, intended_ns, now_ns, *NOT_YET
        )
        self._released += 1
        self.block[Word.FRAMES_RELEASED] = self._released
        os.eventfd_write(self._setup.frames_fd, 1)

    def _has_room(self) -> bool:
        taken = self.block[Word.FRAMES_TAKEN]
        while self._dropped and self._dropped[0] < taken:
            self._dropped.popleft()
        return self._released - taken - len(self._dropped) < self.plan.queue.depth


def _release_all(queue: _Queue) -> None:
    if queue.plan.pacing is Pacing.UNPACED:
        _release_unpaced(queue)
    else:
        _release_paced(queue)


def _release_paced(queue: _Queue) -> None:
    plan, block = queue.plan, queue.block
    t0_ns = block[Word.T0_NS]
    blocks_when_full = plan.queue.on_full is OnFull.BLOCK
    for frame_id in range(plan.n_frames):
        intended_ns = t0_ns + plan.offset_ns(frame_id)
        now_ns = wait_until(intended_ns)
        if blocks_when_full:
            queue.wait_for_room()
            now_ns = time.monotonic_ns()
        if block[Word.STOP]:
            return
        if not queue.can_record():
            block[Word.FRAMES_LOST] += 1
            continue
        queue.release(frame_id, intended_ns, now_ns)


def _release_unpaced(queue: _Queue) -> None:
    for frame_id in range(queue.plan.n_frames):
        queue.wait_for_room()
        if queue.block[Word.STOP]:
            return
        now_ns = time.monotonic_ns()
        queue.release(frame_id, now_ns, now_ns)


if __name__ == "__main__":
    main()
