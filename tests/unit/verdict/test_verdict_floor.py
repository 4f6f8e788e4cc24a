"""hilrig.verdict.floor: what a pipeline that does nothing shows of the instrument."""

import numpy as np

from builders import make_frames, make_plan
from hilrig.core.frame import Outcome
from hilrig.verdict.floor import floor_of


def test_lateness_hand_over_and_latency_are_told_apart():
    """Frames 3 us late, handed over in a tenth of the rest, decided after 103 us."""
    plan = make_plan(n_measured=200, n_warmup=0)
    frames = make_frames(plan, latency_ms=0.103, lateness_us=3.0)
    floor = floor_of(frames, stalls_ns=[6e6, 9e6], frame_rate_fps=30.0)
    assert floor is not None
    assert (floor.n, floor.n_undecided) == (200, 0)
    assert floor.lateness_p50_us == floor.lateness_p99_us == 3.0
    assert floor.hand_over_p50_us == 10.0
    assert floor.latency_p50_us == floor.latency_max_us == 103.0
    assert (floor.n_stalls, floor.stall_max_ms) == (2, 9.0)


def test_percentiles_are_those_of_the_raw_frames():
    """Two of a hundred frames at 9 ms are the p99 and the maximum."""
    plan = make_plan(n_measured=100, n_warmup=0)
    latency_ms = np.full(100, 0.1)
    latency_ms[[7, 50]] = 9.0
    floor = floor_of(make_frames(plan, latency_ms=latency_ms), stalls_ns=[], frame_rate_fps=30.0)
    assert floor is not None
    assert floor.latency_p99_us == floor.latency_max_us == 9000.0
    assert (floor.n_stalls, floor.stall_max_ms) == (0, 0.0)


def test_frames_that_got_lost_are_counted_and_not_measured():
    """An undecided frame has no latency; that there was one is part of the floor."""
    plan = make_plan(n_measured=100, n_warmup=0)
    floor = floor_of(make_frames(plan, dropped=[4, 5]), stalls_ns=[], frame_rate_fps=30.0)
    assert floor is not None
    assert (floor.n, floor.n_undecided) == (98, 2)


def test_without_a_decision_there_is_no_floor():
    """Nothing decided: no number at all, rather than zero."""
    plan = make_plan(n_measured=3, n_warmup=0)
    frames = make_frames(plan, failed=[0, 1, 2])
    assert (frames["outcome"] == Outcome.FAILED).all()
    assert floor_of(frames, stalls_ns=[], frame_rate_fps=30.0) is None
