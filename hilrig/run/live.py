"""The live numbers of a run: what status.json shows while it goes on. The verdict never reads them."""

from collections import deque
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hilrig.core.drill import first_drill_frame
from hilrig.core.frame import FrameTable, Outcome
from hilrig.core.profile import Comparator
from hilrig.core.run import RunPlan
from hilrig.core.units import NS_PER_MS, NS_PER_S, ms_to_ns
from hilrig.run.live_latency import NEVER, RECENT_NS, LastMinute, LatencyHistogram

PERCENTILE_METRIC: Final = "latency_p"
"""How the metrics begin whose limit single frames can break."""

N_OUTCOMES: Final = len(Outcome)


class LiveNumbers:
    """Counts, percentiles of the last minute and of the measured part so far, updated with every drained batch."""

    def __init__(self, plan: RunPlan) -> None:
        self._plan = plan
        self._first_drill_frame = first_drill_frame(plan)
        self._counts = np.zeros(N_OUTCOMES, np.int64)
        self._last_minute = LastMinute()
        self._rate = _Rate()
        self._measured = _Measured(plan)

    def update(self, frames: FrameTable) -> None:
        """Take in newly drained records, in the order in which they were offered."""
        self._counts += np.bincount(frames["outcome"], minlength=N_OUTCOMES)[:N_OUTCOMES]
        is_decided = frames["outcome"] == Outcome.DECIDED
        latency_ns = np.where(is_decided, frames["t_decided_ns"] - frames["t_intended_ns"], NEVER)
        self._last_minute.update(frames["t_intended_ns"], latency_ns)
        first, end = np.searchsorted(frames["frame_id"], (self._plan.n_warmup_frames, self._first_drill_frame))
        self._measured.update(frames[first:end], latency_ns[first:end])

    @property
    def n_offered(self) -> int:
        """Return how many frame records were drained."""
        return int(self._counts.sum())

    def snapshot(self, *, now_ns: int, t0_ns: int, n_released: int) -> Mapping[str, Any]:
        """Return the live numbers as JSON.

        A percentile is None before the first frame and when it is infinite; the number of frames tells which.

        Args:
            now_ns: CLOCK_MONOTONIC.
            t0_ns: when the first frame was due on it; 0 while that is not known.
            n_released: how many frames the camera has offered by now.
        """
        recent = self._last_minute.percentiles_ms(now_ns=now_ns)
        return {
            "elapsed_s": round(max(0, now_ns - t0_ns) / NS_PER_S, 1) if t0_ns else 0.0,
            "total_s": round(self._plan.n_frames * self._plan.period_ns / NS_PER_S, 1),
            "fps": self._rate.fps(now_ns=now_ns, n_released=n_released),
            "n_frames": self._plan.n_frames,
            "n_offered": self.n_offered,
            "n_decided": int(self._counts[Outcome.DECIDED]),
            "n_dropped": int(self._counts[Outcome.DROPPED]),
            "n_failed": int(self._counts[Outcome.FAILED]),
            **{f"recent_{name}": value for name, value in recent.items()},
            "measured": self._measured.snapshot(),
        }

    def identity(self, worker: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what is measured, as JSON; None where the target does not say.

        Args:
            worker: what the target's process said of itself when it was ready.
        """
        target: Mapping[str, Any] = worker.get("target", {})
        runtime = [str(target[key]) for key in ("runtime", "version") if target.get(key)]
        return {
            "profile_name": self._plan.profile_name,
            "model_hash": self._plan.model_bundle_sha256 or None,
            "config_version": self._plan.profile_sha256,
            "runtime_version": " ".join(runtime) or None,
            "delegate_active": next(iter(target.get("providers", ())), None),
            "load_time_ms": worker.get("load_time_ms"),
        }


class _Measured:
    """The measured part so far, undecided frames counted as infinitely late, as limits do."""

    def __init__(self, plan: RunPlan) -> None:
        self._counts = np.zeros(N_OUTCOMES, np.int64)
        self._latency = LatencyHistogram()
        self._limit_ns = {
            limit.check_id: ms_to_ns(limit.limit)
            for limit in plan.limits
            if limit.metric.startswith(PERCENTILE_METRIC) and limit.comparator is Comparator.LE
        }
        self._n_over = dict.fromkeys(self._limit_ns, 0)
        self._decided_ns = self._longest_gap_ns = 0

    def update(self, frames: FrameTable, latency_ns: NDArray[np.int64]) -> None:
        if not len(frames):
            return
        self._counts += np.bincount(frames["outcome"], minlength=N_OUTCOMES)[:N_OUTCOMES]
        self._latency.update(latency_ns)
        for check_id, limit_ns in self._limit_ns.items():
            self._n_over[check_id] += int(np.count_nonzero(latency_ns > limit_ns))
        self._look_for_gaps(frames["t_decided_ns"][latency_ns != NEVER])

    def snapshot(self) -> Mapping[str, Any]:
        return {
            "n": self._latency.n,
            "n_decided": int(self._counts[Outcome.DECIDED]),
            "n_dropped": int(self._counts[Outcome.DROPPED]),
            "n_failed": int(self._counts[Outcome.FAILED]),
            **self._latency.percentiles_ms(),
            "max_ms": self._latency.largest_ms(),
            "longest_gap_ms": round(self._longest_gap_ns / NS_PER_MS, 3) if self._longest_gap_ns else None,
            "n_over_limit": dict(self._n_over),
        }

    def _look_for_gaps(self, decided_ns: NDArray[np.int64]) -> None:
        """Keep the longest time between two decisions; the first one has none before it."""
        if not decided_ns.size:
            return
        edges_ns = np.sort(decided_ns)
        if self._decided_ns:
            edges_ns = np.concatenate(([self._decided_ns], edges_ns))
        self._longest_gap_ns = max(self._longest_gap_ns, int(np.diff(edges_ns).max(initial=0)))
        self._decided_ns = int(edges_ns[-1])


class _Rate:
    """Frames offered per second over the last minute, from how many there were at each look."""

    def __init__(self) -> None:
        self._looks: deque[tuple[int, int]] = deque()

    def fps(self, *, now_ns: int, n_released: int) -> float | None:
        """Return the rate since the oldest look of the last minute; None before frames were seen to come."""
        if not n_released:
            return None
        self._looks.append((now_ns, n_released))
        while now_ns - self._looks[0][0] > RECENT_NS:
            self._looks.popleft()
        begin_ns, n_before = self._looks[0]
        if now_ns == begin_ns:
            return None
        return round((n_released - n_before) * NS_PER_S / (now_ns - begin_ns), 2)
