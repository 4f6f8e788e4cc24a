"""Budgets: how many frames may break a limit, and when they did."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import NS_PER_MS, P99, make_event, make_frames, make_limit, make_plan, make_record
from hilrig.core.frame import Outcome, OutcomeReason
from hilrig.verdict.budgets import N_POINTS_MAX, budgets
from hilrig.verdict.judge import judge
from hilrig.verdict.percentile import PERMILLE_OF
from hilrig.verdict.statistics.percentile_bounds import nearest_rank
from hilrig.verdict.window import cut

DROPS = make_limit("frames.drop_max_pct", "drop_pct", 0.5, "%")
FAILURES = make_limit("frames.failed_max_pct", "failed_pct", 0.1, "%")


def budgets_of(plan, **frames):
    return budgets(cut(make_record(plan, frames=make_frames(plan, **frames), curves=())))


def test_the_budget_of_a_p99_is_one_frame_in_a_hundred() -> None:
    """Of 1800 frames 18 may be over the limit; the three that were are counted where they came."""
    plan = make_plan(n_warmup=0)
    latency_ms = np.full(plan.n_frames, 10.0)
    latency_ms[[0, 900, 1799]] = 50.0
    (budget,) = budgets_of(plan, latency_ms=latency_ms)
    assert (budget.check_id, budget.n_measured, budget.n_allowed) == ("latency.p99_max_ms", 1800, 18)
    assert (budget.n_used[0], budget.n_used[1], budget.n_used[-1]) == (0, 1, 3)
    assert budget.t_s[0] == 0.0
    assert budget.t_s[-1] == pytest.approx(60.0)
    used_by_then = [used for t_s, used in zip(budget.t_s, budget.n_used, strict=True) if t_s <= 29.9]
    assert used_by_then[-1] == 1


def test_a_frame_at_the_limit_does_not_use_the_budget() -> None:
    """The limit itself is allowed, a nanosecond more is not."""
    plan = make_plan(n_measured=1000, n_warmup=0)
    latency_ms = np.full(plan.n_frames, P99.limit)
    latency_ms[500] += 1 / NS_PER_MS
    (budget,) = budgets_of(plan, latency_ms=latency_ms)
    assert budget.n_used[-1] == 1


def test_a_frame_without_a_decision_uses_the_budget_of_a_latency() -> None:
    """Dropped or failed: it never gets its decision, so it is late."""
    plan = make_plan(n_warmup=0)
    (budget,) = budgets_of(plan, dropped=[3, 4], failed=[5])
    assert budget.n_used[-1] == 3


def test_shares_have_budgets_of_their_own() -> None:
    """Of 1800 frames 9 may be dropped at 0.5 %, and 1 may fail at 0.1 %; each kind uses its own."""
    plan = make_plan(n_warmup=0, limits=[DROPS, FAILURES])
    drops, failures = budgets_of(plan, dropped=[100, 200], failed=[300])
    assert (drops.n_allowed, drops.n_used[-1]) == (9, 2)
    assert (failures.n_allowed, failures.n_used[-1]) == (1, 1)


def test_a_limit_of_zero_allows_no_frame() -> None:
    """The first drop is over it."""
    plan = make_plan(n_warmup=0, limits=[replace(DROPS, limit=0.0)])
    (budget,) = budgets_of(plan, dropped=[7])
    assert (budget.n_allowed, budget.n_used[-1]) == (0, 1)


def test_other_limits_have_no_budget() -> None:
    """A duration or a memory peak is not used up by frames."""
    others = [
        make_limit("latency.duration_minutes", "duration_min", 1, "min", at_least=True),
        make_limit("resources.host_memory_max_mb", "host_memory_peak_mib", 512, "MiB"),
    ]
    assert budgets_of(make_plan(limits=others)) == ()


def test_the_warm_up_uses_nothing() -> None:
    """Slow frames before the measured part are not the limit's business."""
    plan = make_plan(n_warmup=30)
    latency_ms = np.where(np.arange(plan.n_frames) < 30, 900.0, 10.0)
    (budget,) = budgets_of(plan, latency_ms=latency_ms)
    assert (budget.n_measured, budget.n_used[-1]) == (1800, 0)


def test_without_frames_there_is_no_budget() -> None:
    """Nothing was measured, nothing was allowed."""
    assert budgets_of(make_plan(n_measured=0, n_warmup=0)) == ()


def test_a_run_that_ended_early_has_the_budget_of_its_frames() -> None:
    """What was observed is held against the frames that were there, not against those that were planned."""
    plan = make_plan(n_measured=1800, n_warmup=0)
    frames = make_frames(plan)[:1000]
    frames["outcome"][990:], frames["reason"][990:] = Outcome.FAILED, OutcomeReason.RUN_ENDED
    events = [make_event("run_ended", ended="aborted", reason="asked")]
    (budget,) = budgets(cut(make_record(plan, frames=frames, curves=(), events=events)))
    assert (budget.n_measured, budget.n_allowed, budget.n_used[-1]) == (990, 9, 0)


@given(
    n=st.integers(1, 700),
    metric=st.sampled_from(sorted(PERMILLE_OF)),
    values_ms=st.lists(st.sampled_from([10.0, 44.999999, 45.0, 45.000001, 90.0]), min_size=1, max_size=9),
    n_dropped=st.integers(0, 20),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=200, deadline=None)
def test_a_budget_is_overdrawn_exactly_when_the_percentile_is_over_its_limit(
    n, metric, values_ms, n_dropped, seed
) -> None:
    """Ties at the limit and frames without a decision included; and no step loses or invents a frame."""
    plan = make_plan(n_measured=n, n_warmup=0, limits=[make_limit("it", metric, 45.0, "ms")])
    random = np.random.default_rng(seed)
    dropped = random.permutation(n)[:n_dropped].tolist()
    frames = make_frames(plan, latency_ms=random.choice(values_ms, n), dropped=dropped)
    window = cut(make_record(plan, frames=frames, curves=()))
    (budget,) = budgets(window)
    observed_ns = window.latency_at(nearest_rank(n, PERMILLE_OF[metric]))
    is_over = observed_ns is None or observed_ns > 45 * NS_PER_MS
    assert (budget.n_used[-1] > budget.n_allowed) == is_over
    assert budget.n_used[-1] == np.count_nonzero(window.latency_ns > 45 * NS_PER_MS)
    assert len(budget.t_s) == len(budget.n_used) <= N_POINTS_MAX
    assert sorted(budget.t_s) == list(budget.t_s)
    assert sorted(budget.n_used) == list(budget.n_used)


@given(n=st.integers(1, 3000), limit_pct=st.floats(0, 100), at_border=st.booleans(), data=st.data())
@settings(max_examples=100, deadline=None)
def test_a_share_is_overdrawn_exactly_when_its_check_does_not_pass(n, limit_pct, at_border, data) -> None:
    """At the border as well: a limit that is the float of some share allows that share."""
    if at_border:
        limit_pct = 100 * data.draw(st.integers(0, n)) / n
    plan = make_plan(n_measured=n, n_warmup=0, limits=[replace(DROPS, limit=limit_pct)])
    window = cut(make_record(plan, frames=make_frames(plan), curves=()))
    (budget,) = budgets(window)
    assert 100 * budget.n_allowed / n <= limit_pct
    assert budget.n_allowed == n or 100 * (budget.n_allowed + 1) / n > limit_pct


@pytest.mark.parametrize("n_more", [0, 1])
def test_the_check_and_the_budget_agree_at_the_border(n_more: int) -> None:
    """Nine drops of 1800 are within 0.5 %, ten are not."""
    plan = make_plan(n_warmup=0, limits=[DROPS])
    judgement = judge(make_record(plan, frames=make_frames(plan, dropped=range(100, 109 + n_more)), curves=()))
    (budget,), (check,) = judgement.budgets, judgement.checks
    assert (budget.n_used[-1] > budget.n_allowed) == (check.status.value == "FAIL") == bool(n_more)


def test_steps_hold_equally_many_frames() -> None:
    """With every frame over the limit, each step uses as many as the others, to one."""
    plan = make_plan(n_measured=5000, n_warmup=0)
    (budget,) = budgets_of(plan, latency_ms=90.0)
    assert len(budget.n_used) == N_POINTS_MAX
    assert set(np.diff(budget.n_used).tolist()) == {20, 21}
