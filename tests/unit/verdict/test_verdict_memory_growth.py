"""Growth of the target's memory: what is proven, what is refuted, what a run could not have seen."""

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from numpy.typing import NDArray

from builders import (
    MIB,
    NS_PER_S,
    Curve,
    cpu_time,
    make_capability,
    make_event,
    make_limit,
    make_plan,
    make_record,
    ticks_ns,
)
from hilrig.core.run import RunPlan
from hilrig.core.telemetry import Reason
from hilrig.core.verdict import Check, CheckStatus
from hilrig.verdict.estimate import Estimate
from hilrig.verdict.judge import judge
from hilrig.verdict.telemetry.channels import Telemetry
from hilrig.verdict.telemetry.memory_growth import memory_growth
from hilrig.verdict.window import Window, cut

LIMIT = make_limit("resources.host_memory_growth_max_mb_per_hour", "host_memory_growth_mib_per_h", 60.0, "MiB/h")
RSS = make_capability("process.memory.usage")


def plan_of(minutes: float, *, n_warmup: int = 0) -> RunPlan:
    """Return a plan of one frame and one reading a second with the growth limit: memory needs time, not frames."""
    plan = make_plan(n_measured=round(minutes * 60), n_warmup=n_warmup, fps=Fraction(1), limits=[LIMIT])
    return replace(plan, telemetry_period_ms=1000)


def rss(plan: RunPlan, mib: NDArray[np.float64] | float, *, period_ms: int = 1000) -> Curve:
    """Return resident memory read once a period over the measured part."""
    moments = ticks_ns(plan, period_ms=period_ms)
    values = np.broadcast_to(mib, len(moments)) * MIB
    return Curve(capability=RSS, points=tuple(zip(moments, values.tolist(), strict=True)))


def noisy(plan: RunPlan, *, mib_per_h: float, seed: int, sd_mib: float = 2.0) -> Curve:
    """Return memory that grows under the noise of an allocator."""
    hours = np.arange(len(ticks_ns(plan, period_ms=1000))) / 3600
    noise = np.random.default_rng(seed).normal(0, sd_mib, hours.size)
    return rss(plan, 300 + mib_per_h * hours + noise)


def check(plan: RunPlan, curve: Curve) -> Check:
    """Return the growth check of a run with this memory."""
    return judge(make_record(plan, curves=[curve, *cpu_time(plan)])).checks[0]


def test_steady_memory_passes_with_its_bound() -> None:
    """Half an hour of steady memory excludes growth of a mebibyte a minute."""
    plan = plan_of(30)
    held = check(plan, noisy(plan, mib_per_h=0, seed=1))
    assert held.status is CheckStatus.PASS
    assert held.lower is not None
    assert held.upper is not None
    assert held.lower < 0 < held.upper < 60
    assert "with 99 % confidence at most" in held.sentence
    assert "(n = 90 blocks of 20 s)" in held.sentence


def test_leak_beyond_the_limit_fails() -> None:
    """Two mebibytes a minute are found against a limit of one, under noise as large as a minute of leak."""
    plan = plan_of(30)
    held = check(plan, noisy(plan, mib_per_h=120, seed=2))
    assert held.status is CheckStatus.FAIL
    assert held.lower is not None
    assert held.lower > 60
    assert held.observed == pytest.approx(120, rel=0.1)


def test_run_that_could_not_have_seen_the_leak_does_not_pass() -> None:
    """Five minutes cannot exclude the growth, so they say what they could have seen and how long it takes."""
    plan = plan_of(5)
    held = check(plan, noisy(plan, mib_per_h=0, seed=3, sd_mib=8))
    assert held.status is CheckStatus.INCONCLUSIVE
    assert held.minutes_needed is not None
    assert 1 <= held.minutes_needed <= 60
    assert "the smallest that such a run can tell from none is" in held.sentence
    assert "more needed" in held.sentence


def test_the_time_that_is_asked_for_is_enough() -> None:
    """A run of the foretold length with the same noise passes."""
    short = plan_of(5)
    needed_min = check(short, noisy(short, mib_per_h=10, seed=4, sd_mib=8)).minutes_needed
    assert needed_min is not None
    longer = plan_of(5 + 1.2 * needed_min)  # the noise of the foretelling itself
    assert check(longer, noisy(longer, mib_per_h=10, seed=5, sd_mib=8)).status is CheckStatus.PASS


def test_less_than_ten_blocks_decide_nothing() -> None:
    """Three minutes of perfectly steady memory are nine blocks: open, with the seconds that are missing."""
    plan = plan_of(3)
    held = check(plan, rss(plan, 300.0))
    assert (held.status, held.n, held.minutes_needed) == (CheckStatus.INCONCLUSIVE, 9, pytest.approx(1 / 3))
    assert "9 blocks of 20 s say nothing about growth, 10 are the least" in held.sentence
    numbers = {one.metric: one for one in judge(make_record(plan, curves=[rss(plan, 300.0)])).measurements}
    assert numbers["host_memory_growth_mib_per_h"].value is None


def test_equal_readings_do_not_claim_more_than_the_kernel_counts() -> None:
    """Memory that reads the same all the time may have grown by the kernel's batch: a quarter of a mebibyte."""
    plan = plan_of(10)
    estimate = memory_growth(*_found(plan, rss(plan, 300.0)))
    assert isinstance(estimate, Estimate)
    assert estimate.value == 0
    assert estimate.upper == pytest.approx(0.25 / (29 / 180))
    assert estimate.resolvable == estimate.upper


def test_one_step_is_not_a_leak() -> None:
    """A buffer that is allocated once in the middle of the run does not fail as steady growth."""
    plan = plan_of(20)
    mib = np.full(len(ticks_ns(plan, period_ms=1000)), 300.0)
    mib[mib.size // 2 :] += 64
    assert check(plan, rss(plan, mib)).status is not CheckStatus.FAIL


def test_absent_memory_is_not_measured() -> None:
    """No channel, no permission, or zeros instead of values: not measured, with the reason."""
    plan = plan_of(10)
    without = judge(make_record(plan, curves=cpu_time(plan))).checks[0]
    assert (without.status, without.observed) == (CheckStatus.NOT_MEASURED, None)
    refused = check(plan, Curve(capability=RSS, points=tuple((t, Reason.NO_PERMISSION) for t in ticks_ns(plan))))
    assert refused.status is CheckStatus.NOT_MEASURED
    assert "NO_PERMISSION" in refused.sentence
    for nonsense in (0.0, 1e25):
        assert check(plan, rss(plan, nonsense)).status is CheckStatus.NOT_MEASURED


def test_readings_outside_the_measured_part_do_not_count() -> None:
    """Loading the model makes memory grow, but before the measured part."""
    plan = plan_of(10, n_warmup=600)
    inside = rss(plan, 300.0)
    start_ns = inside.points[0][0]
    before = tuple((start_ns - (600 - index) * NS_PER_S, float(index * MIB)) for index in range(1, 600))
    estimate = memory_growth(*_found(plan, Curve(capability=RSS, points=before + inside.points)))
    assert isinstance(estimate, Estimate)
    assert estimate.value == 0


def test_late_camera_does_not_excuse_a_leak_but_a_blind_sampler_does() -> None:
    """No fault of the instrument makes memory grow; only readings that are missing can tilt a slope."""
    plan = plan_of(30)
    leak = noisy(plan, mib_per_h=200, seed=6)
    lost = make_event("child_lost", role="worker", how="signal 9")
    record = make_record(plan, curves=[leak])
    assert (
        judge(make_record(plan, curves=[leak], events=[*record.events, lost])).checks[0].status is CheckStatus.FAIL
    )
    holes = Curve(capability=RSS, points=leak.points[:600] + leak.points[-600:])
    held = judge(make_record(plan, curves=[holes, *cpu_time(plan)])).checks[0]
    assert held.status is CheckStatus.INCONCLUSIVE
    assert "telemetry.coverage" in held.sentence


def test_a_month_of_blocks_is_merged() -> None:
    """More blocks than two thousand are merged, so that thirty days take as long as eleven hours."""
    plan = make_plan(n_measured=30 * 24 * 60, n_warmup=0, fps=Fraction(1, 60), limits=[LIMIT])
    moments = ticks_ns(plan, period_ms=20_000)
    points = tuple((moment, (300 + index / 180) * MIB) for index, moment in enumerate(moments))
    estimate = memory_growth(*_found(plan, Curve(capability=RSS, points=points)))
    assert isinstance(estimate, Estimate)
    assert 1900 < estimate.n <= 2000
    assert estimate.basis.endswith("blocks of 1300 s")
    assert estimate.value == pytest.approx(1.0)
    assert math.isfinite(estimate.upper)


def _found(plan: RunPlan, curve: Curve) -> tuple[Telemetry, Window]:
    record = make_record(plan, curves=[curve])
    return Telemetry(record), cut(record)
