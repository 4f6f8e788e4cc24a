"""The longest time without a decision, while a run still goes on."""

from collections import deque
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hilrig.core.arrivals import schedule
from hilrig.core.profile import OnFull
from hilrig.core.run import RunPlan
from hilrig.verdict.window import DECIDED, INTENDED, Columns

N_UNDER_WAY: Final = 2
"""Besides the queue: the frame that the target holds, and one that the camera may be late with."""


class GrowingGap:
    """A lower bound, in nanoseconds, of the decision gap of the whole run, and of the run if it ends now.

    No frame is decided before it is due, and frames come in the order in which they are due: so up to the moment
    at which the latest frame was due, all decisions are known, and none of the later frames can fill a gap.
    """

    def __init__(self, plan: RunPlan) -> None:
        self.longest_ns = 0
        self._plan, self._schedule = plan, schedule(plan)
        self._t0_ns: int | None = None
        self._last_id = self._due_id = -1
        self._due_last_ns: deque[int] = deque(maxlen=plan.queue.depth + N_UNDER_WAY)
        self._since_ns = 0
        self._ahead_ns: NDArray[np.int64] = np.zeros(0, np.int64)

    def update(self, batch: Columns) -> None:
        """Take in the next frames, warm-up included: their decisions may fall into the measured part."""
        if not batch.n:
            return
        if self._t0_ns is None:
            self._t0_ns = int(batch.stamps_ns[INTENDED, 0]) - self._schedule.offset_ns(int(batch.frame_id[0]))
            self._since_ns = self._t0_ns + self._schedule.offset_ns(self._plan.n_warmup_frames)
        self._last_id = int(batch.frame_id[-1])
        decided_ns = np.sort(np.concatenate((self._ahead_ns, batch.stamps_ns[DECIDED][batch.is_decided])))
        latest_due_ns = int(batch.stamps_ns[INTENDED, -1])
        n_settled = int(np.searchsorted(decided_ns, latest_due_ns, side="right"))
        self._ahead_ns = decided_ns[n_settled:]
        self._settle(decided_ns[:n_settled], latest_due_ns)

    def _settle(self, decided_ns: NDArray[np.int64], latest_due_ns: int) -> None:
        """Count the gaps between decisions, and the one after the last of them as long as it is for certain."""
        inside_ns = decided_ns[decided_ns > self._since_ns]
        self._count(np.concatenate(([self._since_ns], inside_ns)))
        self._since_ns = int(inside_ns[-1]) if inside_ns.size else self._since_ns
        self._count(np.array([self._since_ns, latest_due_ns]))

    def _count(self, edges_ns: NDArray[np.int64]) -> None:
        self.longest_ns = max(self.longest_ns, int(np.diff(edges_ns).max(initial=0)))

    def wait_until(self, now_ns: int) -> None:
        """Count the silence of a target that holds a frame and does not answer.

        Every frame decided before `now_ns` has been taken in. Should the run end now, the frames that are still in
        the queue do not count, so the silence is taken up to the last frame that no queue can hold any more. A
        camera that waits for the target (`block`) has no such frame.
        """
        if self._t0_ns is None or self._plan.queue.on_full is OnFull.BLOCK:
            return
        self._see_due(self._t0_ns, now_ns)
        if self._due_id - len(self._due_last_ns) >= self._last_id:
            last_decided_ns = int(self._ahead_ns[-1]) if self._ahead_ns.size else 0
            self._count(np.array([max(self._since_ns, last_decided_ns), self._due_last_ns[0]]))

    def _see_due(self, t0_ns: int, now_ns: int) -> None:
        """Keep the moments at which the last frames were due, as many as can be in the queue or under way."""
        while self._due_id + 1 < self._plan.n_frames:
            due_ns = t0_ns + self._schedule.offset_ns(self._due_id + 1)
            if due_ns > now_ns:
                return
            self._due_id += 1
            self._due_last_ns.append(due_ns)
