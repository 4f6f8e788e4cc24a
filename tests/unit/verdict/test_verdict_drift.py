"""Drift of the median latency between the first and the last quarter."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from builders import make_events, make_frames, make_limit, make_plan, make_record
from hilrig.core.frame import FrameTable
from hilrig.core.run import Ended
from hilrig.core.verdict import Check, CheckStatus, Measurement
from hilrig.verdict.drift import latency_drift
from hilrig.verdict.estimate import Estimate
from hilrig.verdict.judge import judge
from hilrig.verdict.window import cut

LIMIT = make_limit("latency.drift_max_pct", "latency_drift_pct", 10.0, "%")
PLAN = make_plan(n_measured=3600, n_warmup=30, limits=[LIMIT])


def ramp(last_over_first_pct: float, *, seed: int = 1) -> NDArray[np.float64]:
    """Return noisy latencies around 10 ms, the last quarter's by so much over the first's."""
    level = np.full(PLAN.n_frames, 10.0)
    level[30 + 900 :] = 10 * (1 + last_over_first_pct / 200)
    level[30 + 2700 :] = 10 * (1 + last_over_first_pct / 100)
    return level + np.random.default_rng(seed).normal(0, 0.3, level.size)


def check(frames: FrameTable, *, ended: Ended = Ended.COMPLETED) -> Check:
    """Return the drift check of a run with these frames."""
    return judge(make_record(PLAN, frames=frames, events=make_events(PLAN, ended=ended))).checks[0]


def numbers(frames: FrameTable) -> dict[str, Measurement]:
    """Return all measurements by name."""
    return {one.metric: one for one in judge(make_record(PLAN, frames=frames)).measurements}


@pytest.mark.parametrize(
    ("drift_pct", "status"),
    [
        (0, CheckStatus.PASS),
        (5, CheckStatus.PASS),
        (-40, CheckStatus.PASS),
        (10, CheckStatus.INCONCLUSIVE),
        (20, CheckStatus.FAIL),
    ],
)
def test_drift_is_judged_by_its_bounds(drift_pct: float, status: CheckStatus) -> None:
    """Well within passes, well over fails, at the limit nobody knows; becoming faster is no fault."""
    held = check(make_frames(PLAN, latency_ms=ramp(drift_pct)))
    assert held.status is status
    assert held.observed == pytest.approx(drift_pct, abs=1)
    assert held.lower is not None
    assert held.upper is not None
    assert held.lower <= held.observed <= held.upper


def test_sentence_says_how_sure_it_is() -> None:
    """A person reads the drift, its bound and how many frames stand behind it."""
    held = check(make_frames(PLAN, latency_ms=10.0))
    assert held.sentence == (
        "Latency drift over the run: 0 %, within the limit of 10 %; with 99 % confidence at most 0 % "
        "(n = 900 frames at either end)."
    )


def test_drift_is_measured_without_a_limit() -> None:
    """Every run says how much slower it ended than it began, with the bounds."""
    found = numbers(make_frames(PLAN, latency_ms=ramp(20)))
    assert found["latency_drift_pct"].value == pytest.approx(20, abs=1)
    assert (found["latency_drift_lower_pct"].value or 0) > 15
    assert (found["latency_drift_upper_pct"].value or 99) < 25


def test_warm_up_is_not_part_of_the_drift() -> None:
    """A slow warm-up does not make the run look as if it became faster."""
    latency_ms = ramp(0)
    latency_ms[:30] = 5000
    assert numbers(make_frames(PLAN, latency_ms=latency_ms))["latency_drift_pct"].value == pytest.approx(0, abs=1)


def test_few_frames_say_nothing_about_drift() -> None:
    """Under 400 frames the check is open and says how long it takes, the measurement has a reason."""
    plan = make_plan(n_measured=300, limits=[LIMIT])
    judgement = judge(make_record(plan))
    (held,) = judgement.checks
    assert (held.status, held.minutes_needed) == (CheckStatus.INCONCLUSIVE, pytest.approx(100 / 30 / 60))
    assert held.sentence.startswith("Latency drift over the run: 300 frames say nothing about drift")


def test_pipeline_that_stops_deciding_has_drifted_without_bound() -> None:
    """More than half of the last quarter without a decision is an infinite drift, not one of the other frames."""
    dropped = [index for index in range(30 + 2700, 3630) if index % 4]
    held = check(make_frames(PLAN, dropped=dropped))
    assert (held.status, held.observed, held.observed_text) == (CheckStatus.FAIL, None, "infinite")
    assert numbers(make_frames(PLAN, dropped=dropped))["latency_drift_pct"].reason.startswith("infinite")


def test_first_quarter_without_decisions_gives_no_ratio() -> None:
    """Nothing can be held against a beginning that was never seen."""
    held = check(make_frames(PLAN, dropped=range(30, 930)))
    assert held.status is CheckStatus.NOT_MEASURED


def test_early_end_does_not_fail_the_drift() -> None:
    """The quarters of a run that was cut off are not those of the run that was asked for."""
    frames = make_frames(PLAN, latency_ms=ramp(40))[:3500]
    held = check(frames, ended=Ended.ABORTED)
    assert held.status is CheckStatus.INCONCLUSIVE
    assert "in a run that ended early" in held.sentence


@given(scale=st.floats(0.1, 50), drift_pct=st.floats(-50, 200))
@settings(max_examples=30, deadline=None)
def test_drift_is_a_ratio(scale: float, drift_pct: float) -> None:
    """Whatever the latency's level, the drift is the same per cent."""
    estimate = latency_drift(cut(make_record(PLAN, frames=make_frames(PLAN, latency_ms=ramp(drift_pct) * scale))))
    assert isinstance(estimate, Estimate)
    assert estimate.value == pytest.approx(drift_pct, abs=3)
    assert estimate.lower <= estimate.value <= estimate.upper
