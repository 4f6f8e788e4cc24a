"""When each frame is due: the laws of arrival, computed from a plan alone.

The feeder releases frames by it, the verdict computes it again from plan.json, perhaps years later on another CPU,
and holds every stamp of the record against it. So all of it is integers: no offset is accumulated in floats, none
depends on when or in which order it was asked for.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hilrig.core.draws import SURPRISE_BITS, splitmix64, surprise
from hilrig.core.errors import RecordError
from hilrig.core.profile import ArrivalModel, ArrivalSpec
from hilrig.core.run import RunPlan
from hilrig.core.units import ms_to_ns

AHEAD_FRAMES: Final = 64
"""Offsets computed at once for one caller: a tenth of a millisecond at most, so that no deadline waits for it."""
BLOCK_FRAMES: Final = 1 << 14
"""Offsets computed at once for many: what fits a core's cache."""

CAMERAS_MAX: Final = 64
BURST_FRAMES_MAX: Final = 1024

_PERIOD_NS_MAX: Final = 1 << 52  # over 30 days, the longest run; a thousand of them are still 64 bits
_SEED_MAX: Final = (1 << 64) - 1
_INT64_MAX: Final = (1 << 63) - 1
_LN2: Final = Fraction(693147180559945309417232121458, 10**30)
_SCALE_BITS: Final = 42  # with a surprise of 36 bits and its lower 15 apart, a product has 63 bits
_LOW_BITS: Final = 15


class Schedule(ABC):
    """When each frame of a run is due, in nanoseconds after its t0; never earlier than the frame before it.

    One process, one Schedule: the offsets of the next frames are kept for `offset_ns`.
    """

    n_cameras = 1

    def __init__(self) -> None:
        self._first_id = 0
        self._ahead_ns: list[int] = []

    @abstractmethod
    def offsets_ns(self, frame_id: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the offsets of many frames, in any order."""

    def offset_ns(self, frame_id: int) -> int:
        """Return one frame's offset; cheap when frames are asked for one after the other."""
        place = frame_id - self._first_id
        if not 0 <= place < len(self._ahead_ns):
            self._first_id, place = frame_id, 0
            self._ahead_ns = self.offsets_ns(np.arange(frame_id, frame_id + AHEAD_FRAMES)).tolist()
        return self._ahead_ns[place]

    def camera_id(self, frame_id: int) -> int:
        """Return which camera takes a frame, counted from 0."""
        return frame_id % self.n_cameras

    def camera_ids(self, frame_id: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return `camera_id` of many frames."""
        camera_ids: NDArray[np.int64] = frame_id % self.n_cameras
        return camera_ids


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Groups of frames that repeat: one frame of each camera, or the frames of one trigger.

    Args:
        period_ns: from group to group, exactly.
        offsets_ns: when each frame of a group is due after the group's start.
    """

    period_ns: Fraction
    offsets_ns: tuple[int, ...]

    @property
    def is_ordered(self) -> bool:
        """Return whether every frame is due after the one before it and within its group's period."""
        return self.offsets_ns[0] >= 0 and self.offsets_ns[-1] < self.period_ns and min(self.gaps_ns) > 0

    @property
    def gaps_ns(self) -> tuple[int, ...]:
        """Return the time from each frame of a group to the next, to the next group's first too; rounded down."""
        next_group_ns = int(self.period_ns) + self.offsets_ns[0]
        return tuple(after - before for before, after in pairwise((*self.offsets_ns, next_group_ns)))


def schedule(plan: RunPlan) -> Schedule:
    """Return the schedule of a run.

    Raises:
        RecordError: no profile could have asked for these arrivals.
    """
    if plan.period_denominator < 1:
        raise _impossible("the period is no number")
    period_ns = Fraction(plan.period_numerator_ns, plan.period_denominator)
    return schedule_of(plan.arrivals, period_ns=period_ns)


def schedule_of(arrivals: ArrivalSpec, *, period_ns: Fraction) -> Schedule:
    """Return the schedule of some arrivals; `period_ns` is their mean period over the frames of all cameras.

    Raises:
        RecordError: as `schedule`.
    """
    if not 0 < period_ns <= _PERIOD_NS_MAX or not 0 <= arrivals.seed <= _SEED_MAX:
        raise _impossible("period or seed out of range")
    if arrivals.model is ArrivalModel.POISSON:
        return _Poisson(period_ns, seed=arrivals.seed)
    if arrivals.model is ArrivalModel.TRACE:
        return _Trace(arrivals.trace_gaps_ns)
    if (
        not 1 <= arrivals.burst_frames <= BURST_FRAMES_MAX
        or not 1 <= len(arrivals.camera_offsets_ms) <= CAMERAS_MAX
    ):
        raise _impossible("number of cameras or of frames of a burst out of range")
    return _Gridded(grid_of(arrivals, period_ns=period_ns), arrivals)


def grid_of(arrivals: ArrivalSpec, *, period_ns: Fraction) -> Grid:
    """Return the grid that frames are due on, or around (FIXED, BURST, JITTER); arguments as `schedule_of`."""
    if arrivals.model is ArrivalModel.BURST:
        spacing_ns = ms_to_ns(arrivals.burst_spacing_ms)
        offsets_ns = tuple(place * spacing_ns for place in range(arrivals.burst_frames))
    else:
        offsets_ns = tuple(ms_to_ns(offset_ms) for offset_ms in arrivals.camera_offsets_ms)
    return Grid(period_ns=period_ns * len(offsets_ns), offsets_ns=offsets_ns)


class _Gridded(Schedule):
    """FIXED, BURST and JITTER: floor(k * group period) + place in the group + what the jitter adds.

    The jitter is a whole number of nanoseconds from -jitter to +jitter, all equally likely. Everything is shifted
    by +jitter, so that no frame is due before t0.
    """

    def __init__(self, grid: Grid, arrivals: ArrivalSpec) -> None:
        super().__init__()
        jitter_ns = ms_to_ns(arrivals.jitter_ms) if arrivals.model is ArrivalModel.JITTER else 0
        if not grid.is_ordered or not 0 <= 2 * jitter_ns <= min(grid.gaps_ns):
            raise _impossible("frames would overtake each other")
        self.n_cameras = 1 if arrivals.model is ArrivalModel.BURST else len(grid.offsets_ns)
        self._period_ns = grid.period_ns
        self._places_ns = np.array(grid.offsets_ns, np.int64)
        self._n_jitters = 2 * jitter_ns + 1
        self._seed = arrivals.seed

    def offsets_ns(self, frame_id: NDArray[np.int64]) -> NDArray[np.int64]:
        group, place = np.divmod(frame_id, self._places_ns.size)
        offsets_ns = _multiples_ns(group, self._period_ns) + self._places_ns[place]
        if self._n_jitters == 1:
            return offsets_ns
        jitter_ns = splitmix64(self._seed, frame_id) % np.uint64(self._n_jitters)  # the bias is below 2^-30
        jittered_ns: NDArray[np.int64] = offsets_ns + jitter_ns.astype(np.int64)
        return jittered_ns


class _Trace(Schedule):
    """TRACE: the recorded gaps, in a cycle."""

    def __init__(self, gaps_ns: tuple[int, ...]) -> None:
        super().__init__()
        if not gaps_ns or min(gaps_ns) < 0 or not 0 < sum(gaps_ns) <= _INT64_MAX:
            raise _impossible("a trace needs gaps that are not negative, and not all 0")
        ends_ns = np.cumsum(np.array(gaps_ns, np.int64))
        self._starts_ns = ends_ns - np.array(gaps_ns, np.int64)
        self._cycle_ns = int(ends_ns[-1])

    def offsets_ns(self, frame_id: NDArray[np.int64]) -> NDArray[np.int64]:
        cycle, place = np.divmod(frame_id, self._starts_ns.size)
        offsets_ns: NDArray[np.int64] = cycle * self._cycle_ns + self._starts_ns[place]
        return offsets_ns


class _Poisson(Schedule):
    """POISSON: exponential gaps, each from its own number; frame 0 is due at t0.

    A gap is exact to 2^-28 of the mean gap and then rounded down to a nanosecond. Offsets are their running sum,
    so one offset costs all gaps before it: the sum so far is kept for whoever asks on from there.
    """

    def __init__(self, period_ns: Fraction, *, seed: int) -> None:
        super().__init__()
        self._seed = seed
        self._shift = _SCALE_BITS - int(period_ns).bit_length()
        self._scale = np.uint64(int(period_ns * _LN2 * Fraction(2) ** self._shift))
        self._kept_id = 0
        self._kept_ns = 0

    def offsets_ns(self, frame_id: NDArray[np.int64]) -> NDArray[np.int64]:
        if not frame_id.size:
            return frame_id.astype(np.int64)
        first, last = int(frame_id.min()), int(frame_id.max())
        begin, begin_ns = (self._kept_id, self._kept_ns) if self._kept_id <= first else (0, 0)
        sums_ns = np.empty(last - begin + 1, np.int64)
        sums_ns[0] = begin_ns
        for block in range(begin, last, BLOCK_FRAMES):
            end = min(block + BLOCK_FRAMES, last)
            np.cumsum(self._gaps_ns(block, end), out=sums_ns[block - begin + 1 : end - begin + 1])
            sums_ns[block - begin + 1 : end - begin + 1] += sums_ns[block - begin]
        self._kept_id, self._kept_ns = last, int(sums_ns[-1])
        offsets_ns: NDArray[np.int64] = sums_ns[frame_id - begin]
        return offsets_ns

    def _gaps_ns(self, first: int, end: int) -> NDArray[np.int64]:
        """Return the time from each of these frames to the next."""
        drawn = surprise(splitmix64(self._seed, np.arange(first, end)))
        high, low = drawn >> np.uint64(_LOW_BITS), drawn & np.uint64((1 << _LOW_BITS) - 1)
        scaled = high * self._scale + ((low * self._scale) >> np.uint64(_LOW_BITS))
        gaps_ns: NDArray[np.int64] = (scaled >> np.uint64(SURPRISE_BITS - _LOW_BITS + self._shift)).astype(
            np.int64
        )
        return gaps_ns


def _multiples_ns(counts: NDArray[np.int64], period_ns: Fraction) -> NDArray[np.int64]:
    """Return floor(count * period), exactly; with a period of many digits by Python's integers."""
    whole, rest = divmod(period_ns.numerator, period_ns.denominator)
    if int(counts.max(initial=0)) * rest > _INT64_MAX:
        exact: NDArray[np.int64] = (counts.astype(object) * period_ns.numerator // period_ns.denominator).astype(
            np.int64
        )
        return exact
    multiples_ns: NDArray[np.int64] = counts * whole + counts * rest // period_ns.denominator
    return multiples_ns


def _impossible(why: str) -> RecordError:
    hint = "plan.json was changed after it was written, or made by another version of hilrig"
    return RecordError(f"the plan's arrivals are impossible: {why}", hint=hint)
