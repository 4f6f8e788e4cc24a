"""hilrig.run.live: what status.json shows while a run goes on."""

import numpy as np
import pytest

from builders import P99, make_limit, make_plan
from hilrig.core.frame import FRAME_DTYPE, Outcome
from hilrig.run.live import LiveNumbers

S = 1_000_000_000
MS = 1_000_000
T0_NS = 100 * S


def offered(latencies_ms, *, first_id=0, period_ms=10):
    """Frames from `first_id` on, due every 10 ms after T0; None is a dropped frame."""
    frames = np.zeros(len(latencies_ms), FRAME_DTYPE)
    frames["frame_id"] = np.arange(first_id, first_id + len(latencies_ms))
    frames["t_intended_ns"] = T0_NS + frames["frame_id"].astype(np.int64) * period_ms * MS
    for frame, latency_ms in zip(frames, latencies_ms, strict=True):
        frame["outcome"] = Outcome.DROPPED if latency_ms is None else Outcome.DECIDED
        frame["t_decided_ns"] = 0 if latency_ms is None else frame["t_intended_ns"] + round(latency_ms * MS)
    return frames


def snapshot(live, *, after_s=5.0, t0_ns=T0_NS, n_released=0):
    return live.snapshot(now_ns=T0_NS + round(after_s * S), t0_ns=t0_ns, n_released=n_released)


def live_of(*batches, n_warmup=0, limits=(P99,)):
    live = LiveNumbers(make_plan(n_warmup=n_warmup, limits=limits))
    for batch in batches:
        live.update(batch)
    return live


def test_before_the_first_decision_percentiles_are_unknown():
    """No frame, no number: not 0 ms."""
    found = snapshot(live_of(), t0_ns=0)
    assert found["recent_p99_ms"] is None
    assert found["measured"]["p99_ms"] is None
    assert found["measured"]["max_ms"] is None
    assert found["fps"] is None
    assert found["n_offered"] == found["elapsed_s"] == 0


def test_counts_are_of_every_outcome():
    """Decided, dropped and failed frames are counted apart."""
    frames = offered([1.0] * 6)
    frames["outcome"] = [1, 1, 1, 2, 2, 3]
    found = snapshot(live_of(frames), after_s=2.5)
    assert [found[f"n_{name}"] for name in ("offered", "decided", "dropped", "failed")] == [6, 3, 2, 1]
    assert [found["measured"][f"n_{name}"] for name in ("decided", "dropped", "failed")] == [3, 2, 1]
    assert found["elapsed_s"] == 2.5


def test_warm_up_frames_are_in_the_last_minute_but_not_in_the_measured_part():
    """Half a batch is warm-up: the measured numbers begin with the first measured frame."""
    found = snapshot(live_of(offered([500.0] * 5 + [10.0] * 5), n_warmup=5))
    assert found["recent_p99_ms"] == 500
    assert found["recent_n"] == 10
    assert found["measured"]["n"] == 5
    assert found["measured"]["max_ms"] == 10
    assert found["measured"]["n_over_limit"] == {"latency.p99_max_ms": 0}


def test_a_dropped_frame_is_infinitely_late():
    """Two of 100 frames dropped: p95 is known, p99 is infinite, both are over every limit."""
    found = snapshot(live_of(offered([10.0] * 98 + [None] * 2)))
    assert found["recent_p95_ms"] == 10
    assert found["recent_p99_ms"] is None
    assert found["recent_n_undecided"] == 2
    assert found["measured"]["p95_ms"] == pytest.approx(10, rel=0.005)
    assert found["measured"]["p99_ms"] is None
    assert found["measured"]["n_over_limit"] == {"latency.p99_max_ms": 2}


def test_frames_over_each_latency_limit_are_counted():
    """A limit is broken by a frame that is later, not by one that is exactly on it; other limits have no count."""
    p50 = make_limit("latency.p50_max_ms", "latency_p50_ms", 5.0, "ms")
    drops = make_limit("frames.drop_max_pct", "drop_pct", 0.1, "%")
    live = live_of(offered([4.0, 5.0, 6.0, 45.0, 46.0]), offered([50.0], first_id=5), limits=(p50, P99, drops))
    assert snapshot(live)["measured"]["n_over_limit"] == {"latency.p50_max_ms": 4, "latency.p99_max_ms": 2}


def test_the_longest_time_between_two_decisions_spans_batches():
    """Decisions at 0, 10, 20 ms, then, in the next batch, at 90 ms: 70 ms without any."""
    live = live_of(offered([0.0, 0.0, 0.0]), offered([None] * 6, first_id=3), offered([0.0], first_id=9))
    assert snapshot(live)["measured"]["longest_gap_ms"] == 70


def test_the_rate_is_that_of_the_last_minute():
    """30 frames a second for two minutes, then a camera that stands still."""
    live = live_of()
    for second in range(121):
        found = snapshot(live, after_s=second, n_released=1 + 30 * second)
    assert found["fps"] == 30
    for second in range(121, 151):
        found = snapshot(live, after_s=second, n_released=1 + 30 * 120)
    assert found["fps"] == 15
