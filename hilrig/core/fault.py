"""A declared fault: what is broken on purpose, when, and how the pipeline must take it."""

from dataclasses import dataclass
from enum import Enum


class FaultKind(str, Enum):
    """What is broken."""

    CAMERA_STOPS = "camera_stops"
    CAMERA_FREEZES = "camera_freezes"  # repeats one frame
    CAMERA_GARBAGE = "camera_garbage"  # noise instead of a picture
    CAMERA_RESIZES = "camera_resizes"  # frames of another size
    MODEL_CORRUPT = "model_corrupt"  # its file is damaged, and loaded again
    MODEL_HANGS = "model_hangs"
    MODEL_CRASHES = "model_crashes"
    WORKER_KILLED = "worker_killed"
    DISK_FULL = "disk_full"
    NO_PERMISSION = "no_permission"
    CLOCK_STEPS = "clock_steps"
    NO_NETWORK = "no_network"  # the pipeline in an empty network namespace, for the whole run


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultSpec:
    """One fault of a profile's drill, which follows the measured part: its frames count for no other limit.

    Args:
        name: in events, checks and the report; unique in the profile.
        kind: what is broken.
        at_s: when, in seconds after the drill began.
        duration_s: for how long; 0 where it is a single moment.
        at_frame: instead of `at_s` for a model: with the n-th frame of the drill, counted from 1.
        recovery_max_s: after its end, decisions must come again within this time.
        decisions_allowed: whether a frame inside the fault may be decided (a frozen picture looks like any other).
    """

    name: str
    kind: FaultKind
    at_s: float
    duration_s: float
    recovery_max_s: float
    at_frame: int | None = None
    decisions_allowed: bool = False
