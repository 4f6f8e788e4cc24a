"""A frame: its pixels' shape, its ground truth, the 64-byte record of what became of it."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

N_LABELS_MAX: Final = 32  # `defects` is a 32-bit mask


class Outcome(IntEnum):
    """What became of an offered frame. 0 is never written by a finished frame, so a zero tail is no outcome."""

    PENDING = 0  # released, not yet answered
    DECIDED = 1
    DROPPED = 2
    FAILED = 3


class OutcomeReason(IntEnum):
    """Why a frame was dropped or failed."""

    NONE = 0
    QUEUE_FULL = 1  # dropped by the queue policy
    PREPROCESS_ERROR = 2
    INFERENCE_ERROR = 3
    NON_FINITE_SCORE = 4  # a NaN compares false with every threshold: never "ok"
    RUN_ENDED = 5  # still queued when the run ended
    NO_ANSWER = 6  # a foreign pipeline said nothing in time
    BAD_ANSWER = 7  # it answered something that is no decision
    TARGET_LOST = 8  # it died or closed its connection


FLAG_FRESH: Final = 1
"""In `flags`: the frame was never shown before (see `hilrig.core.profile.FeedSpec.fresh_every`)."""

FLAG_FAULT: Final = 2
"""In `flags`: the frame was due while something was broken on purpose (see `hilrig.core.drill`)."""


FRAME_DTYPE: Final = np.dtype(
    [
        ("frame_id", "<u4"),
        ("outcome", "u1"),
        ("reason", "u1"),
        ("camera_id", "u1"),
        ("flags", "u1"),
        ("t_intended_ns", "<i8"),
        ("t_release_ns", "<i8"),
        ("t_dequeue_ns", "<i8"),
        ("t_preprocessed_ns", "<i8"),
        ("t_inferred_ns", "<i8"),
        ("t_decided_ns", "<i8"),
        ("defects", "<u4"),
        ("score", "<f4"),
    ]
)
"""One record per offered frame, 64 bytes.

Stamps are CLOCK_MONOTONIC; 0 means that the stage did not happen. `defects` has a bit set for each label that was
found (`hilrig.core.decision` says which); `score` is the highest score over all thresholded labels. Both mean
something only when the outcome is DECIDED.
"""

FrameTable = NDArray[np.void]
"""A 1-D array of FRAME_DTYPE in the order in which the frames were offered."""

Pixels = NDArray[np.uint8]
"""One frame: height x width x 3, uint8, BGR (OpenCV's order), row-major."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedInfo:
    """What a feed offers: `n_frames` distinct frames of one size; frames are always BGR uint8."""

    n_frames: int
    height_px: int
    width_px: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Defect:
    """One defect in a frame, with the box around it in pixels (inclusive start, exclusive end)."""

    label: str
    x0_px: int
    y0_px: int
    x1_px: int
    y1_px: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What is really in a frame: `labels` of its defects, empty for a good part, None where nobody knows."""

    labels: tuple[str, ...] | None
    defects: tuple[Defect, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolFrame:
    """One frame of a run's pool as feed.json keeps it: the sha256 of its pixels, what is really in it."""

    sha256: str
    labels: tuple[str, ...] | None
