"""Where a late frame lost its time: in itself, or in an earlier frame that it waited behind.

The target serves frames one after another. A frame's latency is what it waited for its predecessor, plus its own
part: from the moment when it was due and the target was free, to its decision. A stall of one frame makes many
late; only the frame whose own part is too long can be explained by what happened at that time.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hilrig.verdict.statistics.typical import MEDIAN, typical
from hilrig.verdict.window import DECIDED, DEQUEUE, INTENDED, RELEASE, Window

Positions = NDArray[np.int64]
"""Places in `Window.measured`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usual:
    """How long a frame takes when nothing is wrong: medians over frames within the limit."""

    latency_ns: int
    own_ns: int
    wait_ns: int


class Origins(NamedTuple):
    """For some frames, one entry each: the frame that lost the time, when, and how much.

    Args:
        frame_id: the frame whose own part made this one late; often itself.
        begin_ns: when that frame's own part began, CLOCK_MONOTONIC.
        end_ns: when it ended.
        release_ns: when that frame was released.
        excess_ns: by how much the own part is longer than usual.
    """

    frame_id: NDArray[np.int64]
    begin_ns: NDArray[np.int64]
    end_ns: NDArray[np.int64]
    release_ns: NDArray[np.int64]
    excess_ns: NDArray[np.int64]


class ServiceLine:
    """The frames that the target took, in the order in which it took them: that of their release.

    Args:
        window: the run.
        limit_ns: the latency up to which a frame counts as one of those that nothing happened to.
    """

    def __init__(self, window: Window, limit_ns: int) -> None:
        self._window = window
        stamps_ns = window.all.stamps_ns
        self._taken = np.flatnonzero(stamps_ns[DEQUEUE] > 0)
        self._dequeue_ns = stamps_ns[DEQUEUE][self._taken]
        self._release_ns = stamps_ns[RELEASE][self._taken]
        intended_ns, decided_ns = stamps_ns[INTENDED][self._taken], stamps_ns[DECIDED][self._taken]
        self._end_ns = np.where(decided_ns > 0, decided_ns, _next(self._dequeue_ns))
        free_ns = _previous(np.maximum.accumulate(self._end_ns))
        self._begin_ns = np.maximum(intended_ns, free_ns)
        self._own_ns = self._end_ns - self._begin_ns
        wait_ns = self._begin_ns - intended_ns
        self.usual = self._usual(wait_ns, limit_ns)
        self._root = self._roots(wait_ns)

    def origins(self, positions: Positions) -> Origins:
        """Return where the time of these measured frames was lost."""
        place = positions + self._n_warmup
        alone = self._alone(place)
        if not self._taken.size:
            return Origins(*alone)
        row = self._holder(place)
        return Origins(*np.where(row >= 0, self._in_line(self._root[row]), alone))

    @property
    def _n_warmup(self) -> int:
        return self._window.all.n - self._window.n - self._window.n_tail_cut

    def _usual(self, wait_ns: NDArray[np.int64], limit_ns: int) -> Usual:
        """Return the medians over measured frames within the limit; over all decided ones when those are few.

        With half of the run throttled the median of all frames would be a throttled one, and explain nothing.
        """
        measured = (self._taken >= self._n_warmup) & (self._taken < self._n_warmup + self._window.n)
        decided = measured & (self._window.all.stamps_ns[DECIDED][self._taken] > 0)
        latency_ns = wait_ns + self._own_ns
        within = decided & (latency_ns <= limit_ns)
        few = 10 * np.count_nonzero(within) < np.count_nonzero(decided)
        counted = decided if few else within
        return Usual(
            latency_ns=_median(latency_ns[counted]),
            own_ns=_median(self._own_ns[counted]),
            wait_ns=_median(wait_ns[counted]),
        )

    def _roots(self, wait_ns: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return for each taken frame the nearest, itself or one before it, that lost more than it had waited."""
        lost_ns, waited_ns = self._own_ns - self.usual.own_ns, wait_ns - self.usual.wait_ns
        is_root = (wait_ns <= 0) | (lost_ns >= waited_ns)
        root: NDArray[np.int64] = np.maximum.accumulate(np.where(is_root, np.arange(is_root.size), 0))
        return root

    def _holder(self, place: Positions) -> NDArray[np.int64]:
        """Return each frame's row in the line; for one never taken that of the frame being served at its release.

        -1 where the target was free all the same and nevertheless did not take the frame.
        """
        stamps_ns = self._window.all.stamps_ns
        release_ns = stamps_ns[RELEASE][place]
        served = np.searchsorted(self._dequeue_ns, release_ns, side="right") - 1
        is_busy = (served >= 0) & (self._end_ns[served] > release_ns)
        own_row = np.searchsorted(self._taken, place)
        return np.where(stamps_ns[DEQUEUE][place] > 0, own_row, np.where(is_busy, served, -1))

    def _in_line(self, row: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the fields of `Origins`, a row each."""
        return np.stack(
            (
                self._window.all.frame_id[self._taken[row]],
                self._begin_ns[row],
                self._end_ns[row],
                self._release_ns[row],
                self._own_ns[row] - self.usual.own_ns,
            )
        )

    def _alone(self, place: Positions) -> NDArray[np.int64]:
        """Return the fields for frames that a free target did not take: from their due time to its next taking."""
        stamps_ns = self._window.all.stamps_ns
        begin_ns, release_ns = stamps_ns[INTENDED][place], stamps_ns[RELEASE][place]
        again = np.searchsorted(self._dequeue_ns, release_ns, side="right")
        end_ns = np.maximum(begin_ns, np.append(self._dequeue_ns, self._window.end_ns)[again])
        return np.stack((self._window.all.frame_id[place], begin_ns, end_ns, release_ns, end_ns - begin_ns))


def _median(values_ns: NDArray[np.int64]) -> int:
    return int(typical(values_ns, MEDIAN)) if values_ns.size else 0


def _next(values_ns: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.append(values_ns[1:], values_ns[-1:])


def _previous(values_ns: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.append(np.zeros(min(1, values_ns.size), np.int64), values_ns[:-1])
