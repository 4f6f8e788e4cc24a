"""The queue between feeder and worker: what each policy drops, what is recorded of it."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from builders import make_plan
from hilrig.core.frame import Outcome, OutcomeReason
from hilrig.core.ports import Processed
from hilrig.core.profile import FeedSpec, OnFull, QueueSpec
from hilrig.run.camera_queue import CameraQueue
from hilrig.run.child import Setup
from hilrig.run.shared_block import Layout, SharedBlock, Word
from hilrig.run.target_queue import TargetQueue

LAYOUT = Layout(n_slots=3, height_px=4, width_px=4, n_records=64, n_readings=8, n_stalls=8)


class ScriptedTarget:
    """A target during whose frames the camera goes on: `arrivals[k]` frames arrive while frame k is decided."""

    def __init__(self, camera, arrivals):
        self.camera = camera
        self.arrivals = list(arrivals)
        self.pixels = []

    def process(self, pixels):
        self.pixels.append(int(pixels[0, 0, 0]))
        self.camera(self.arrivals.pop(0) if self.arrivals else 0)
        return Processed(2, 3, 4, Outcome.DECIDED, OutcomeReason.NONE, 1, 0.5)


class Bench:
    """A feeder's and a worker's queue over one block, in one process, without time."""

    def __init__(self, *, on_full, depth=2, n_frames=20):
        plan = replace(
            make_plan(),
            queue=QueueSpec(depth=depth, on_full=on_full),
            feed=FeedSpec(source="synthetic", pool_frames=LAYOUT.n_slots),
        )
        self.block = SharedBlock.create(LAYOUT)
        for index in range(LAYOUT.n_slots):
            self.block.slot(index)[...] = index
        self.setup = Setup(
            plan=plan,
            run_folder=Path("/nowhere"),
            profile_folder=Path("/nowhere"),
            layout=LAYOUT,
            block_fd=-1,
            report_fd=-1,
            frames_fd=os.eventfd(0),
            space_fd=os.eventfd(0),
        )
        self.camera = CameraQueue(plan.queue, self.block, self.setup)
        self.consumer = TargetQueue(plan, self.block, self.setup)
        self.left = n_frames
        self.frame_id = 0

    def offer(self, count):
        for _ in range(min(count, self.left)):
            self.left -= 1
            self.camera.release(self.frame_id, 0, 0, 1, 1)
            self.frame_id += 1
        if not self.left:
            self.block[Word.FEEDER_DONE] = 1
            os.eventfd_write(self.setup.frames_fd, 1)

    def serve(self, first, arrivals):
        target = ScriptedTarget(self.offer, arrivals)
        self.offer(first)
        self.consumer.serve(target)
        return target, self.block.records[: self.frame_id]


def outcomes(records):
    return "".join(
        {Outcome.DECIDED: "d", Outcome.DROPPED: "x", Outcome.PENDING: "?"}[o] for o in records["outcome"]
    )


@pytest.mark.parametrize("on_full", OnFull)
def test_a_target_that_keeps_up_loses_nothing(on_full):
    """One frame arriving for each frame decided: all are decided, in order, each from its own slot."""
    target, records = Bench(on_full=on_full, n_frames=7).serve(1, [1] * 7)
    assert outcomes(records) == "d" * 7
    assert target.pixels == [0, 1, 2, 0, 1, 2, 0]


def test_drop_oldest_keeps_the_newest_frames():
    """Five frames arrive during frame 0 and two may wait: the three oldest of them are dropped."""
    _, records = Bench(on_full=OnFull.DROP_OLDEST, n_frames=6).serve(1, [5])
    assert outcomes(records) == "dxxxdd"


def test_drop_newest_keeps_the_frames_that_came_first():
    """Five frames arrive during frame 0 and two may wait: the three newest of them are dropped."""
    _, records = Bench(on_full=OnFull.DROP_NEWEST, n_frames=6).serve(1, [5])
    assert outcomes(records) == "dddxxx"


def test_frames_dropped_on_arrival_do_not_fill_the_queue():
    """After drops the queue has room again as soon as the worker takes a frame."""
    _, records = Bench(on_full=OnFull.DROP_NEWEST, n_frames=8).serve(1, [5, 1, 1])
    assert outcomes(records) == "dddxxxdd"


def test_every_offered_frame_has_an_outcome_and_a_reason():
    """Frames offered are frames decided or dropped, and each drop says that the queue was full."""
    _, records = Bench(on_full=OnFull.DROP_OLDEST, n_frames=14).serve(3, [4, 0, 6, 1])
    assert (records["outcome"] != Outcome.PENDING).all()
    dropped = records[records["outcome"] == Outcome.DROPPED]
    assert (dropped["reason"] == OutcomeReason.QUEUE_FULL).all()
    assert (dropped["t_dequeue_ns"] == 0).all()


def test_a_place_in_the_ring_keeps_nothing_of_its_last_record():
    """After the ring has gone round, a dropped frame's record has no stamps of the frame that was there before."""
    bench = Bench(on_full=OnFull.DROP_NEWEST, n_frames=LAYOUT.n_records)
    bench.block.records["t_decided_ns"] = 12345
    bench.block.drain_records(LAYOUT.n_records)
    bench.offer(LAYOUT.n_records)
    assert set(bench.block.records["t_decided_ns"].tolist()) == {0}


def test_a_full_ring_of_records_is_seen_before_it_is_overwritten():
    """Records that nobody drained are never overwritten: the frame is not offered."""
    bench = Bench(on_full=OnFull.DROP_OLDEST, n_frames=LAYOUT.n_records)
    bench.offer(LAYOUT.n_records)
    assert not bench.camera.can_record()


def test_a_batch_is_recorded_like_single_frames():
    """Frames released as fast as they go: all decided in order, each with a due time that is its release."""
    bench = Bench(on_full=OnFull.BLOCK, depth=64, n_frames=0)
    bench.camera.release_batch(0, 40)
    bench.block[Word.FEEDER_DONE] = 1
    os.eventfd_write(bench.setup.frames_fd, 1)
    bench.consumer.serve(ScriptedTarget(lambda count: None, []))
    records = bench.block.records[:40]
    assert records["frame_id"].tolist() == list(range(40))
    assert outcomes(records) == "d" * 40
    assert (records["t_release_ns"] == records["t_intended_ns"]).all()


def test_a_batch_goes_round_the_ring():
    """After the ring of records has gone round once, a batch continues at its beginning."""
    bench = Bench(on_full=OnFull.BLOCK, depth=64, n_frames=0)
    bench.camera.release_batch(0, 60)
    bench.block[Word.FRAMES_DRAINED] = bench.block[Word.FRAMES_TAKEN] = 60
    bench.camera.release_batch(60, 10)
    assert bench.block.records["frame_id"][:6].tolist() == [64, 65, 66, 67, 68, 69]


def test_room_is_the_lesser_of_queue_and_ring():
    """A camera that waits is told how many frames fit: into the queue, and into the ring of records."""
    bench = Bench(on_full=OnFull.BLOCK, depth=60, n_frames=0)
    assert bench.camera.wait_for_room(1) == 60
    bench.camera.release_batch(0, 50)
    assert bench.camera.wait_for_room(1) == 10
    bench.block[Word.FRAMES_TAKEN] = 50
    assert bench.camera.wait_for_room(1) == LAYOUT.n_records - 50


def test_a_camera_in_a_hurry_takes_what_there_is():
    """Half of the queue is worth a moment; when nobody takes a frame, the places that there are do."""
    bench = Bench(on_full=OnFull.BLOCK, depth=60, n_frames=0)
    bench.camera.release_batch(0, 50)
    assert bench.camera.wait_for_room(30) == 10


def test_a_stopped_camera_waits_for_nothing():
    """The end of a run gets through to a camera that waits for room which never comes."""
    bench = Bench(on_full=OnFull.BLOCK, depth=2, n_frames=0)
    bench.camera.release_batch(0, 2)
    bench.block[Word.STOP] = 1
    assert bench.camera.wait_for_room(1) == 0


def test_a_waiting_camera_is_told_of_the_next_frame_taken():
    """The worker signals space only to a camera that said it waits, and once."""
    bench = Bench(on_full=OnFull.BLOCK, depth=4, n_frames=2)
    bench.block[Word.WAKE_FEEDER_AT] = 1
    bench.serve(2, [])
    assert os.eventfd_read(bench.setup.space_fd) == 1
    assert bench.block[Word.WAKE_FEEDER_AT] == 0
