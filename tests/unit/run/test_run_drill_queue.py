"""The worker's side of the queue in a drill: what the target is shown, what a successor finds."""

import os
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from builders import make_plan
from drills import make_fault, with_drill
from hilrig.core.drill import fault_spans, first_drill_frame
from hilrig.core.fault import FaultKind
from hilrig.core.frame import FLAG_FAULT, FeedInfo, Outcome, OutcomeReason
from hilrig.core.ports import Processed
from hilrig.core.profile import FeedSpec, OnFull, QueueSpec
from hilrig.run.camera_queue import CameraQueue
from hilrig.run.child import Setup
from hilrig.run.drill_frames import fill_noise_slots
from hilrig.run.drill_queue import DrillQueue, serve_with_drill
from hilrig.run.drill_reload import DrillReload
from hilrig.run.shared_block import Layout, SharedBlock, Word
from hilrig.run.slots import SlotMap

N_BEFORE = 12
POOL = 4


class SeeingTarget:
    """Decides every frame and keeps what it was shown."""

    def __init__(self):
        self.seen = []

    def process(self, pixels):
        self.seen.append(pixels.copy())
        return Processed(2, 3, 4, Outcome.DECIDED, OutcomeReason.NONE, 1, 0.5)


class Bench:
    """Camera and worker of a run with one fault, over one block, in one process, without time."""

    def __init__(self, kind, *, depth=1000):
        plan = make_plan(n_measured=8, n_warmup=4)
        plan = replace(
            plan,
            queue=QueueSpec(depth=depth, on_full=OnFull.DROP_OLDEST),
            feed=FeedSpec(source="synthetic", pool_frames=POOL, fresh_every=0),
        )
        self.plan = with_drill(plan, make_fault(kind))
        (self.span,) = fault_spans(self.plan)
        info = FeedInfo(n_frames=POOL, height_px=8, width_px=8)
        slots = Layout.for_feed(info, SlotMap.for_plan(self.plan))
        self.block = SharedBlock.create(replace(slots, n_records=1024, n_readings=8, n_stalls=8, n_pauses=8))
        for index in range(POOL):
            self.block.slot(index)[...] = index
        fill_noise_slots(self.plan, self.block)
        self.setup = Setup(
            plan=self.plan,
            run_folder=Path("/nowhere"),
            profile_folder=Path("/nowhere"),
            layout=slots,
            block_fd=-1,
            report_fd=-1,
            frames_fd=os.eventfd(0),
            space_fd=os.eventfd(0),
        )
        self.camera = CameraQueue(self.plan.queue, self.block, self.setup)

    def offer(self, ids, *, flags=0):
        for frame_id in ids:
            self.camera.release(frame_id, 0, flags, 1, 1)

    def offer_all(self):
        self.offer(range(self.span.first_id))
        self.offer(range(self.span.first_id, self.span.end_id), flags=FLAG_FAULT)
        self.offer(range(self.span.end_id, self.plan.n_frames))
        self.end()

    def end(self):
        self.block[Word.FEEDER_DONE] = 1
        os.eventfd_write(self.setup.frames_fd, 1)

    def serve(self):
        target = SeeingTarget()
        serve_with_drill(target, self.plan, self.block, self.setup)
        return target

    def records(self):
        return self.block.records[: self.block[Word.FRAMES_RELEASED]]


def test_frames_of_all_parts_are_decided_once_and_in_order():
    """The two loops meet without a frame lost or decided twice."""
    bench = Bench(FaultKind.MODEL_HANGS)
    bench.offer_all()
    target = bench.serve()
    assert [int(pixels[0, 0, 0]) for pixels in target.seen] == [one % POOL for one in range(bench.plan.n_frames)]
    assert (bench.records()["outcome"] == Outcome.DECIDED).all()
    assert bench.block[Word.FRAMES_DONE] == bench.plan.n_frames


def test_a_frozen_camera_shows_the_picture_before_it_again_and_again():
    """Inside the fault one picture, outside the pool as ever."""
    bench = Bench(FaultKind.CAMERA_FREEZES)
    bench.offer_all()
    shown = [int(pixels[0, 0, 0]) for pixels in bench.serve().seen]
    first, end = bench.span.first_id, bench.span.end_id
    assert set(shown[first:end]) == {(first - 1) % POOL}
    assert shown[end : end + POOL] == [one % POOL for one in range(end, end + POOL)]


def test_garbage_is_noise_and_no_two_frames_in_a_row_are_alike():
    """Every byte equally likely, the same in every run; afterwards the pool is as it was."""
    bench, again = Bench(FaultKind.CAMERA_GARBAGE), Bench(FaultKind.CAMERA_GARBAGE)
    for one in (bench, again):
        one.offer_all()
    seen, once_more = bench.serve().seen, again.serve().seen
    inside = seen[bench.span.first_id : bench.span.end_id]
    assert min(len(np.unique(pixels)) for pixels in inside) > 64
    assert not any(np.array_equal(one, other) for one, other in pairwise(inside))
    assert all(np.array_equal(one, other) for one, other in zip(seen, once_more, strict=True))
    assert int(seen[bench.span.end_id][0, 0, 0]) == bench.span.end_id % POOL


def test_a_resized_picture_has_half_the_width_and_height():
    """A picture, not a view of the slot's memory as if it had another shape."""
    bench = Bench(FaultKind.CAMERA_RESIZES)
    bench.offer_all()
    seen = bench.serve().seen
    assert {pixels.shape for pixels in seen[bench.span.first_id : bench.span.end_id]} == {(4, 4, 3)}
    assert {pixels.shape for pixels in seen[: bench.span.first_id]} == {(8, 8, 3)}


def test_the_frame_in_a_dead_workers_hands_has_failed_and_the_queue_drops_the_rest():
    """A successor goes on where the record is not closed: one frame lost with the worker, old ones dropped."""
    bench = Bench(FaultKind.WORKER_KILLED, depth=2)
    ids = list(range(N_BEFORE, N_BEFORE + 10))
    bench.offer(range(N_BEFORE))
    bench.offer(ids)
    bench.block[Word.FRAMES_DONE] = N_BEFORE  # as its predecessor left it: one frame taken, none closed since
    bench.block[Word.FRAMES_TAKEN] = N_BEFORE + 1
    os.eventfd_read(bench.setup.frames_fd)  # what it took off the eventfd is gone
    bench.end()
    DrillQueue(bench.plan, bench.block, bench.setup).serve_drill(SeeingTarget(), no_reload(bench))
    found = bench.records()[N_BEFORE:]
    assert (found["outcome"][0], found["reason"][0]) == (Outcome.FAILED, OutcomeReason.TARGET_LOST)
    assert (found["outcome"][1:8] == Outcome.DROPPED).all()
    assert (found["outcome"][8:] == Outcome.DECIDED).all()
    assert (bench.block[Word.FRAMES_DONE], N_BEFORE) == (N_BEFORE + 10, first_drill_frame(bench.plan))


def test_a_frame_that_was_decided_before_the_worker_died_stays_decided():
    """Its record was complete, only the count was not."""
    bench = Bench(FaultKind.WORKER_KILLED)
    bench.offer(range(N_BEFORE + 1))
    bench.block.records["outcome"][N_BEFORE] = Outcome.DECIDED
    bench.block[Word.FRAMES_DONE], bench.block[Word.FRAMES_TAKEN] = N_BEFORE, N_BEFORE + 1
    bench.end()
    DrillQueue(bench.plan, bench.block, bench.setup).serve_drill(SeeingTarget(), no_reload(bench))
    assert bench.records()["outcome"][N_BEFORE] == Outcome.DECIDED


def test_without_garbage_no_memory_is_taken_for_it():
    """A run without this fault has the slots that it had before."""
    assert SlotMap.for_plan(make_plan()) == SlotMap.for_feed(make_plan().feed)


@pytest.mark.parametrize("kind", [FaultKind.CAMERA_STOPS, FaultKind.MODEL_HANGS])
def test_other_faults_change_no_picture(kind):
    """They are not about what a frame shows."""
    bench = Bench(kind)
    bench.offer_all()
    assert {pixels.shape for pixels in bench.serve().seen} == {(8, 8, 3)}


def no_reload(bench):
    return DrillReload(bench.plan, bench.setup.profile_folder, report=lambda *_, **__: None)
