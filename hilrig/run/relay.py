"""The worker's stand-in for a pipeline that is a process of its own, in any language.

It takes frames from the run's queue as `hilrig.run.worker` does and hands them over through a `RingBlock`.
Whatever the process does with them is counted for what it is; nothing that it does can stop or spoil the record.
"""

import gc
import os
import select
import struct
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict
from typing import Any, Final

from hilrig.core.frame import Outcome, OutcomeReason
from hilrig.core.ports import Processed
from hilrig.core.profile import OnFull
from hilrig.core.run import Phase, RunPlan
from hilrig.core.units import NS_PER_MS, NS_PER_S
from hilrig.run.child import Setup, run_child
from hilrig.run.drill_frames import DrillFrames
from hilrig.run.frame_record import COMPLETION, COMPLETION_AT, HEAD, OUTCOME_AT, REASON_AT, RECORD_BYTES
from hilrig.run.no_network import leave_network
from hilrig.run.ring_block import Answer, AnswerStatus, RingBlock
from hilrig.run.ring_ledger import Asked, RingLedger
from hilrig.run.ring_process import RingProcess, ring_process
from hilrig.run.shared_block import SharedBlock, Word
from hilrig.run.tuning import Tuned
from hilrig.target.decide import Decider
from hilrig.target.model_files import refuse_changed
from hilrig.target.ring_target import RingOptions, ring_facts

STAMPS: Final = struct.Struct("<qq")  # t_intended_ns, t_release_ns
STAMPS_AT: Final = 8
WAIT_MS: Final = 500
LINGER_POLL_S: Final = 0.02

PATIENCE_NS: Final = 10 * NS_PER_S
"""How long after the last offered frame a silent process is still asked: a run waits 30 s for its last frames."""


def main() -> None:
    """Run as a process of a run, in the worker's role."""
    run_child(_relay)


def _relay(setup: Setup) -> None:
    plan, block = setup.plan, setup.block()
    tuned = Tuned()
    tuned.ask_cpus(plan.tuning.worker_cpus)  # before the process is started: it inherits them
    if not plan.tuning.network:
        leave_network()
    options = RingOptions(**plan.pipeline.target_options)
    facts = ring_facts(options, plan.model, setup.profile_folder)
    refuse_changed(plan.model_files_sha256, facts["files_sha256"])
    ring = RingBlock(frames=block.layout, labels=plan.model.labels, max_in_flight=options.max_in_flight)
    with ring_process(options, setup.profile_folder, block=ring, frames=block) as process:
        process.await_ready(options.ready_timeout_s)
        block.prefault()
        gc.collect()
        gc.freeze()
        gc.disable()  # nothing below makes cycles
        relay = Relay(plan, block, ring, process, frames_fd=setup.frames_fd, space_fd=setup.space_fd)
        setup.report("ready", pid=process.pid, target=facts, setup=tuned.told())
        relay.serve()
        setup.report("done", ring=relay.facts())
        while block[Word.PHASE] < Phase.DONE:  # the sampler still takes its last reading of the process
            time.sleep(LINGER_POLL_S)
    ring.close()


class Relay:
    """The queue's consumer: `max_in_flight` frames are with the process, the others wait.

    Drop-oldest is decided when a frame is taken, as in `hilrig.run.worker`.

    Args:
        plan: the run's plan; its target is `ring`.
        block: the run's shared memory.
        ring: the memory shared with the process.
        process: the process, ready.
        frames_fd: eventfd, one count for each released frame.
        space_fd: eventfd, tells a feeder that waits of a frame taken from the queue.
    """

    def __init__(
        self,
        plan: RunPlan,
        block: SharedBlock,
        ring: RingBlock,
        process: RingProcess,
        *,
        frames_fd: int,
        space_fd: int,
    ) -> None:
        options = RingOptions(**plan.pipeline.target_options)
        self._block = block
        self._ring = ring
        self._process = process
        self._space_fd = space_fd
        self._keeps = plan.queue.depth if plan.queue.on_full is OnFull.DROP_OLDEST else None
        self._frames = DrillFrames(plan)
        self._decide = Decider(plan.model.labels, plan.pipeline.decide.thresholds)
        self._n_labels = len(plan.model.labels)
        self._ledger = RingLedger(plan.n_frames)
        self._max_in_flight = options.max_in_flight
        self._timeout_ns = options.answer_timeout_ms * NS_PER_MS
        self._released = self._next = 0
        self._death = ""
        self._offer_ended_ns: int | None = None
        self._handlers: dict[int, Callable[[], None]] = {
            frames_fd: self._count_released,
            ring.answer_fd: self._take_answers,
            process.exit_fd: self._note_death,
        }
        self._frames_fd = frames_fd
        self._poll_all = _poll_of(self._handlers)
        self._poll_answers = _poll_of([ring.answer_fd, process.exit_fd])

    def serve(self) -> None:
        """Have frames decided until the feeder is done and every frame has its outcome."""
        while not self._is_over():
            looked_ns = time.monotonic_ns()  # before the look: our own stall after it is nobody's lateness
            may_take = self._has_room()  # before it, too: then it sees every frame that is waiting
            self._listen(looked_ns)
            for asked in self._ledger.overdue(looked_ns):
                self._complete(asked.place, asked.dequeue_ns, _failed(OutcomeReason.NO_ANSWER))
            if may_take and self._next < self._released:
                self._take()
            self._block[Word.FRAMES_DONE] = self._n_done()

    def facts(self) -> dict[str, Any]:
        """Return the counts as JSON, with how the process ended before the run did (else empty)."""
        return {**asdict(self._ledger.counts), "broken_counts": self._ring.n_broken_counts, "death": self._death}

    def _is_over(self) -> bool:
        return self._offer_ended_ns is not None and self._next >= self._released and not self._ledger

    def _has_room(self) -> bool:
        return len(self._ledger) < self._max_in_flight

    def _n_done(self) -> int:
        """Return how many records are complete without a gap."""
        oldest = self._ledger.oldest()
        return oldest.place if oldest else self._next

    def _listen(self, now_ns: int) -> None:
        """Wait for a frame (when one can be taken), an answer, the process's end or the next deadline."""
        poll = self._poll_all if self._has_room() else self._poll_answers
        for fd, _ in poll.poll(self._wait_ms(now_ns)):
            self._handlers[fd]()
        if self._block[Word.FEEDER_DONE]:
            self._released = self._block[Word.FRAMES_RELEASED]  # the last count was only a wake-up call
            self._offer_ended_ns = self._offer_ended_ns or now_ns

    def _wait_ms(self, now_ns: int) -> float:
        if self._has_room() and self._next < self._released:
            return 0
        oldest = self._ledger.oldest()
        return min(WAIT_MS, max(0, (oldest.deadline_ns - now_ns) / NS_PER_MS)) if oldest else WAIT_MS

    def _count_released(self) -> None:
        self._released += os.eventfd_read(self._frames_fd)

    def _take(self) -> None:
        """Take the next frame from the queue: drop it, or ask the process."""
        index = self._next
        self._next += 1
        self._block[Word.FRAMES_TAKEN] = self._next
        wake_at = self._block[Word.WAKE_FEEDER_AT]
        if wake_at and self._next >= wake_at:
            self._block[Word.WAKE_FEEDER_AT] = 0
            os.eventfd_write(self._space_fd, 1)
        if self._keeps is not None and self._block[Word.FRAMES_RELEASED] - index > self._keeps:
            self._close(index, Outcome.DROPPED, OutcomeReason.QUEUE_FULL)
            return
        dequeue_ns = time.monotonic_ns()
        frame_id, outcome, flags = HEAD.unpack_from(self._block.record_bytes, self._offset(index))
        if outcome == Outcome.PENDING:  # else the feeder dropped it: the queue was full
            self._ask(index, frame_id, flags, dequeue_ns)

    def _ask(self, index: int, frame_id: int, flags: int, dequeue_ns: int) -> None:
        """Hand a frame to the process. One for which it leaves no room in the ring is not answered in time."""
        if self._death:
            self._complete(index, dequeue_ns, _failed(OutcomeReason.TARGET_LOST))
            return
        if self._is_out_of_patience(dequeue_ns):
            self._complete(index, dequeue_ns, _failed(OutcomeReason.NO_ANSWER))
            self._ledger.give_up(frame_id)
            return
        stamps = STAMPS.unpack_from(self._block.record_bytes, self._offset(index) + STAMPS_AT)
        slot = self._frames.slot(frame_id, flags)
        self._ring.request(frame_id=frame_id, slot=slot, t_intended_ns=stamps[0], t_release_ns=stamps[1])
        self._ledger.ask(frame_id, Asked(index, dequeue_ns, time.monotonic_ns() + self._timeout_ns))

    def _is_out_of_patience(self, now_ns: int) -> bool:
        """Return whether a process that stopped answering would keep the run from its end."""
        ended_ns = self._offer_ended_ns
        return self._ledger.is_silent and ended_ns is not None and now_ns - ended_ns > PATIENCE_NS

    def _take_answers(self) -> None:
        for answer in self._ring.answers():
            asked = self._ledger.settle(answer.frame_id)
            if asked is not None:
                self._complete(asked.place, asked.dequeue_ns, self._judge(answer, asked.dequeue_ns))

    def _judge(self, answer: Answer, dequeue_ns: int) -> Processed:
        """Return what an answer says; its stamps are shown only when they lie within what we saw ourselves."""
        if answer.status == AnswerStatus.FAILED:
            return _failed(OutcomeReason.INFERENCE_ERROR)
        if answer.status != AnswerStatus.OK or answer.n_scores != self._n_labels:
            return _failed(OutcomeReason.BAD_ANSWER)
        decision = self._decide(answer.scores)
        if decision is None:
            return _failed(OutcomeReason.NON_FINITE_SCORE)
        decided_ns = time.monotonic_ns()
        stages_ns = (answer.t_preprocessed_ns, answer.t_inferred_ns)
        if not dequeue_ns <= stages_ns[0] <= stages_ns[1] <= decided_ns:
            stages_ns = (0, 0)
        return Processed(*stages_ns, decided_ns, Outcome.DECIDED, OutcomeReason.NONE, *decision)

    def _note_death(self) -> None:
        """Fail what the process held; the frames that follow fail one by one as they are taken."""
        self._take_answers()  # what it answered before it ended is answered
        self._death = self._process.death()
        with suppress(OSError):  # a full disk is the supervisor's business
            sys.stderr.write(f"the external process ended before the run: {self._death}\n")
        for asked in self._ledger.abandon():
            self._complete(asked.place, asked.dequeue_ns, _failed(OutcomeReason.TARGET_LOST))
        for poll in (self._poll_all, self._poll_answers):
            poll.unregister(self._process.exit_fd)

    def _complete(self, index: int, dequeue_ns: int, done: Processed) -> None:
        stamps = (dequeue_ns, done.t_preprocessed_ns, done.t_inferred_ns, done.t_decided_ns)
        offset = self._offset(index) + COMPLETION_AT
        COMPLETION.pack_into(self._block.record_bytes, offset, *stamps, done.defects, done.score)
        self._close(index, done.outcome, done.reason)

    def _close(self, index: int, outcome: Outcome, reason: OutcomeReason) -> None:
        offset = self._offset(index)
        self._block.record_bytes[offset + REASON_AT] = reason
        self._block.record_bytes[offset + OUTCOME_AT] = outcome

    def _offset(self, index: int) -> int:
        return index % self._block.layout.n_records * RECORD_BYTES


def _poll_of(fds: Iterable[int]) -> select.poll:
    poll = select.poll()
    for fd in fds:
        poll.register(fd, select.POLLIN)
    return poll


def _failed(reason: OutcomeReason) -> Processed:
    return Processed(0, 0, 0, Outcome.FAILED, reason, 0, 0.0)


if __name__ == "__main__":
    main()
