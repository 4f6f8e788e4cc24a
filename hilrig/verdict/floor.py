"""The instrument's own floor, from the record of a pipeline that does nothing."""

from collections.abc import Sequence

import numpy as np

from hilrig.core.floor import Floor
from hilrig.core.frame import FrameTable, Outcome
from hilrig.core.units import NS_PER_MS, NS_PER_US
from hilrig.verdict.measure import PERMILLE, percentile_ns


def floor_of(frames: FrameTable, *, stalls_ns: Sequence[float], frame_rate_fps: float) -> Floor | None:
    """Return the floor that the frames of a self-test show; None when not one of them was decided."""
    decided = frames[frames["outcome"] == Outcome.DECIDED]
    if not decided.size:
        return None

    def us(begin: str, end: str, permille: int) -> float:
        return percentile_ns(decided[end] - decided[begin], permille) / NS_PER_US

    latency, lateness, hand_over = (
        ("t_intended_ns", "t_decided_ns"),
        ("t_intended_ns", "t_release_ns"),
        ("t_release_ns", "t_dequeue_ns"),
    )
    p50, p99 = PERMILLE["p50"], PERMILLE["p99"]
    return Floor(
        frame_rate_fps=frame_rate_fps,
        n=int(decided.size),
        lateness_p50_us=us(*lateness, p50),
        lateness_p99_us=us(*lateness, p99),
        hand_over_p50_us=us(*hand_over, p50),
        hand_over_p99_us=us(*hand_over, p99),
        latency_p50_us=us(*latency, p50),
        latency_p99_us=us(*latency, p99),
        latency_max_us=int(np.max(decided["t_decided_ns"] - decided["t_intended_ns"])) / NS_PER_US,
        n_undecided=int(frames.size - decided.size),
        n_stalls=len(stalls_ns),
        stall_max_ms=max(stalls_ns, default=0.0) / NS_PER_MS,
    )
