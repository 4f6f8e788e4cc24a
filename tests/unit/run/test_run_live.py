"""hilrig.run.live: what status.json shows while a run goes on."""

import numpy as np

from builders import make_plan
from hilrig.core.frame import FRAME_DTYPE, Outcome
from hilrig.run.live import WINDOW, LiveNumbers


def decided(latencies_ms):
    frames = np.zeros(len(latencies_ms), FRAME_DTYPE)
    frames["outcome"] = Outcome.DECIDED
    frames["t_intended_ns"] = 1_000
    frames["t_decided_ns"] = 1_000 + np.array(latencies_ms) * 1_000_000
    return frames


def test_before_the_first_decision_percentiles_are_unknown():
    """No frame, no number: not 0 ms."""
    snapshot = LiveNumbers(make_plan()).snapshot(elapsed_ns=0)
    assert snapshot["recent_p99_ms"] is None
    assert snapshot["n_offered"] == 0


def test_percentiles_are_nearest_rank_of_the_newest_frames():
    """Old frames leave the window, the rank is the verdict's own."""
    live = LiveNumbers(make_plan())
    live.update(decided([500.0] * 10))
    live.update(decided(np.arange(WINDOW) / 100))
    assert live.snapshot(elapsed_ns=0)["recent_p99_ms"] == (np.ceil(0.99 * WINDOW) - 1) / 100


def test_counts_are_of_every_outcome():
    """Decided, dropped and failed frames are counted apart."""
    frames = decided([1.0] * 6)
    frames["outcome"] = [1, 1, 1, 2, 2, 3]
    live = LiveNumbers(make_plan())
    live.update(frames)
    snapshot = live.snapshot(elapsed_ns=2_500_000_000)
    assert [snapshot[f"n_{name}"] for name in ("offered", "decided", "dropped", "failed")] == [6, 3, 2, 1]
    assert snapshot["elapsed_s"] == 2.5
