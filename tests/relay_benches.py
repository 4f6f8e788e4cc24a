"""A run's block of frames, with the relay over an external process."""

import os
import sys
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

import ring_client
from builders import make_plan
from hilrig.core.frame import FLAG_FRESH, Outcome, OutcomeReason
from hilrig.core.profile import FeedSpec, OnFull, PipelineSpec, QueueSpec
from hilrig.run import relay as subject
from hilrig.run.relay import Relay
from hilrig.run.ring_block import RingBlock
from hilrig.run.ring_process import ring_process
from hilrig.run.shared_block import Layout, SharedBlock, Word
from hilrig.target.ring_target import RingOptions

N_SLOTS = 3
LAYOUT = Layout(n_slots=N_SLOTS, height_px=4, width_px=6, n_records=4096, n_readings=8, n_stalls=8)
CLIENT = Path(ring_client.__file__)
RING_FOLDER = Path(subject.__file__).parents[1] / "target" / "ring"


class Bench:
    """A run's block with all its frames released, and the relay over an external process."""

    def __init__(self, folder, command, *, n_frames=20, on_full=OnFull.DROP_NEWEST, fresh_every=0, **options):
        self.options = RingOptions(command=tuple(map(str, command)), **options)
        plan = make_plan(n_warmup=0, n_measured=n_frames)
        self.plan = replace(
            plan,
            queue=QueueSpec(depth=4, on_full=on_full),
            feed=FeedSpec(source="synthetic", pool_frames=N_SLOTS - bool(fresh_every), fresh_every=fresh_every),
            pipeline=PipelineSpec(
                target="ring",
                target_options={"command": self.options.command, **options},
                preprocess=None,
                backend=None,
                decide=plan.pipeline.decide,
            ),
        )
        self.folder = folder
        self.block = SharedBlock.create(LAYOUT)
        for index in range(N_SLOTS):
            self.block.slot(index)[...] = 40 * index + 100
        self.frames_fd, self.space_fd = os.eventfd(0), os.eventfd(0)

    def release(self, *, fresh=()):
        """Release every frame now and end the offer."""
        rows = self.block.records[: self.plan.n_frames]
        rows["frame_id"] = np.arange(self.plan.n_frames)
        rows["t_intended_ns"] = rows["t_release_ns"] = time.monotonic_ns()
        for frame_id in fresh:
            rows["flags"][frame_id] = FLAG_FRESH
        self.block[Word.FRAMES_RELEASED] = self.plan.n_frames
        self.block[Word.FEEDER_DONE] = 1
        os.eventfd_write(self.frames_fd, self.plan.n_frames)
        return rows

    @contextmanager
    def relay(self):
        """Start the process and give the relay over it."""
        ring = RingBlock(frames=LAYOUT, labels=self.plan.model.labels, max_in_flight=self.options.max_in_flight)
        with ring_process(self.options, self.folder, block=ring, frames=self.block) as process:
            process.await_ready(self.options.ready_timeout_s)
            self.pid = process.pid
            yield Relay(self.plan, self.block, ring, process, frames_fd=self.frames_fd, space_fd=self.space_fd)
        ring.close()


def serve(tmp_path, mode, **changes):
    """Serve the frames with the Python client in `mode`; return the records and the relay's facts."""
    bench = Bench(tmp_path, [sys.executable, CLIENT, mode], **changes)
    with bench.relay() as relay:
        records = bench.release()
        relay.serve()
        assert bench.block[Word.FRAMES_DONE] == bench.block[Word.FRAMES_TAKEN] == len(records)
        assert (records["outcome"] != Outcome.PENDING).all()
        return records, relay.facts()


def odd(facts):
    """Return the counts that are not 0."""
    return {name: value for name, value in facts.items() if value}


def failed(records):
    """Return each failed frame's reason by its id."""
    rows = records[records["outcome"] == Outcome.FAILED]
    return {int(row["frame_id"]): OutcomeReason(row["reason"]) for row in rows}
