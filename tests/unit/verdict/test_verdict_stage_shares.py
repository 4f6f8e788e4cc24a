"""Where the time goes: shares that sum to 100, over all frames and over the slowest ones."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import NS_PER_MS, make_frames, make_plan, make_record
from hilrig.verdict.slowest import slowest
from hilrig.verdict.stage_shares import stage_shares
from hilrig.verdict.window import cut

PLAN = make_plan(n_measured=1000, n_warmup=0)


def shares_of(frames, plan=PLAN):
    return {one.stage: one for one in stage_shares(cut(make_record(plan, frames=frames, curves=())))}


def test_all_stages_add_up_to_the_latency() -> None:
    """From the due time to the decision every nanosecond belongs to one stage."""
    shares = shares_of(make_frames(PLAN, latency_ms=20.0, lateness_us=500.0))
    assert list(shares) == ["feeder_lateness", "queue", "preprocess", "infer", "decide"]
    assert shares["feeder_lateness"].mean_ms == 0.5
    assert sum(one.mean_ms for one in shares.values()) == pytest.approx(20.0)
    assert shares["infer"].share_pct == pytest.approx(100 * 0.65 * 19.5 / 20)


def test_the_slowest_frames_have_shares_of_their_own() -> None:
    """Ten frames of a thousand lost their time in inference: all of it shows there, little of it in the mean."""
    latency_ms = np.full(PLAN.n_frames, 10.0)
    latency_ms[500:510] = 110.0
    frames = make_frames(PLAN, latency_ms=10.0)
    frames["t_decided_ns"][500:510] += 100 * NS_PER_MS
    frames["t_inferred_ns"][500:510] += 100 * NS_PER_MS
    infer = shares_of(frames)["infer"]
    assert infer.n_slowest == 10
    assert infer.slowest_mean_ms == pytest.approx(infer.mean_ms + 99, abs=0.01)
    assert infer.slowest_share_pct > 95 > infer.share_pct


def test_a_target_without_stages_has_only_what_its_stamps_divide() -> None:
    """A foreign pipeline stamps no stage: its time is `other`, and no stage is 0."""
    frames = make_frames(PLAN, latency_ms=10.0)
    frames["t_preprocessed_ns"], frames["t_inferred_ns"] = 0, 0
    shares = shares_of(frames)
    assert list(shares) == ["feeder_lateness", "queue", "other"]
    assert shares["other"].share_pct == pytest.approx(90, abs=0.1)


def test_frames_without_a_decision_take_no_share() -> None:
    """They have no latency to divide; a thousand frames less five have still ten slowest ones."""
    shares = shares_of(make_frames(PLAN, latency_ms=10.0, dropped=range(5)))
    assert shares["infer"].n_slowest == 10
    assert sum(one.mean_ms for one in shares.values()) == pytest.approx(10.0)


def test_a_single_frame_is_its_own_slowest_percent() -> None:
    """At least one frame: both columns are the same."""
    plan = make_plan(n_measured=1, n_warmup=0)
    infer = shares_of(make_frames(plan, latency_ms=10.0), plan)["infer"]
    assert infer.n_slowest == 1
    assert (infer.share_pct, infer.mean_ms) == (infer.slowest_share_pct, infer.slowest_mean_ms)


@pytest.mark.parametrize("latency_ms", [0.0, -5.0])
def test_latencies_that_no_clock_measured_have_no_shares(latency_ms: float) -> None:
    """There is nothing to take a share of."""
    assert not shares_of(make_frames(PLAN, latency_ms=latency_ms, lateness_us=0.0))


def test_without_a_decided_frame_there_are_no_shares() -> None:
    """Nothing was divided."""
    assert not shares_of(make_frames(PLAN, dropped=range(1000)))


def test_of_equally_slow_frames_the_earlier_ones_are_taken() -> None:
    """The choice does not depend on how a sort treats equals."""
    window = cut(make_record(PLAN, frames=make_frames(PLAN, latency_ms=10.0, dropped=[0]), curves=()))
    assert slowest(window, 3).tolist() == [1, 2, 3]


@given(n=st.integers(1, 400), seed=st.integers(0, 2**32 - 1), hidden=st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_shares_sum_to_a_hundred(n: int, seed: int, hidden: int) -> None:
    """Whichever stamps are missing, of whichever frames."""
    plan, random = make_plan(n_measured=n, n_warmup=0), np.random.default_rng(seed)
    frames = make_frames(plan, latency_ms=random.gamma(2, 8, n) + 0.1)
    for name in ("t_inferred_ns", "t_preprocessed_ns", "t_dequeue_ns")[:hidden]:
        frames[name][random.random(n) < 0.5] = 0
    shares = shares_of(frames, plan).values()
    assert sum(one.share_pct for one in shares) == pytest.approx(100)
    assert sum(one.slowest_share_pct for one in shares) == pytest.approx(100)
    assert {one.n_slowest for one in shares} == {-(-n // 100)}
