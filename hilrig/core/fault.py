"""A declared fault: what is broken on purpose, when, with the reaction that is required of the pipeline."""

from dataclasses import dataclass
from enum import Enum
from typing import Final


class FaultKind(str, Enum):
    """What is broken."""

    CAMERA_STOPS = "camera_stops"
    CAMERA_FREEZES = "camera_freezes"  # repeats one frame
    CAMERA_GARBAGE = "camera_garbage"  # noise instead of a picture
    CAMERA_RESIZES = "camera_resizes"  # frames of another size
    MODEL_CORRUPT = "model_corrupt"  # a damaged copy of its file is loaded while it serves
    MODEL_HANGS = "model_hangs"  # its process is stopped for a while
    MODEL_CRASHES = "model_crashes"  # its process dies with a frame in its hands
    WORKER_KILLED = "worker_killed"  # its process is killed, whatever it does at that moment
    DISK_FULL = "disk_full"  # its process can write no file
    NO_PERMISSION = "no_permission"  # the model is loaded again from a file that it may not read
    CLOCK_STEPS = "clock_steps"  # the wall clock of the machine is set


DEATHS: Final = frozenset({FaultKind.MODEL_CRASHES, FaultKind.WORKER_KILLED})
"""A single moment: the process is gone, and its successor has to load the model again."""

DECEPTIONS: Final = frozenset(
    {
        FaultKind.CAMERA_FREEZES,
        FaultKind.CAMERA_GARBAGE,
        FaultKind.CAMERA_RESIZES,
        FaultKind.MODEL_CORRUPT,
        FaultKind.NO_PERMISSION,
    }
)
"""What a pipeline can be deceived by: there a decision may be a false one."""

RELOADS: Final = frozenset({FaultKind.MODEL_CORRUPT, FaultKind.NO_PERMISSION})
"""A model that cannot be sound is offered to a pipeline that serves one that is."""

BESIDE_FRAMES: Final = frozenset({FaultKind.DISK_FULL, FaultKind.CLOCK_STEPS})
"""What a decision does not need: a sound pipeline decides every frame all the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultSpec:
    """One fault of a profile's drill, which follows the measured part: its frames count for no other limit.

    Args:
        name: in events, checks and the report; unique in the profile.
        kind: what is broken.
        at_s: when, in seconds after the drill began; where `at_frame` is given, when that frame is due at the mean
            rate.
        duration_s: for how long; 0 where it is a single moment.
        at_frame: instead of `at_s` for a model: with the n-th frame of the drill, counted from 1.
        recovery_max_s: after its end, decisions must come again within this time.
        decisions_allowed: whether a frame inside the fault may be decided (a frozen picture looks like any other).
        undecided_max_pct: share of the frames inside that may stay without a decision, where none needs to.
        step_s: by how much the wall clock is set, for `clock_steps`; below 0 is back.
    """

    name: str
    kind: FaultKind
    at_s: float
    duration_s: float
    recovery_max_s: float
    at_frame: int | None = None
    decisions_allowed: bool = False
    undecided_max_pct: float = 0.0
    step_s: float = 0.0

    @property
    def recovery_check_id(self) -> str:
        """Return the id of the check that decisions came again in time."""
        return f"faults.{self.name}.recovery_max_s"

    @property
    def handled_check_id(self) -> str | None:
        """Return the id of the check that no false decision was made; None for a fault that deceives nobody."""
        is_checked = self.kind in DECEPTIONS and not self.decisions_allowed
        return f"faults.{self.name}.handled" if is_checked else None

    @property
    def undecided_check_id(self) -> str | None:
        """Return the id of the check that frames went on being decided; None where a fault may prevent it."""
        return f"faults.{self.name}.undecided_max_pct" if self.kind in BESIDE_FRAMES else None


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultSeen:
    """What became of one fault.

    Args:
        name: as in the profile.
        kind: what was broken.
        done: what was broken, in words.
        expected: what a sound pipeline does, in words.
        seen: what this one did, in words.
        begin_s: when it began, seconds after the drill began; None when it did not.
        end_s: when it was over; None when it did not end.
        n_frames: frames due inside it that were offered.
        n_decided: how many of them were decided.
        n_failed: how many of them failed; the others were dropped.
        n_false: how many of these decisions were false; None where nobody could be deceived.
        recovery_s: from its end to the first of the decisions in a row that count as recovery; None when it was
            not seen.
        watched_s: how late after its end a recovery could still have been seen.
    """

    name: str
    kind: FaultKind
    done: str
    expected: str
    seen: str
    begin_s: float | None
    end_s: float | None
    n_frames: int
    n_decided: int
    n_false: int | None
    recovery_s: float | None
    watched_s: float
    n_failed: int = 0
