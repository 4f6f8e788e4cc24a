"""Change points of the latency, and what is said to have happened near them."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from builders import (
    NS_PER_MS,
    NS_PER_S,
    Curve,
    edges_ns,
    make_capability,
    make_event,
    make_events,
    make_frames,
    make_plan,
    make_record,
    ticks_ns,
)
from hilrig.core.run import Pacing
from hilrig.core.telemetry import ChannelKind, Tier
from hilrig.core.verdict import ChangePoint
from hilrig.verdict.judge import judge

PLAN = make_plan(n_measured=18_000, n_warmup=0)  # ten minutes
START_NS, _ = edges_ns(PLAN)


def latencies(factors: Sequence[tuple[float, float]], *, seed: int = 1) -> NDArray[np.float64]:
    """Return ten minutes around 10 ms; each factor holds from its second on."""
    latency_ms = 8 + np.random.default_rng(seed).gamma(2, 1, PLAN.n_frames)
    for from_s, factor in factors:
        latency_ms[round(from_s * 30) :] *= factor
    return latency_ms


def found(latency_ms: NDArray[np.float64], *, dropped: Sequence[int] = ()) -> tuple[ChangePoint, ...]:
    """Return the change points of a run without telemetry."""
    frames = make_frames(PLAN, latency_ms=latency_ms, dropped=dropped)
    return judge(make_record(PLAN, frames=frames, curves=[])).change_points


def test_clean_run_has_no_change_point() -> None:
    """A latency that only scatters did not change."""
    assert found(latencies([])) == ()


def test_constant_latency_has_no_change_point() -> None:
    """Equal values everywhere have no ranks to differ in."""
    assert found(np.full(PLAN.n_frames, 10.0)) == ()


def test_step_of_a_fifth_is_found_where_it_is() -> None:
    """A pipeline that is 20 % slower from minute four on: its median and its p99 change there."""
    points = found(latencies([(240, 1.2)]))
    assert [(point.t_s, point.metric) for point in points] == [(240, "latency_p50_ms"), (240, "latency_p99_ms")]
    assert all(point.after_ms == pytest.approx(1.2 * point.before_ms, rel=0.05) for point in points)


def test_slow_stretch_has_a_beginning_and_an_end() -> None:
    """Two minutes of throttling in the middle are two changes, with the levels on either side."""
    points = [point for point in found(latencies([(240, 1.5), (360, 1 / 1.5)])) if "p50" in point.metric]
    assert [point.t_s for point in points] == [240, 360]
    assert points[0].after_ms == points[1].before_ms
    assert points[0].before_ms == pytest.approx(points[1].after_ms, rel=0.02)


def test_change_too_small_to_matter_is_not_shown() -> None:
    """Three per cent, however certain, are nothing to look at."""
    latency_ms = np.full(PLAN.n_frames, 10.0)
    latency_ms[9000:] *= 1.03
    assert found(latency_ms) == ()


def test_a_few_spikes_are_no_change() -> None:
    """A handful of very slow frames changes no level."""
    latency_ms = latencies([])
    latency_ms[5000:5060] = 400.0
    assert found(latency_ms) == ()


def test_tail_can_change_without_the_median() -> None:
    """Garbage collections that begin in mid-run move the p99 alone."""
    latency_ms = latencies([])
    latency_ms[9000::40] += 30
    assert {(point.t_s, point.metric) for point in found(latency_ms)} == {(300, "latency_p99_ms")}


def test_at_most_ten_changes_are_shown() -> None:
    """A run that becomes slower every five minutes shows its strongest changes, in the order of time."""
    plan = make_plan(n_measured=108_000, n_warmup=0)
    level = 10.0 + 5 * (np.arange(plan.n_frames) // 9000)
    frames = make_frames(plan, latency_ms=level + np.random.default_rng(3).random(plan.n_frames))
    points = judge(make_record(plan, frames=frames, curves=[])).change_points
    assert len(points) == 10
    assert [point.t_s for point in points] == sorted(point.t_s for point in points)


def test_stretch_without_decisions_is_left_out() -> None:
    """Buckets in which nothing was decided have no latency; the drops stand near the change."""
    points = found(latencies([(320, 1.5)]), dropped=range(9000, 9600))
    assert {point.t_s for point in points} == {320}
    assert all("300 frames dropped" in point.nearby for point in points)


def test_unpaced_run_and_short_run_have_no_change_points() -> None:
    """Less than two buckets, or no frames at all, are no series."""
    for n_measured in (1, 200):
        plan = make_plan(n_measured=n_measured, pacing=Pacing.UNPACED)
        assert judge(make_record(plan)).change_points == ()


def test_what_happened_nearby_is_told() -> None:
    """Throttling, stalls, a clock that fell and an event of the run stand beside the change; far ones do not."""
    change_ns = START_NS + 240 * NS_PER_S
    seconds = ticks_ns(PLAN, period_ms=1000)
    throttle = make_capability(
        "hilrig.hw.throttle.events", unit="{event}", kind=ChannelKind.COUNTER, tier=Tier.SLOW
    )
    state, time, peaks = (
        make_capability(f"hilrig.hw.throttle.{kind}", unit=unit, tier=Tier.SLOW, attributes=(("cause", cause),))
        for kind, unit, cause in (
            ("state", "1", "power"),
            ("time", "ns", "thermal"),
            ("events", "{event}", "current_peak"),
        )
    )
    clock = make_capability("system.cpu.frequency", unit="Hz", tier=Tier.SLOW)
    stall = make_capability("hilrig.host.stall", unit="ns")
    curves = [
        Curve(capability=throttle, points=tuple((t, 0.0 if t < change_ns else 3.0) for t in seconds)),
        Curve(capability=state, points=tuple((t, float(t == change_ns)) for t in seconds)),
        Curve(capability=time, points=tuple((t, 0.0 if t < change_ns else 250.0 * NS_PER_MS) for t in seconds)),
        Curve(capability=peaks, points=tuple((t, float(index)) for index, t in enumerate(seconds))),
        Curve(capability=clock, points=tuple((t, 3.2e9 if t < change_ns else 1.6e9) for t in seconds)),
        Curve(
            capability=stall,
            points=((change_ns - NS_PER_S, 12.0 * NS_PER_MS), (change_ns + 60 * NS_PER_S, 99.0 * NS_PER_MS)),
        ),
    ]
    events = [*make_events(PLAN), make_event("phase", change_ns + NS_PER_S, phase="measure")]
    frames = make_frames(PLAN, latency_ms=latencies([(240, 1.5)]))
    point = judge(make_record(PLAN, frames=frames, curves=curves, events=events)).change_points[0]
    assert point.nearby == (
        "CPU throttled (thermal): its counter grew by 250 ms",
        "CPU throttled: counted 3 times",
        "CPU throttled (power): seen in its state",
        "1 stall of the host, the longest 12 ms",
        "CPU clock from 3200 MHz to 1600 MHz",
        "event phase",
    )
