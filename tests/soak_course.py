"""How a soak went, frame by frame: what was hot, what hung, what nobody saw (see `soaks`)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from builders import NS_PER_MS, NS_PER_S, T0_NS
from hilrig.core.arrivals import schedule
from hilrig.core.frame import FRAME_DTYPE, FrameTable, Outcome, OutcomeReason, PoolFrame
from hilrig.core.run import RunPlan

SHIFT_H = 8.0
HOT_MIN = ((70.0, 9.0), (205.0, 12.0), (390.0, 8.0))
"""Begin and length of the throttle windows in a shift of eight hours: 29 of 480 minutes."""

SERVICE_MS = 10.8
HOT_FACTOR = 1.6
HANG_MS = 290.0
"""Nine periods at 30 fps: with a queue of four, some frames are dropped behind it."""

Numbers = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Story:
    """What happens in a soak. Counts are for eight hours and shrink with the run, but not to 0."""

    is_hot: bool
    n_stalls: int
    n_collections: int
    n_outliers: int
    n_hangs: int


class Course:
    """One soak as it went: its frames, and the moments that telemetry and events tell of.

    Args:
        story: what happens.
        plan: how many frames, how often.
        pool: what is really in the frames.
        seed: of everything that is drawn.
    """

    def __init__(self, story: Story, plan: RunPlan, pool: Sequence[PoolFrame], *, seed: int) -> None:
        self.story, self.plan, self.rng = story, plan, np.random.default_rng(seed)
        grid = schedule(plan)
        self.due_ns = T0_NS + grid.offsets_ns(np.arange(plan.n_frames))
        self.start_ns = T0_NS + grid.offset_ns(plan.n_warmup_frames)
        self.end_ns = T0_NS + grid.offset_ns(plan.n_frames)
        self.hours = (self.end_ns - self.start_ns) / NS_PER_S / 3600
        scale = self.hours / SHIFT_H
        self.hot_s = tuple(
            (60 * begin * scale, 60 * (begin + length) * scale) for begin, length in HOT_MIN if story.is_hot
        )
        self.stalls = self._moments(story.n_stalls, 8.0, 24.0)
        self.collections = self._moments(story.n_collections, 1.0, 4.0)
        self.frames = self._frames(pool)

    def heat(self, t_s: Numbers) -> Numbers:
        """Return how hot it is: 1 inside a throttle window, falling off to 0 around it."""
        heat = np.zeros_like(t_s)
        for begin_s, end_s in self.hot_s:
            away_s = np.maximum(0, np.maximum(begin_s - t_s, t_s - end_s))
            heat = np.maximum(heat, np.exp(-away_s / (240 * self.hours / SHIFT_H)))
        return heat

    def is_hot(self, t_s: Numbers) -> NDArray[np.bool_]:
        """Return when the GPU throttles."""
        return self.heat(t_s) >= 1

    def _moments(self, n_a_shift: int, low_ms: float, high_ms: float) -> list[tuple[int, int]]:
        """Return begin and length in ns of things that happen now and then, outside of the warm-up."""
        n = max(1, round(n_a_shift * self.hours / SHIFT_H)) if n_a_shift else 0
        begin_ns = self.rng.integers(self.start_ns + NS_PER_S, self.end_ns - NS_PER_S, n)
        length_ns = (self.rng.uniform(low_ms, high_ms, n) * NS_PER_MS).astype(np.int64)
        return sorted(zip(begin_ns.tolist(), length_ns.tolist(), strict=True))

    def _frames(self, pool: Sequence[PoolFrame]) -> FrameTable:
        """Return the frames of one target that serves one after the other."""
        plan, rng, n = self.plan, self.rng, self.plan.n_frames
        t_s = (self.due_ns - self.start_ns) / NS_PER_S
        release_ns = self.due_ns + (rng.gamma(4.0, 6e3, n)).astype(np.int64)
        infer_ms = SERVICE_MS * rng.lognormal(0, 0.05, n) * np.where(self.is_hot(t_s), HOT_FACTOR, 1.0)
        self._add(infer_ms, self.stalls, inside=True)
        self._add(infer_ms, self.collections, inside=True)
        self._add(infer_ms, self._moments(self.story.n_outliers, 15.0, 55.0), inside=False)
        dropped = self._hang(infer_ms)
        stages_ns = {
            "t_dequeue_ns": rng.normal(45e3, 6e3, n).clip(min=1e4),
            "t_preprocessed_ns": rng.normal(1.4e6, 6e4, n).clip(min=1e6),
            "t_inferred_ns": (infer_ms - 1.5) * NS_PER_MS,
            "t_decided_ns": rng.normal(40e3, 4e3, n).clip(min=1e4),
        }
        lasted_ns = np.stack([one.astype(np.int64) for one in stages_ns.values()])
        lasted_ns[:, dropped] = 0
        # Lindley: a frame begins when it is released and the one before it is done.
        done_ns = np.cumsum(lasted_ns.sum(axis=0))
        begin_ns = np.maximum.accumulate(release_ns - (done_ns - lasted_ns.sum(axis=0)))
        stamps_ns = begin_ns + done_ns - lasted_ns.sum(axis=0) + np.cumsum(lasted_ns, axis=0)
        stamps_ns[:, dropped] = 0
        frames = np.zeros(n, FRAME_DTYPE)
        frames["frame_id"], frames["t_intended_ns"], frames["t_release_ns"] = np.arange(n), self.due_ns, release_ns
        for name, values_ns in zip(stages_ns, stamps_ns, strict=True):
            frames[name] = values_ns
        frames["outcome"] = np.where(dropped, Outcome.DROPPED, Outcome.DECIDED)
        frames["reason"] = np.where(dropped, OutcomeReason.QUEUE_FULL, OutcomeReason.NONE)
        frames["defects"], frames["score"] = _decisions(plan, pool, rng, dropped)
        return frames

    def _add(self, infer_ms: Numbers, moments: list[tuple[int, int]], *, inside: bool) -> None:
        """Make the frames longer that moments fall on; with `inside` the moment is moved into its frame's work."""
        for index, (begin_ns, length_ns) in enumerate(moments):
            hit = int(np.searchsorted(self.due_ns, begin_ns, side="right")) - 1
            infer_ms[hit] += length_ns / NS_PER_MS
            if inside:
                moments[index] = (int(self.due_ns[hit]) + 3 * NS_PER_MS, length_ns)

    def _hang(self, infer_ms: Numbers) -> NDArray[np.bool_]:
        """Make some frames hang, unexplained; return which frames behind them found the queue full."""
        dropped = np.zeros(infer_ms.size, np.bool_)
        n_behind = int(HANG_MS * NS_PER_MS / self.plan.period_ns) - self.plan.queue.depth
        for begin_ns, _ in self._moments(self.story.n_hangs, 1.0, 1.0):
            hung = int(np.searchsorted(self.due_ns, begin_ns))
            infer_ms[hung] = HANG_MS + self.rng.uniform(0, 15)
            dropped[hung + 1 : hung + 1 + max(0, n_behind)] = True
        return dropped


def _decisions(
    plan: RunPlan, pool: Sequence[PoolFrame], rng: np.random.Generator, dropped: NDArray[np.bool_]
) -> tuple[NDArray[np.uint32], NDArray[np.float32]]:
    """Return what was found in each frame: the truth, but for one bit in one of a thousand; and a score."""
    labels = plan.model.labels
    masks = [sum(1 << labels.index(label) for label in frame.labels or ()) for frame in pool]
    found = np.resize(np.array(masks, np.uint32), plan.n_frames)
    wrong = rng.random(plan.n_frames) < 0.001
    found[wrong] ^= (1 << rng.integers(0, len(labels), plan.n_frames)[wrong]).astype(np.uint32)
    score = np.where(found > 0, rng.uniform(0.6, 0.99, found.size), rng.uniform(0.01, 0.4, found.size))
    found[dropped] = 0
    score[dropped] = 0
    return found, score.astype(np.float32)
