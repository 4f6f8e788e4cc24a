"""The camera: fills the frame slots, then releases each frame when it is due, whatever the target does."""

import gc
import os
import time
from pathlib import Path
from typing import Final

from hilrig.core.arrivals import Schedule, schedule
from hilrig.core.drill import first_drill_frame
from hilrig.core.profile import OnFull
from hilrig.core.run import Pacing, Phase, RunPlan
from hilrig.feed.opening import open_feed
from hilrig.feed.pool import fill_pool, pool_digest
from hilrig.run.camera_queue import CameraQueue
from hilrig.run.child import Setup, run_child
from hilrig.run.drill_camera import release_drill
from hilrig.run.drill_frames import fill_noise_slots
from hilrig.run.fresh_frames import FreshFrames
from hilrig.run.pacing import Pacer
from hilrig.run.shared_block import SharedBlock, Word
from hilrig.run.slots import SlotMap
from hilrig.run.tuning import Tuned

START_POLL_S: Final = 0.002


def main() -> None:
    """Run as a process of a run."""
    run_child(_feed)


def _feed(setup: Setup) -> None:
    plan, block = setup.plan, setup.block()
    frames = _fill_slots(plan, setup.profile_folder, block)
    fresh = FreshFrames(block, SlotMap.for_feed(plan.feed))
    fresh.rehearse()
    fill_noise_slots(plan, block)
    block.prefault()
    gc.collect()
    gc.freeze()
    gc.disable()  # nothing below makes cycles
    tuned, pacer = _tune(plan)
    setup.report("ready", frames=frames, setup=tuned.told())
    while block[Word.PHASE] == Phase.LOADING:
        time.sleep(START_POLL_S)
    queue = CameraQueue(plan.queue, block, setup)
    if plan.pacing is Pacing.UNPACED:
        _release_unpaced(plan, queue)
    else:
        _release_paced(plan, queue, fresh, block, pacer)
        release_drill(plan, queue, block, pacer)
    block[Word.FEEDER_DONE] = 1
    os.eventfd_write(setup.frames_fd, 1)  # wakes a waiting worker so that it sees the end


def _fill_slots(plan: RunPlan, folder: Path, block: SharedBlock) -> list[dict[str, object]]:
    """Fill the pool's slots from the plan's feed; return each frame's `sha256` and true `labels`."""
    feed = open_feed(plan.feed, folder)
    slots = [block.slot(index) for index in range(plan.feed.pool_frames)]
    try:
        truths = fill_pool(feed, slots)
    finally:
        feed.close()
    digests = pool_digest(slots).frame_sha256
    return [{"sha256": digest, "labels": truth.labels} for digest, truth in zip(digests, truths, strict=True)]


def _tune(plan: RunPlan) -> tuple[Tuned, Pacer]:
    """Return what was asked of the system, and who waits for the deadlines."""
    tuned = Tuned()
    tuned.ask_exact_timers()
    tuned.ask_cpus(plan.tuning.feeder_cpus)
    if plan.tuning.lock_memory:
        tuned.ask_memory_lock()
    if plan.tuning.real_time:
        tuned.ask_real_time()
    pacer = Pacer(plan.period_ns)  # calibrated as this process will wait: with its priority, on its CPUs
    tuned.spin_us = pacer.spin_ns / 1000
    return tuned, pacer


def _release_paced(
    plan: RunPlan, queue: CameraQueue, fresh: FreshFrames, block: SharedBlock, pacer: Pacer
) -> None:
    arrivals: Schedule = schedule(plan)
    t0_ns = block[Word.T0_NS]
    blocks_when_full = plan.queue.on_full is OnFull.BLOCK
    index = 0
    for frame_id in range(first_drill_frame(plan)):
        intended_ns = t0_ns + arrivals.offset_ns(frame_id)
        camera_id, flags = arrivals.camera_id(frame_id), fresh.flags_of(frame_id, index, intended_ns)
        now_ns = pacer.wait_until(intended_ns)
        if blocks_when_full:
            queue.wait_for_room(1)
            now_ns = time.monotonic_ns()
        if queue.is_stopped:
            return
        if not queue.can_record():
            block[Word.FRAMES_LOST] += 1
            continue
        queue.release(frame_id, camera_id, flags, intended_ns, now_ns)
        index += 1


def _release_unpaced(plan: RunPlan, queue: CameraQueue) -> None:
    released, half = 0, max(1, plan.queue.depth // 2)  # in one go: fewer hand-overs, and the worker has the other
    while released < plan.n_frames and (room := queue.wait_for_room(half)):
        count = min(room, plan.n_frames - released)
        queue.release_batch(released, count)
        released += count


if __name__ == "__main__":
    main()
