"""hilrig.run.pacing and the schedule: deadlines that do not drift."""

import time
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from builders import make_plan
from hilrig.run.pacing import wait_until


def test_a_deadline_is_never_left_early():
    """The clock has reached the deadline when the wait returns."""
    for wait_us in (0, 50, 150, 400, 2_000):
        deadline_ns = time.monotonic_ns() + wait_us * 1_000
        assert wait_until(deadline_ns) >= deadline_ns


def test_a_passed_deadline_returns_at_once():
    """A late feeder releases its frames back to back, it does not wait for the next period."""
    begin_ns = time.monotonic_ns()
    wait_until(begin_ns - 1_000_000_000)
    assert time.monotonic_ns() - begin_ns < 50_000_000


@given(st.integers(0, 10**9), st.sampled_from([(30, 1), (30000, 1001), (24, 1), (1000, 3), (240, 1)]))
def test_frame_i_is_due_at_i_periods_to_the_nanosecond(frame_id, rate):
    """After any number of frames the deadline is the exact fraction, rounded down: nothing accumulates."""
    frames, seconds = rate
    plan = replace(make_plan(), period_numerator_ns=seconds * 10**9, period_denominator=frames)
    exact = frame_id * seconds * 10**9 / frames
    assert plan.offset_ns(frame_id) == frame_id * seconds * 10**9 // frames
    assert abs(plan.offset_ns(frame_id) - exact) <= max(1, exact * 1e-15)
