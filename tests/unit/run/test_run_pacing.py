"""hilrig.run.pacing and the schedule: deadlines that do not drift."""

import time
from dataclasses import replace
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import make_plan
from hilrig.core.arrivals import schedule
from hilrig.run import pacing
from hilrig.run.pacing import Pacer


class LateClock:
    """A clock whose sleeps end `late_ns` late; reading it takes 100 ns."""

    def __init__(self, late_ns):
        self.now_ns = 0
        self.late_ns = late_ns

    def monotonic_ns(self):
        self.now_ns += 100
        return self.now_ns

    def sleep(self, seconds):
        self.now_ns += round(seconds * 1e9) + self.late_ns - 100


@pytest.fixture(scope="module")
def pacer():
    """Return a pacer for 1 ms, so that its probes take 24 ms."""
    return Pacer(1_000_000)


def test_a_deadline_is_never_left_early(pacer):
    """The clock has reached the deadline when the wait returns."""
    for wait_us in (0, 50, 150, 400, 2_000):
        deadline_ns = time.monotonic_ns() + wait_us * 1_000
        assert pacer.wait_until(deadline_ns) >= deadline_ns


def test_a_passed_deadline_returns_at_once(pacer):
    """A late feeder releases its frames back to back, it does not wait for the next period."""
    costs_ns = []
    for _ in range(20):  # the median: another process may have had the CPU, and the next period may be near
        begin_ns = time.monotonic_ns()
        pacer.wait_until(begin_ns - 1_000_000_000)
        costs_ns.append(time.monotonic_ns() - begin_ns)
    assert median(costs_ns) < 200_000


@pytest.mark.parametrize("period_ns", [100_000, 1_000_000, 33_333_333])
def test_the_camera_is_never_awake_for_more_than_a_tenth_of_a_period(period_ns, monkeypatch):
    """However late this machine wakes, the spin stays within 50 us and a tenth of the period."""
    monkeypatch.setattr(pacing, "PROBE_NS_MAX", 1_000_000)
    assert 50_000 <= Pacer(period_ns).spin_ns <= max(50_000, period_ns // 10)


def test_the_spin_follows_the_lateness_of_the_wake_ups(monkeypatch):
    """Wake-ups 180 us late make the sleep end 180 us before a deadline; a worse machine is capped."""
    clock = LateClock(late_ns=180_000)
    monkeypatch.setattr(pacing, "time", clock)
    pacer = Pacer(33_333_333)
    assert pacer.spin_ns == 180_000
    clock.late_ns = 9_000_000
    for _ in range(300):
        pacer.wait_until(clock.monotonic_ns() + 33_333_333)
    assert pacer.spin_ns == 3_333_333


@given(st.integers(0, 10**9), st.sampled_from([(30, 1), (30000, 1001), (24, 1), (1000, 3), (240, 1)]))
def test_frame_i_is_due_at_i_periods_to_the_nanosecond(frame_id, rate):
    """After any number of frames the deadline is the exact fraction, rounded down: nothing accumulates."""
    frames, seconds = rate
    plan = replace(make_plan(), period_numerator_ns=seconds * 10**9, period_denominator=frames)
    exact = frame_id * seconds * 10**9 / frames
    assert schedule(plan).offset_ns(frame_id) == frame_id * seconds * 10**9 // frames
    assert abs(schedule(plan).offset_ns(frame_id) - exact) <= max(1, exact * 1e-15)
