"""The live numbers of a run: what status.json shows while it goes on. The verdict never reads them."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from hilrig.core.frame import FrameTable, Outcome
from hilrig.core.run import RunPlan
from hilrig.core.units import NS_PER_MS, NS_PER_S

WINDOW: Final = 2048
"""How many of the newest decided frames the live percentiles are taken from."""


class LiveNumbers:
    """Counts and recent percentiles, updated with every drained batch."""

    def __init__(self, plan: RunPlan) -> None:
        self._plan = plan
        self._counts = np.zeros(4, np.int64)
        self._recent_ns = np.zeros(0, np.int64)

    def update(self, frames: FrameTable) -> None:
        """Take in newly drained records."""
        self._counts += np.bincount(frames["outcome"], minlength=4)[:4]
        decided = frames[frames["outcome"] == Outcome.DECIDED]
        latency_ns = decided["t_decided_ns"] - decided["t_intended_ns"]
        self._recent_ns = np.concatenate([self._recent_ns, latency_ns])[-WINDOW:]

    @property
    def n_offered(self) -> int:
        """Return how many frame records were drained."""
        return int(self._counts.sum())

    def snapshot(self, *, elapsed_ns: int) -> Mapping[str, Any]:
        """Return the live numbers as JSON; a percentile is None before the first decision."""
        return {
            "elapsed_s": round(elapsed_ns / NS_PER_S, 1),
            "total_s": round(self._plan.n_frames * self._plan.period_ns / NS_PER_S, 1),
            "n_frames": self._plan.n_frames,
            "n_offered": self.n_offered,
            "n_decided": int(self._counts[Outcome.DECIDED]),
            "n_dropped": int(self._counts[Outcome.DROPPED]),
            "n_failed": int(self._counts[Outcome.FAILED]),
            "recent_p50_ms": self._percentile_ms(0.5),
            "recent_p95_ms": self._percentile_ms(0.95),
            "recent_p99_ms": self._percentile_ms(0.99),
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

    def _percentile_ms(self, q: float) -> float | None:
        if not self._recent_ns.size:
            return None
        rank = int(np.ceil(q * self._recent_ns.size)) - 1
        return round(float(np.partition(self._recent_ns, rank)[rank]) / NS_PER_MS, 3)
