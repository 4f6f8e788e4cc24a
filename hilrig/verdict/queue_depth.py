"""How many frames waited in the queue over time, from the stamps of the frames."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from hilrig.core.frame import Outcome
from hilrig.core.profile import OnFull, QueueSpec
from hilrig.core.verdict import TelemetrySeries
from hilrig.verdict.time_buckets import Trace, bucketed, grid_of
from hilrig.verdict.window import DEQUEUE, NEVER, RELEASE, Columns, Window

KEY: Final = "queue.depth"
UNIT: Final = "{frame}"


def queue_depth(window: Window) -> tuple[TelemetrySeries, ...]:
    """Return the depth of the queue over the measured part as one series; none where no frame was released.

    Depth is how many frames waited just after one was released, that frame included.

    A frame waits from its release until the target takes it. Of one that the target never took this is known:

    - A full queue that drops the newest frame never had it: it does not count.
    - One that drops the oldest gave its place to the `depth`-th frame released after it: that is when it left.
    - Any other waited to the end of the run, or was in the hands of a target that never finished it.

    The stamps do not tell the last two apart; but no queue is deeper than its depth, so more is not counted.
    """
    release_ns = window.measured.stamps_ns[RELEASE]
    moments_ns = release_ns[release_ns > 0]
    if window.duration_ns <= 0 or not moments_ns.size:
        return ()
    trace = Trace(
        name=KEY,
        key=KEY,
        unit=UNIT,
        t_ns=np.clip(moments_ns, window.start_ns, window.end_ns),  # the last one may come as the part ends
        value=_depth(window, moments_ns).astype(np.float64),
    )
    return (bucketed(trace, grid_of(window)),)


def _depth(window: Window, moments_ns: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how many frames waited at each moment."""
    frames, spec = window.all, window.plan.queue
    was_released = frames.stamps_ns[RELEASE] > 0
    enters = was_released & ~_turned_away(frames, spec)
    came_ns = frames.stamps_ns[RELEASE][enters]
    left_ns = _left_ns(came_ns, frames.stamps_ns[DEQUEUE][enters], spec)
    depth: NDArray[np.int64] = _n_until(came_ns, moments_ns) - _n_until(left_ns, moments_ns)
    return np.clip(depth, 0, spec.depth)


def _turned_away(frames: Columns, spec: QueueSpec) -> NDArray[np.bool_]:
    """Return which frames found a queue that was full and takes no new one then."""
    if spec.on_full is OnFull.DROP_OLDEST:
        return np.zeros(frames.n, np.bool_)
    turned_away: NDArray[np.bool_] = (frames.outcome == Outcome.DROPPED) & (frames.stamps_ns[DEQUEUE] == 0)
    return turned_away


def _left_ns(came_ns: NDArray[np.int64], taken_ns: NDArray[np.int64], spec: QueueSpec) -> NDArray[np.int64]:
    """Return when each frame of the queue left it, NEVER for those that did not."""
    otherwise_ns = np.full(came_ns.size, NEVER)
    if spec.on_full is OnFull.DROP_OLDEST:
        later_ns = came_ns[spec.depth :]
        otherwise_ns[: later_ns.size] = later_ns
    left_ns: NDArray[np.int64] = np.where(taken_ns > 0, taken_ns, otherwise_ns)
    return left_ns


def _n_until(events_ns: NDArray[np.int64], moments_ns: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how many events happened at or before each moment."""
    ordered_ns = np.sort(events_ns, kind="stable")  # nearly sorted: cheap
    n_until: NDArray[np.int64] = np.searchsorted(ordered_ns, moments_ns, side="right")
    return n_until
