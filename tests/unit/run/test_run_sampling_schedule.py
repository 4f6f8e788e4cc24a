"""hilrig.run.sampling_schedule: when a round of telemetry is due."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import T0_NS, make_plan
from hilrig.core.arrivals import schedule
from hilrig.core.profile import ArrivalModel, ArrivalSpec
from hilrig.core.run import Pacing
from hilrig.run.sampling_schedule import SamplingSchedule, between_frames_ns

PERIOD_NS = 100_000_000


@given(
    st.integers(0, 300_000), st.sampled_from([Fraction(30), Fraction(25), Fraction(30000, 1001), Fraction(7, 3)])
)
def test_no_round_begins_with_a_frame(tick, fps):
    """At any rate and after any number of hours, a round is taken at least 45 % of a period from both frames."""
    plan = make_plan(fps=fps, n_measured=10)
    taken_ns = between_frames_ns(T0_NS + tick * PERIOD_NS, T0_NS, plan) - T0_NS
    due = schedule(plan).offset_ns
    frame_id = int(taken_ns // plan.period_ns)
    before_ns, after_ns = taken_ns - due(frame_id), due(frame_id + 1) - taken_ns
    assert min(before_ns, after_ns) > 0.45 * plan.period_ns


@given(st.integers(0, 10_000))
def test_a_round_is_at_most_half_a_frame_off_its_tick(tick):
    """Rounds keep their rate: each stays near its own tick, and so in the order of ticks."""
    plan = make_plan()
    tick_ns = T0_NS + tick * PERIOD_NS
    assert abs(between_frames_ns(tick_ns, T0_NS, plan) - tick_ns) <= plan.period_ns / 2 + 1


@pytest.mark.parametrize(
    "plan",
    [
        make_plan(fps=Fraction(1000)),
        make_plan(pacing=Pacing.UNPACED),
        replace(make_plan(), arrivals=ArrivalSpec(model=ArrivalModel.POISSON)),
        replace(make_plan(), arrivals=ArrivalSpec(camera_offsets_ms=(0.0, 10.0))),
    ],
    ids=["too fast", "unpaced", "poisson", "two cameras"],
)
def test_without_a_place_between_frames_a_round_is_taken_on_its_tick(plan):
    """Frames that come too fast, or at no regular time, leave nothing to choose."""
    assert between_frames_ns(T0_NS + 7 * PERIOD_NS + 3, T0_NS, plan) == T0_NS + 7 * PERIOD_NS + 3


def test_tick_0_is_right_after_the_first_measured_frame():
    """The first EDGE round is half a frame after the measured part began."""
    plan = make_plan(fps=Fraction(30), n_warmup=60)
    due_ns = SamplingSchedule(plan, T0_NS).due_ns(0)
    assert due_ns - T0_NS - schedule(plan).offset_ns(60) == pytest.approx(plan.period_ns / 2, rel=0.001)


@given(now_ns=st.integers(0, 100 * PERIOD_NS), tick=st.integers(-50, 50))
def test_a_tick_is_used_once_and_missed_ones_are_skipped(now_ns, tick):
    """After any delay the next tick is a later one, and at most one tick that is over is still taken."""
    ticks = SamplingSchedule(make_plan(pacing=Pacing.UNPACED), T0_NS)
    following = ticks.next_tick(tick, T0_NS + now_ns)
    assert following > tick
    assert following == tick + 1 or T0_NS + now_ns - ticks.due_ns(following) < PERIOD_NS


def test_sampling_that_starts_in_the_warm_up_begins_with_the_next_tick():
    """No tick of the past is caught up with at the start."""
    ticks = SamplingSchedule(make_plan(pacing=Pacing.UNPACED), T0_NS)
    assert [ticks.first_tick(T0_NS + ns) for ns in (-PERIOD_NS, -1, 0, 1)] == [-1, 0, 0, 1]


@pytest.mark.parametrize(("period_ms", "n_ticks"), [(100, 10), (300, 3), (1000, 1)])
def test_a_slow_round_comes_about_every_second(period_ms, n_ticks):
    """A whole number of fast rounds belongs to each slow one."""
    ticks = SamplingSchedule(replace(make_plan(), telemetry_period_ms=period_ms), T0_NS)
    assert [ticks.slow_round(tick) for tick in (-1, 0, n_ticks - 1, n_ticks)] == [-1, 0, 0, 1]
