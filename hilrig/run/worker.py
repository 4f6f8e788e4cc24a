"""The process of the target: takes frames from the queue, has each decided, completes its record."""

import gc
import mmap
import os
import select
import struct
import time
from pathlib import Path
from typing import Final

from hilrig.core.errors import PreconditionError
from hilrig.core.frame import FRAME_DTYPE, Outcome, OutcomeReason
from hilrig.core.ports import Processed, Target
from hilrig.core.profile import OnFull
from hilrig.core.run import Phase, RunPlan
from hilrig.run.child import Setup, run_child
from hilrig.run.shared_block import SharedBlock, Word
from hilrig.target.opening import open_target

OUTCOME: Final = struct.Struct("<BB")  # outcome, reason; at byte 4 of a record
COMPLETION: Final = struct.Struct("<qqqqIf")  # t_dequeue to t_decided, defects, score; at byte 24 of a record
WAIT_MS: Final = 500
LINGER_POLL_S: Final = 0.02


def main() -> None:
    """Run as a process of a run."""
    run_child(_work)


def _work(setup: Setup) -> None:
    plan, block = setup.plan(), setup.block()
    target = open_target(plan.pipeline, plan.model, Path(setup.profile_folder))
    facts = target.prepare()
    _refuse_changed_model(plan, dict(facts.get("files_sha256", {})))
    gc.collect()
    gc.freeze()  # what is loaded stays: collections during the run have nothing old to walk
    queue = _Queue(plan, block, setup)
    setup.report("ready", pid=os.getpid(), target=facts)
    queue.serve(target)
    setup.report("done")
    while block[Word.PHASE] < Phase.DONE:  # the sampler still takes its last reading of this process
        time.sleep(LINGER_POLL_S)
    target.close()


def _refuse_changed_model(plan: RunPlan, loaded: dict[str, str]) -> None:
    changed = [name for name, digest in loaded.items() if plan.model_files_sha256.get(name) != digest]
    if changed:
        raise PreconditionError(
            f"{', '.join(changed)} changed between the check and the load", hint="start the run again"
        )


class _Queue:
    """The worker's side of the queue.

    Drop-oldest is decided here, when a frame is taken: at that moment a camera's ring of `depth` buffers holds
    the last `depth` released frames, so the older ones that wait are those that it would have overwritten.
    """

    def __init__(self, plan: RunPlan, block: SharedBlock, setup: Setup) -> None:
        self._block = block
        self._setup = setup
        self._keeps = plan.queue.depth if plan.queue.on_full is OnFull.DROP_OLDEST else None
        self._signals_space = plan.queue.on_full is OnFull.BLOCK
        self._slots = [block.slot(index) for index in range(block.layout.n_slots)]
        for slot in self._slots:
            slot.reshape(-1)[:: mmap.PAGESIZE].max()  # a page's first touch belongs to loading, not to a frame
        self._released = 0
        self._poll = select.poll()
        self._poll.register(setup.frames_fd, select.POLLIN)

    def serve(self, target: Target) -> None:
        """Decide frames in the order of their release until the feeder is done."""
        next_index = 0
        while self._wait_for(next_index):
            if self._keeps is not None and self._released - next_index > self._keeps:
                self._drop(next_index)
            else:
                self._decide(next_index, target)
            next_index += 1
            self._block[Word.FRAMES_DONE] = next_index

    def _wait_for(self, index: int) -> bool:
        """Return True when frame `index` is released, False when there will be none."""
        while True:
            waiting = index < self._released
            if self._poll.poll(0 if waiting else WAIT_MS):
                self._released += os.eventfd_read(self._setup.frames_fd)
            if self._block[Word.FEEDER_DONE]:
                self._released = self._block[Word.FRAMES_RELEASED]  # the last count was only a wake-up call
                return index < self._released
            if index < self._released:
                return True

    def _drop(self, index: int) -> None:
        self._take(index)
        OUTCOME.pack_into(
            self._block.record_bytes, self._offset(index) + 4, Outcome.DROPPED, OutcomeReason.QUEUE_FULL
        )

    def _decide(self, index: int, target: Target) -> None:
        self._take(index)
        dequeue_ns = time.monotonic_ns()
        record = self._block.records[index % self._block.layout.n_records]
        if record["outcome"] != Outcome.PENDING:  # the feeder dropped it: the queue was full
            return
        done = target.process(self._slots[int(record["frame_id"]) % len(self._slots)])
        self._complete(index, dequeue_ns, done)

    def _take(self, index: int) -> None:
        self._block[Word.FRAMES_TAKEN] = index + 1
        if self._signals_space:
            os.eventfd_write(self._setup.space_fd, 1)

    def _complete(self, index: int, dequeue_ns: int, done: Processed) -> None:
        offset = self._offset(index)
        COMPLETION.pack_into(
            self._block.record_bytes,
            offset + 24,
            dequeue_ns,
            done.t_preprocessed_ns,
            done.t_inferred_ns,
            done.t_decided_ns,
            done.defects,
            done.score,
        )
        OUTCOME.pack_into(self._block.record_bytes, offset + 4, done.outcome, done.reason)

    def _offset(self, index: int) -> int:
        return (index % self._block.layout.n_records) * FRAME_DTYPE.itemsize


if __name__ == "__main__":
    main()
