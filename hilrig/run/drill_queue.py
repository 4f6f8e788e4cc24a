"""The target's side of the queue in a run with a drill, also for a worker that stands in for a lost one."""

import os
import signal
import struct
import time
from typing import Final

from hilrig.core.drill import fault_spans, first_drill_frame
from hilrig.core.fault import FaultKind
from hilrig.core.frame import Outcome, OutcomeReason
from hilrig.core.ports import Processed, Target
from hilrig.core.run import Phase, RunPlan
from hilrig.run.child import Setup
from hilrig.run.drill_frames import DrillFrames
from hilrig.run.drill_reload import DrillReload
from hilrig.run.frame_record import COMPLETION, COMPLETION_AT, HEAD, OUTCOME_AT, REASON_AT, RECORD_BYTES
from hilrig.run.shared_block import SharedBlock, Word
from hilrig.run.target_queue import DONE, FEEDER_DONE, RELEASED, TAKEN, WAIT_MS, WAKE_AT, TargetQueue
from hilrig.target.outcome import failed

RELEASE_STAMP: Final = struct.Struct("<q")
RELEASE_STAMP_AT: Final = 16


def serve_with_drill(target: Target, plan: RunPlan, block: SharedBlock, setup: Setup) -> None:
    """Decide the frames of a run whose plan has a drill, until the feeder is done."""
    queue = DrillQueue(plan, block, setup)
    if block[Word.PHASE] < Phase.DRILL:  # else this process stands in for one that was lost in the drill
        queue.serve(target)
    queue.serve_drill(target, DrillReload(plan, setup.profile_folder, report=setup.report))


class DrillQueue(TargetQueue):
    """The measured part is served by the loop of every run, the drill by one of its own that can do more."""

    def __init__(self, plan: RunPlan, block: SharedBlock, setup: Setup) -> None:
        super().__init__(plan, block, setup)
        self._n_before = first_drill_frame(plan)
        self._frames = DrillFrames(plan)
        spans = fault_spans(plan)
        self._crashes = {span.first_id for span in spans if span.spec.kind is FaultKind.MODEL_CRASHES}

    def serve_drill(self, target: Target, reload: DrillReload) -> None:
        """Decide the frames of the drill, from the first one that no worker has finished.

        A frame that a lost worker had in its hands has failed.
        """
        index = self._words[DONE]
        while self._is_released(index):
            if index < self._words[TAKEN]:
                self._close_lost(index)
            else:
                self._serve(index, target, reload)
            index += 1
            self._words[DONE] = index

    def _wait_for(self, index: int) -> bool:
        """Return False at the end of the measured part too."""
        if index >= self._n_before:
            return False
        is_released = super()._wait_for(index)
        self._released = min(self._released, self._n_before)
        return is_released

    def _is_released(self, index: int) -> bool:
        """Return True when frame `index` is released, False when there will be none.

        A successor does not know what its predecessor took off the eventfd: it goes by the count in the control
        words. That may be ahead of the record on ARM, so the record's own stamp is waited for.
        """
        while index >= self._words[RELEASED]:
            if self._words[FEEDER_DONE]:
                return index < self._words[RELEASED]
            if self._poll.poll(WAIT_MS):
                os.eventfd_read(self._frames_fd)
        stamp_at = index % self._n_records * RECORD_BYTES + RELEASE_STAMP_AT
        while not RELEASE_STAMP.unpack_from(self._record_bytes, stamp_at)[0]:
            time.sleep(0)
        return True

    def _serve(self, index: int, target: Target, reload: DrillReload) -> None:
        self._words[TAKEN] = index + 1
        if self._words[WAKE_AT]:
            self._wake_feeder(index + 1)
        offset = index % self._n_records * RECORD_BYTES
        if self._words[RELEASED] - index > self._keeps:
            self._drop(offset)
            return
        dequeue_ns = time.monotonic_ns()
        frame_id, outcome, flags = HEAD.unpack_from(self._record_bytes, offset)
        if outcome:  # the feeder dropped it: the queue was full
            return
        if frame_id in self._crashes:
            os.kill(os.getpid(), signal.SIGSEGV)
        serving = reload.serving(frame_id, instead_of=target)
        pixels = self._frames.as_sent(frame_id, self._slots[self._frames.slot(frame_id, flags)])
        self._complete(offset, dequeue_ns, serving.process(pixels))

    def _close_lost(self, index: int) -> None:
        offset = index % self._n_records * RECORD_BYTES
        _, outcome, _ = HEAD.unpack_from(self._record_bytes, offset)
        if outcome == Outcome.PENDING:
            self._complete(offset, 0, failed(OutcomeReason.TARGET_LOST))

    def _complete(self, offset: int, dequeue_ns: int, processed: Processed) -> None:
        pre_ns, inferred_ns, decided_ns, outcome, reason, defects, score = processed
        COMPLETION.pack_into(
            self._record_bytes,
            offset + COMPLETION_AT,
            *(dequeue_ns, pre_ns, inferred_ns, decided_ns, defects, score),
        )
        self._record_bytes[offset + REASON_AT] = reason
        self._record_bytes[offset + OUTCOME_AT] = outcome
