"""What a frame of the drill shows, computed from the plan alone.

Feeder and worker need not tell each other.
"""

from hilrig.core.drill import fault_at, fault_spans
from hilrig.core.fault import FaultKind
from hilrig.core.frame import FLAG_FAULT, FLAG_FRESH, Pixels
from hilrig.core.run import RunPlan
from hilrig.feed.broken_frames import fill_noise, resized
from hilrig.run.shared_block import SharedBlock
from hilrig.run.slots import N_NOISE_SLOTS, SlotMap


class DrillFrames:
    """Where the frames of a run with a drill lie, and what the target is given of them."""

    def __init__(self, plan: RunPlan) -> None:
        self._spans = fault_spans(plan)
        self._map = SlotMap.for_plan(plan)

    def slot(self, frame_id: int, flags: int) -> int:
        """Return the slot that holds a frame of any part of the run."""
        if flags & FLAG_FRESH:
            return self._map.fresh_slot(frame_id)
        fault = fault_at(self._spans, frame_id) if flags & FLAG_FAULT else None
        if fault is not None and fault.spec.kind is FaultKind.CAMERA_GARBAGE:
            return self._map.noise_slot(frame_id)
        if fault is not None and fault.spec.kind is FaultKind.CAMERA_FREEZES:
            return self._map.pool_slot(fault.first_id - 1)  # the last picture before the camera froze
        return self._map.pool_slot(frame_id)

    def as_sent(self, frame_id: int, pixels: Pixels) -> Pixels:
        """Return a frame's pixels in the size in which the camera sends them."""
        fault = fault_at(self._spans, frame_id)
        is_smaller = fault is not None and fault.spec.kind is FaultKind.CAMERA_RESIZES
        return resized(pixels) if is_smaller else pixels


def fill_noise_slots(plan: RunPlan, block: SharedBlock) -> None:
    """Fill the slots that a camera's garbage is shown from; nothing for a plan that needs none."""
    slots = SlotMap.for_plan(plan)
    fill_noise(block.slot(slots.n_slots - 1 - place) for place in range(N_NOISE_SLOTS if slots.has_noise else 0))
