"""The camera during the drill: on the same grid as before, except where it is stopped."""

from hilrig.core.arrivals import schedule
from hilrig.core.drill import fault_at, fault_spans, first_drill_frame, is_offered
from hilrig.core.frame import FLAG_FAULT
from hilrig.core.run import RunPlan
from hilrig.run.camera_queue import CameraQueue
from hilrig.run.pacing import Pacer
from hilrig.run.shared_block import SharedBlock, Word


def release_drill(plan: RunPlan, queue: CameraQueue, block: SharedBlock, pacer: Pacer) -> None:
    """Release the frames of the drill when they are due; a stopped camera offers none."""
    arrivals, spans, t0_ns = schedule(plan), fault_spans(plan), block[Word.T0_NS]
    for frame_id in range(first_drill_frame(plan), plan.n_frames):
        intended_ns = t0_ns + arrivals.offset_ns(frame_id)
        now_ns = pacer.wait_until(intended_ns)
        if queue.is_stopped:
            return
        if not is_offered(spans, frame_id):
            continue
        if not queue.can_record():
            block[Word.FRAMES_LOST] += 1
            continue
        flags = FLAG_FAULT if fault_at(spans, frame_id) else 0
        queue.release(frame_id, arrivals.camera_id(frame_id), flags, intended_ns, now_ns)
