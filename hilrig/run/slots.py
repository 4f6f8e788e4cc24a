"""Which frame slot of the shared block holds a frame: one of the pool, or one for frames that no pool holds."""

from dataclasses import dataclass
from typing import Final

from hilrig.core.fault import FaultKind
from hilrig.core.profile import FeedSpec
from hilrig.core.run import RunPlan

N_FRESH_SLOTS: Final = 8
"""Fresh frames that may be under way at once; a feeder that finds all of them busy shows a pool frame instead."""

N_NOISE_SLOTS: Final = 4
"""Frames of noise for a camera that sends garbage: no two in a row are alike."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotMap:
    """The slots of a run: `pool_frames` of the pool, those for fresh frames, and noise if a fault needs it."""

    pool_frames: int
    fresh_every: int
    has_noise: bool = False

    @classmethod
    def for_feed(cls, spec: FeedSpec) -> "SlotMap":
        """Return the map of a planned feed."""
        return cls(pool_frames=spec.pool_frames, fresh_every=spec.fresh_every)

    @classmethod
    def for_plan(cls, plan: RunPlan) -> "SlotMap":
        """Return the map of a plan, with what its faults need."""
        has_noise = any(fault.kind is FaultKind.CAMERA_GARBAGE for fault in plan.faults)
        return cls(pool_frames=plan.feed.pool_frames, fresh_every=plan.feed.fresh_every, has_noise=has_noise)

    @property
    def n_slots(self) -> int:
        """Return how many slots the shared block must have."""
        n_noise = N_NOISE_SLOTS if self.has_noise else 0
        return self.pool_frames + (N_FRESH_SLOTS if self.fresh_every else 0) + n_noise

    def wants_fresh(self, frame_id: int) -> bool:
        """Return whether a frame is to be one that was never shown before."""
        return self.fresh_every > 0 and frame_id % self.fresh_every == self.fresh_every - 1

    def fresh_slot(self, frame_id: int) -> int:
        """Return the slot of a fresh frame."""
        return self.pool_frames + frame_id // self.fresh_every % N_FRESH_SLOTS

    def pool_slot(self, frame_id: int) -> int:
        """Return the slot of the pool frame that a frame shows, or that a fresh one is made from."""
        return frame_id % self.pool_frames

    def noise_slot(self, frame_id: int) -> int:
        """Return the slot of the noise that a frame shows when the camera sends garbage."""
        return self.n_slots - N_NOISE_SLOTS + frame_id % N_NOISE_SLOTS
