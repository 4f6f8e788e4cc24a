"""hilrig.run.sampler_loop: when a round of telemetry is taken."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import T0_NS, make_plan
from hilrig.core.arrivals import schedule
from hilrig.core.profile import ArrivalModel, ArrivalSpec
from hilrig.core.run import Pacing
from hilrig.run.sampler_loop import between_frames_ns

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
