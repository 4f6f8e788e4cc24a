"""hilrig.core.drill: which frames fall into which fault."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import make_plan
from drills import make_fault, with_drill
from hilrig.core.arrivals import schedule
from hilrig.core.drill import (
    N_DECISIONS,
    drill_start_ns,
    fault_at,
    fault_spans,
    first_drill_frame,
    is_offered,
    n_drill_frames,
    watched_until_s,
)
from hilrig.core.fault import FaultKind
from hilrig.core.units import NS_PER_S


def test_a_profile_without_faults_has_no_drill():
    """Its plan is that of before: no frame more, no fault."""
    assert n_drill_frames((), Fraction(30)) == 0
    assert first_drill_frame(make_plan()) == make_plan().n_frames
    assert fault_spans(make_plan()) == ()


def test_a_fault_holds_the_frames_that_are_due_inside_it():
    """From its begin to before its end, by the camera's schedule."""
    plan = with_drill(make_plan(), make_fault(FaultKind.CAMERA_STOPS, at_s=2, duration_s=1))
    (span,) = fault_spans(plan)
    first = first_drill_frame(plan)
    assert (span.first_id - first, span.end_id - first) == (60, 90)
    assert span.begin_ns - drill_start_ns(plan) == 2 * NS_PER_S
    assert [is_offered((span,), one) for one in (span.first_id - 1, span.first_id, span.end_id)] == [
        True,
        False,
        True,
    ]


def test_a_crash_holds_the_one_frame_that_it_comes_with():
    """The n-th frame of the drill, counted from 1."""
    plan = with_drill(make_plan(), make_fault(FaultKind.MODEL_CRASHES, at_s=0, at_frame=61))
    (span,) = fault_spans(plan)
    assert (span.first_id, span.end_id) == (first_drill_frame(plan) + 60, first_drill_frame(plan) + 61)


def test_a_moment_between_frames_holds_none():
    """A worker that is killed takes no frame of its own with it."""
    plan = with_drill(make_plan(), make_fault(FaultKind.WORKER_KILLED, at_s=2.01))
    (span,) = fault_spans(plan)
    assert span.first_id == span.end_id


@pytest.mark.parametrize("fps", [Fraction(1), Fraction(30000, 1001), Fraction(240)])
def test_recovery_can_be_seen_in_full(fps):
    """After the latest recovery that is allowed there are frames enough for the row of decisions."""
    fault = make_fault(FaultKind.MODEL_HANGS, at_s=1.3, recovery_max_s=0.7)
    plan = with_drill(make_plan(fps=fps, n_measured=10, n_warmup=3), fault)
    (span,) = fault_spans(plan)
    latest_ns = span.end_ns + round(0.7 * NS_PER_S)
    arrivals = schedule(plan)
    later = [one for one in range(span.end_id, plan.n_frames) if arrivals.offset_ns(one) >= latest_ns]
    assert len(later) >= N_DECISIONS


@given(
    at_s=st.floats(1, 60),
    duration_s=st.floats(0.001, 60),
    recovery_max_s=st.floats(0.001, 60),
    fps=st.fractions(1, 1000, max_denominator=1001),
)
def test_a_fault_lies_within_its_drill(at_s, duration_s, recovery_max_s, fps):
    """Whatever its times: it ends before the drill does, and no frame before it belongs to it."""
    fault = make_fault(FaultKind.CAMERA_GARBAGE, at_s=at_s, duration_s=duration_s, recovery_max_s=recovery_max_s)
    plan = with_drill(make_plan(fps=fps, n_measured=3, n_warmup=0), fault)
    (span,) = fault_spans(plan)
    assert first_drill_frame(plan) < span.first_id <= span.end_id < plan.n_frames
    assert watched_until_s(fault, fps) * fps <= plan.n_drill_frames


def test_faults_are_told_in_the_order_in_which_they_happen():
    """The profile may name them in any order."""
    late = make_fault(FaultKind.CAMERA_STOPS, at_s=9)
    early = make_fault(FaultKind.CAMERA_FREEZES, at_s=2)
    spans = fault_spans(with_drill(make_plan(), late, early))
    assert [span.spec for span in spans] == [early, late]
    assert fault_at(spans, spans[0].first_id) is spans[0]
    assert fault_at(spans, spans[0].end_id) is None


def test_another_rate_keeps_the_frame_of_a_crash_inside_the_drill():
    """A run at another rate than the profile's: the drill is as long as its 1000th frame needs."""
    fault = replace(make_fault(FaultKind.MODEL_CRASHES), at_s=33.3, at_frame=1000)
    plan = with_drill(make_plan(fps=Fraction(5), n_measured=5, n_warmup=0), fault)
    assert fault_spans(plan)[0].first_id == first_drill_frame(plan) + 999
