"""Which frame slot of the shared block holds a frame: one of the pool, or one for frames never shown before."""

from dataclasses import dataclass
from typing import Final

from hilrig.core.profile import FeedSpec

N_FRESH_SLOTS: Final = 8
"""Fresh frames that may be under way at once; a feeder that finds all of them busy shows a pool frame instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotMap:
    """The slots of a run: `pool_frames` of the pool, then those for fresh frames."""

    pool_frames: int
    fresh_every: int

    @classmethod
    def for_feed(cls, spec: FeedSpec) -> "SlotMap":
        """Return the map of a planned feed."""
        return cls(pool_frames=spec.pool_frames, fresh_every=spec.fresh_every)

    @property
    def n_slots(self) -> int:
        """Return how many slots the shared block must have."""
        return self.pool_frames + (N_FRESH_SLOTS if self.fresh_every else 0)

    def wants_fresh(self, frame_id: int) -> bool:
        """Return whether a frame is to be one that was never shown before."""
        return self.fresh_every > 0 and frame_id % self.fresh_every == self.fresh_every - 1

    def fresh_slot(self, frame_id: int) -> int:
        """Return the slot of a fresh frame."""
        return self.pool_frames + frame_id // self.fresh_every % N_FRESH_SLOTS

    def pool_slot(self, frame_id: int) -> int:
        """Return the slot of the pool frame that a frame shows, or that a fresh one is made from."""
        return frame_id % self.pool_frames
