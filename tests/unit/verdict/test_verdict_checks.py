"""Limits held against measurements."""

from fractions import Fraction

import numpy as np
import pytest
from numpy.typing import NDArray

from builders import make_events, make_frames, make_limit, make_plan, make_record, memory_peak
from hilrig.core.frame import FRAME_DTYPE, FrameTable
from hilrig.core.profile import Limit
from hilrig.core.run import Ended, RunPlan
from hilrig.core.verdict import Check, CheckStatus, Measurement
from hilrig.verdict.judge import judge

PASS, FAIL = CheckStatus.PASS, CheckStatus.FAIL
INCONCLUSIVE, NOT_MEASURED = CheckStatus.INCONCLUSIVE, CheckStatus.NOT_MEASURED


def latency_limit(name: str, limit_ms: float) -> Limit:
    return make_limit(f"latency.{name}_max_ms", f"latency_{name}_ms", limit_ms, "ms")


def check(plan: RunPlan, frames: FrameTable | None = None, *, ended: Ended = Ended.COMPLETED) -> Check:
    """Return the plan's only check."""
    record = make_record(plan, frames=frames, events=make_events(plan, ended=ended))
    (only,) = judge(record).checks
    return only


def slow_at(plan: RunPlan, frame_ids: NDArray[np.int64], *, slow_ms: float = 60.0) -> FrameTable:
    """Return frames of 10 ms, some of them slow."""
    latency_ms = np.full(plan.n_frames, 10.0)
    latency_ms[frame_ids] = slow_ms
    return make_frames(plan, latency_ms=latency_ms)


def test_p99_passes_when_its_upper_bound_is_within_the_limit() -> None:
    """The check carries observed value, bounds, margin, n, and a sentence with all of them."""
    held = check(make_plan(limits=[latency_limit("p99", 45)]))
    assert (held.status, held.observed, held.observed_text, held.n) == (PASS, 10.0, "10 ms", 1800)
    assert (held.lower, held.upper, held.minutes_needed) == (10.0, 10.0, None)
    assert held.margin_pct == pytest.approx(100 * 35 / 45)
    assert held.sentence == (
        "Latency p99: 10 ms, within the limit of 45 ms; with 99 % confidence at most 10 ms (n = 1800)."
    )


def test_percentile_of_twenty_samples_proves_nothing() -> None:
    """Twenty perfect frames cannot pass a p99 limit; the check says how many are needed."""
    held = check(make_plan(n_measured=20, limits=[latency_limit("p99", 45)]))
    assert held.status is INCONCLUSIVE
    assert held.upper is None
    assert "fewer than 459 frames cannot prove this percentile" in held.sentence
    assert held.minutes_needed == pytest.approx(439 / 30 / 60)


@pytest.mark.parametrize(("name", "n_least"), [("p95", 90), ("p99", 459), ("p99_9", 4603)])
def test_the_smallest_number_of_frames_that_can_pass(name: str, n_least: int) -> None:
    """At the minimum a spotless run passes, one frame below it does not."""
    limits = [latency_limit(name, 45)]
    assert check(make_plan(n_measured=n_least, limits=limits)).status is PASS
    assert check(make_plan(n_measured=n_least - 1, limits=limits)).status is INCONCLUSIVE


def test_p99_9_needs_a_run_long_enough_for_it() -> None:
    """Two and a half minutes at 30 fps cannot prove a p99.9, ten minutes can, with up to eight frames over it."""
    limits = [latency_limit("p99_9", 45)]
    short = check(make_plan(n_measured=4500, limits=limits))
    assert short.status is INCONCLUSIVE
    assert short.sentence == (
        "Latency p99.9: 10 ms, against a limit of 45 ms (0 of 4500 frames over it): "
        "fewer than 4603 frames cannot prove this percentile; about 3 s more needed."
    )
    plan = make_plan(n_measured=18_000, limits=limits)
    for n_slow, status in ((8, PASS), (9, INCONCLUSIVE)):
        assert check(plan, slow_at(plan, 40 + 1800 * np.arange(n_slow))).status is status


def test_observed_percentile_within_the_limit_is_not_enough() -> None:
    """A p99 just within the limit in one minute is luck as likely as merit: INCONCLUSIVE, with the time needed."""
    plan = make_plan(limits=[latency_limit("p99", 45)])
    held = check(plan, slow_at(plan, np.arange(40, 1800, 120)))
    assert held.observed == 10.0
    assert held.upper == 60.0
    assert held.status is INCONCLUSIVE
    assert held.minutes_needed is not None
    assert "15 of 1800 frames over it" in held.sentence
    assert "more needed" in held.sentence


def test_p99_over_the_limit_beyond_doubt_fails() -> None:
    """Five per cent of frames over the limit, spread out, fail."""
    plan = make_plan(limits=[latency_limit("p99", 45)])
    held = check(plan, slow_at(plan, np.arange(40, 1800, 20)))
    assert held.status is FAIL
    assert (held.observed, held.lower) == (60.0, 60.0)
    assert held.margin_pct == pytest.approx(-100 * 15 / 45)
    assert held.sentence == "Latency p99: 60 ms, over the limit of 45 ms (88 of 1800 frames over it)."


def test_fail_begins_where_the_lower_bound_crosses_the_limit() -> None:
    """Of 1800 scattered frames, 29 over the limit are beyond doubt for a p99, 28 are not (exact binomial)."""
    plan = make_plan(limits=[latency_limit("p99", 45)])
    for n_slow, status in ((28, INCONCLUSIVE), (29, FAIL)):
        assert check(plan, slow_at(plan, 40 + 60 * np.arange(n_slow))).status is status


def test_more_time_is_not_promised_where_it_cannot_help() -> None:
    """Over the allowed share but not beyond doubt: no number of minutes is given."""
    plan = make_plan(limits=[latency_limit("p99", 45)])
    held = check(plan, slow_at(plan, np.arange(1000, 1060)))
    assert (held.status, held.minutes_needed) == (INCONCLUSIVE, None)
    assert "a longer run like this one would not pass" in held.sentence


def test_dropped_frames_make_the_percentile_infinite() -> None:
    """Frames without a decision are infinitely late: dropping the slow ones cannot rescue a p99."""
    plan = make_plan(n_measured=2000, limits=[latency_limit("p99", 45)])
    held = check(plan, make_frames(plan, dropped=range(60, 2000, 20)))
    assert held.status is FAIL
    assert (held.observed, held.margin_pct) == (None, None)
    assert held.observed_text == "infinite (4.85 % of frames got no decision)"


def test_failed_frames_are_as_late_as_dropped_ones() -> None:
    """A pipeline that throws on every slow frame does not get a better percentile for it."""
    plan = make_plan(n_measured=2000, limits=[latency_limit("p99", 45)])
    assert check(plan, make_frames(plan, failed=range(60, 2000, 20))).observed is None


def test_latency_exactly_at_the_limit_is_within_it() -> None:
    """`max` means at most."""
    plan = make_plan(limits=[latency_limit("p99", 45)])
    assert check(plan, make_frames(plan, latency_ms=45.0)).status is PASS


def test_a_nanosecond_over_the_limit_is_over_it_and_looks_so() -> None:
    """The text never rounds an exceeded limit to equality."""
    plan = make_plan(limits=[latency_limit("p99", 45)])
    held = check(plan, make_frames(plan, latency_ms=45.000001))
    assert held.status is FAIL
    assert held.observed_text == "45.000001 ms"


@pytest.mark.parametrize(
    ("metric", "unit", "n_allowed"),
    [("drop_pct", "%", 9), ("failed_pct", "%", 9), ("consecutive_drops", "frames", 5)],
)
def test_budgets_are_exact(metric: str, unit: str, n_allowed: int) -> None:
    """At the budget is PASS, one frame more is FAIL: counting needs no confidence bound."""
    limit = 0.5 if unit == "%" else 5.0
    plan = make_plan(limits=[make_limit("frames.budget", metric, limit, unit)])
    for n_bad, status in ((n_allowed, PASS), (n_allowed + 1, FAIL)):
        bad = range(100, 100 + n_bad)
        frames = make_frames(plan, failed=bad) if metric == "failed_pct" else make_frames(plan, dropped=bad)
        assert check(plan, frames).status is status


def test_zero_budget_has_no_margin() -> None:
    """Against a limit of 0 a margin in per cent does not exist; one failed frame fails."""
    plan = make_plan(limits=[make_limit("frames.failed_max_pct", "failed_pct", 0.0, "%")])
    assert (check(plan).status, check(plan).margin_pct) == (PASS, None)
    held = check(plan, make_frames(plan, failed=[700]))
    assert (held.status, held.margin_pct) == (FAIL, None)
    assert held.sentence.startswith("Failed frames: 0.05556 %, over the limit of 0 % (n = 1800).")


def test_blind_camera_fails_the_gap_though_every_percentile_holds() -> None:
    """Ten consecutive drops in half an hour are nothing to a p99, and everything to a decision gap."""
    limits = [latency_limit("p99", 45), make_limit("latency.decision_gap_max_ms", "decision_gap_ms", 200, "ms")]
    plan = make_plan(n_measured=54_000, limits=limits)
    p99, gap = judge(make_record(plan, frames=make_frames(plan, dropped=range(900, 910)))).checks
    assert (p99.status, gap.status) == (PASS, FAIL)


def test_run_that_is_too_short_is_inconclusive_never_fail() -> None:
    """Half of the required duration needs the other half, and blames nobody."""
    limit = make_limit("latency.duration_minutes", "duration_min", 2.0, "min", at_least=True)
    held = check(make_plan(limits=[limit]))
    assert (held.status, held.observed, held.minutes_needed) == (INCONCLUSIVE, 1.0, 1.0)
    assert (
        held.sentence == "Measured duration: 1 min, shorter than the required 2 min (n = 1800); 1 min more needed."
    )


@pytest.mark.parametrize(("n_measured", "minutes"), [(1800, 1.0), (180, 0.1), (18_000, 10.0)])
def test_run_of_exactly_the_required_length_is_long_enough(n_measured: int, minutes: float) -> None:
    """A tenth of a minute is no binary fraction: the comparison is in whole frames."""
    limit = make_limit("latency.duration_minutes", "duration_min", minutes, "min", at_least=True)
    assert check(make_plan(n_measured=n_measured, limits=[limit])).status is PASS
    assert check(make_plan(n_measured=n_measured - 1, limits=[limit])).status is INCONCLUSIVE


def test_length_in_whole_frames_is_the_length_that_was_asked_for() -> None:
    """Ten minutes at 29.97 fps are 17982 frames, a few microseconds short of ten minutes."""
    limit = make_limit("latency.duration_minutes", "duration_min", 10, "min", at_least=True)
    held = check(make_plan(n_measured=17_982, fps=Fraction(30_000, 1001), limits=[limit]))
    assert held.status is PASS
    assert (held.observed or 0) < 10


def test_early_end_keeps_a_failure_that_nothing_could_undo() -> None:
    """More frames over the limit than the whole planned run may have: stopping early does not hide it."""
    plan = make_plan(n_measured=18_000, limits=[latency_limit("p99", 45)])
    frames = slow_at(plan, np.arange(100, 8000, 20))[:8000]
    assert check(plan, frames, ended=Ended.ABORTED).status is FAIL


def test_early_end_does_not_fail_what_the_rest_of_the_run_could_have_saved() -> None:
    """Three per cent over the limit in the first tenth of a run is not yet more than its whole allowance."""
    plan = make_plan(n_measured=18_000, limits=[latency_limit("p99", 45)])
    frames = slow_at(plan, np.arange(100, 1800, 30))[:1800]
    assert check(plan, frames, ended=Ended.ABORTED).status is INCONCLUSIVE


def test_early_end_judges_shares_against_the_planned_frames() -> None:
    """One per cent dropped in the first tenth is a tenth of a per cent of the whole: open, not failed."""
    plan = make_plan(n_measured=18_000, limits=[make_limit("frames.drop_max_pct", "drop_pct", 0.5, "%")])
    few, many = range(100, 118), range(100, 200)
    assert check(plan, make_frames(plan, dropped=few)[:1830], ended=Ended.ABORTED).status is INCONCLUSIVE
    assert check(plan, make_frames(plan, dropped=many)[:1830], ended=Ended.ABORTED).status is FAIL


def test_metric_without_frames_is_not_measured() -> None:
    """An empty record passes no limit of any kind."""
    limits = [latency_limit("p99", 45), make_limit("frames.drop_max_pct", "drop_pct", 1.0, "%")]
    plan = make_plan(limits=limits)
    held = judge(make_record(plan, frames=np.zeros(0, FRAME_DTYPE))).checks
    assert [one.status for one in held] == [NOT_MEASURED, NOT_MEASURED]
    assert held[0].sentence == "Latency p99 was not measured: no frame was measured."


def test_metric_of_another_test_is_not_measured_here() -> None:
    """Recovery after power loss cannot be seen in a run of frames."""
    plan = make_plan(
        limits=[make_limit("recovery.power_loss_test", "power_loss_recovered", 1.0, "bool", at_least=True)]
    )
    held = check(plan)
    assert (held.status, held.observed, held.observed_text) == (NOT_MEASURED, None, "not measured")


def test_unknown_metric_is_not_measured() -> None:
    """A limit on something that hilrig cannot measure blocks, it is not skipped."""
    held = check(make_plan(limits=[make_limit("latency.typo", "latency_p98_ms", 1.0, "ms")]))
    assert held.status is NOT_MEASURED
    assert "latency_p98_ms" in held.sentence


def test_over_limit_count_and_design_effect_are_reported() -> None:
    """The numbers behind a percentile check stand among the measurements."""
    plan = make_plan(n_measured=18_000, limits=[latency_limit("p99", 45)])
    judgement = judge(make_record(plan, frames=slow_at(plan, np.arange(9000, 9020))))
    numbers: dict[str, Measurement] = {one.metric: one for one in judgement.measurements}
    assert numbers["latency_p99_over_limit"].value == 20
    assert numbers["latency_p99_deff"].value == pytest.approx(20, rel=0.05)


def test_host_memory_is_held_in_mebibytes() -> None:
    """`_mb` means 2^20 bytes: 513 MiB are over a limit of 512."""
    plan = make_plan(limits=[make_limit("resources.host_memory_max_mb", "host_memory_peak_mib", 512.0, "MiB")])
    for mib, status in ((512, PASS), (513, FAIL)):
        (held,) = judge(make_record(plan, curves=[memory_peak(plan, mib)])).checks
        assert (held.status, held.observed) == (status, float(mib))
