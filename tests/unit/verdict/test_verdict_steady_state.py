"""Thermal steady state, and percentiles of the part from there on."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from builders import (
    P99,
    Curve,
    cpu_time,
    make_capability,
    make_frames,
    make_plan,
    make_record,
    ticks_ns,
)
from hilrig.core.run import RunPlan
from hilrig.core.telemetry import Capability, ChannelKind, Reason, Tier
from hilrig.core.verdict import CheckStatus, Judgement
from hilrig.verdict.judge import judge
from hilrig.verdict.part import part_after
from hilrig.verdict.steady_state import SteadyState, steady_state
from hilrig.verdict.telemetry.channels import Telemetry
from hilrig.verdict.window import cut

SLOW = make_plan(n_measured=1200, n_warmup=0, fps=Fraction(1))  # twenty minutes
SENSOR = make_capability("hw.temperature", unit="Cel", tier=Tier.SLOW, attributes=(("hw.id", "cpu/package"),))
OTHER = make_capability("hw.temperature", unit="Cel", tier=Tier.SLOW, attributes=(("hw.id", "board/inlet"),))
THROTTLE = make_capability(
    "hilrig.hw.throttle.events",
    unit="{event}",
    kind=ChannelKind.COUNTER,
    tier=Tier.SLOW,
    attributes=(("cause", "thermal"),),
)


def minutes(plan: RunPlan) -> NDArray[np.float64]:
    """Return the moments at which a slow channel is read, in minutes from the start of the measured part."""
    return np.arange(len(ticks_ns(plan, period_ms=1000))) / 60


def read(plan: RunPlan, values: NDArray[np.float64], capability: Capability = SENSOR) -> Curve:
    """Return a channel with one value a second."""
    moments = ticks_ns(plan, period_ms=1000)
    return Curve(capability=capability, points=tuple(zip(moments, values.tolist(), strict=True)))


def warming(plan: RunPlan, *, time_constant_min: float, seed: int = 1) -> NDArray[np.float64]:
    """Return a sensor that rises from 40 to 70 C, in whole degrees and noisy, as such sensors are."""
    rise = 70 - 30 * np.exp(-minutes(plan) / time_constant_min)
    noisy: NDArray[np.float64] = np.round(rise + np.random.default_rng(seed).normal(0, 0.7, rise.size))
    return noisy


def found(plan: RunPlan, *curves: Curve) -> SteadyState:
    """Return the steady state of a run with this telemetry."""
    record = make_record(plan, curves=list(curves))
    return steady_state(Telemetry(record), cut(record))


def test_steady_temperature_is_steady_after_its_first_five_minutes() -> None:
    """Five minutes must be seen before anything is called steady."""
    values = np.full(minutes(SLOW).size, 55.0)
    assert found(SLOW, read(SLOW, values)).after_ns == 300 * 10**9


def test_warming_rig_is_steady_when_it_stops_warming() -> None:
    """An exponential approach is steady once its mean slope over five minutes falls below 0.2 C a minute."""
    after_ns = found(SLOW, read(SLOW, warming(SLOW, time_constant_min=2.5))).after_ns
    assert after_ns is not None
    # The chord of 30 exp(-t / 2.5) over five minutes is 0.2 C/min at t = 12.9 min; slopes inside vary around it.
    assert 9 * 60 <= after_ns / 10**9 <= 13.5 * 60


def test_rig_that_keeps_warming_is_never_steady() -> None:
    """Half a degree a minute for twenty minutes is no steady state."""
    steady = found(SLOW, read(SLOW, 40 + 0.5 * minutes(SLOW)))
    assert (steady.after_ns, steady.reason) == (None, "the temperature never settled for 5 min")


def test_every_sensor_must_be_steady() -> None:
    """A board that still warms up keeps the rig from being steady, whatever the processor says."""
    processor = read(SLOW, np.full(minutes(SLOW).size, 60.0))
    board = read(SLOW, 30 + 0.4 * np.minimum(minutes(SLOW), 10), OTHER)
    after_ns = found(SLOW, processor, board).after_ns
    assert after_ns is not None
    assert after_ns > 11 * 60 * 10**9


def test_throttling_rig_is_not_steady() -> None:
    """A processor that holds its temperature by throttling is at its limit, not at rest."""
    flat = read(SLOW, np.full(minutes(SLOW).size, 95.0))
    throttling = read(SLOW, np.floor(np.minimum(minutes(SLOW), 8)), THROTTLE)
    assert found(SLOW, flat, throttling).after_ns == 13 * 60 * 10**9  # the last event is at minute 8


@pytest.mark.parametrize(
    ("name", "attributes"),
    [
        ("hilrig.hw.throttle.time", (("cause", "thermal"), ("hw.id", "gpu0"))),
        ("hilrig.hw.gpu.clock.limit", (("hw.id", "gpu0"), ("bound", "max"))),
        ("hilrig.host.power_mode", (("setting", "nvpmodel"),)),
    ],
)
def test_rig_whose_time_of_throttling_or_settings_move_is_not_steady(name: str, attributes: tuple) -> None:
    """Time in throttling, another bound of the clock, another power mode: steady five minutes after the last."""
    flat = read(SLOW, np.full(minutes(SLOW).size, 95.0))
    moving = make_capability(name, tier=Tier.SLOW, attributes=attributes)
    assert (
        found(SLOW, flat, read(SLOW, np.floor(np.minimum(minutes(SLOW), 8)), moving)).after_ns == 13 * 60 * 10**9
    )


def test_throttling_for_power_does_not_keep_a_rig_from_being_steady() -> None:
    """A card at its power limit is throttled so all the time, and its temperature is at rest."""
    flat = read(SLOW, np.full(minutes(SLOW).size, 70.0))
    power = make_capability("hilrig.hw.throttle.time", tier=Tier.SLOW, attributes=(("cause", "power"),))
    assert found(SLOW, flat, read(SLOW, minutes(SLOW), power)).after_ns == 300 * 10**9


def test_sensor_with_a_hole_is_not_known_to_be_steady() -> None:
    """A block without a reading is unknown: steady only five minutes after it."""
    curve = read(SLOW, np.full(minutes(SLOW).size, 50.0))
    points = tuple(
        (t_ns, Reason.LOST if 120 <= index < 180 else value) for index, (t_ns, value) in enumerate(curve.points)
    )
    assert found(SLOW, replace(curve, points=points)).after_ns == (180 + 300) * 10**9


@pytest.mark.parametrize(
    ("n_measured", "has_sensor", "words"),
    [(299, True, "shorter than 5 min"), (1200, False, "this rig has no channel hw.temperature")],
)
def test_unknown_steady_state_has_its_reason(n_measured: int, has_sensor: bool, words: str) -> None:
    """Too short a run, or a rig without a sensor: no moment, and the measurements say why."""
    plan = make_plan(n_measured=n_measured, n_warmup=0, fps=Fraction(1))
    curves = [read(plan, np.full(minutes(plan).size, 50.0))] if has_sensor else []
    judgement = judge(make_record(plan, curves=curves))
    numbers = {one.metric: one for one in judgement.measurements}
    for metric in ("thermal_steady_after_min", "latency_p99_steady_ms"):
        assert numbers[metric].value is None
        assert words in numbers[metric].reason


@given(seed=st.integers(0, 2**32 - 1), sd_c=st.floats(0, 1.0))
@settings(max_examples=25, deadline=None)
def test_noise_alone_does_not_hide_a_steady_rig(seed: int, sd_c: float) -> None:
    """A noisy sensor around one temperature is found steady within the twenty minutes."""
    noise = np.random.default_rng(seed).normal(0, sd_c, minutes(SLOW).size)
    assert found(SLOW, read(SLOW, 60 + noise)).after_ns is not None


# --- percentiles of the steady part --------------------------------------------------------------------------

TEN_MINUTES = make_plan(n_measured=18_000, n_warmup=0)


def judged(slow_share: float, *, n_warm_frames: int = 9_000, share_cold: float = 0.0) -> Judgement:
    """Return the judgement of ten minutes, steady from minute five, with some scattered frames of 60 ms."""
    latency_ms = np.full(TEN_MINUTES.n_frames, 10.0)
    warm = np.arange(18_000 - n_warm_frames, 18_000)
    cold = np.arange(9_000)
    for where, share in ((warm, slow_share), (cold, share_cold)):
        if share:
            latency_ms[where[:: round(1 / share)]] = 60.0
    flat = read(TEN_MINUTES, np.full(minutes(TEN_MINUTES).size, 60.0))
    frames = make_frames(TEN_MINUTES, latency_ms=latency_ms)
    return judge(make_record(TEN_MINUTES, frames=frames, curves=[flat, *cpu_time(TEN_MINUTES)]))


def test_cool_start_does_not_hide_a_warm_pipeline_that_is_too_slow() -> None:
    """1.4 % over the limit once warm is 0.7 % of the whole run: the steady part fails, and is named."""
    (check,) = judged(0.0141).checks
    assert check.status is CheckStatus.FAIL
    assert check.n == 9_000
    assert check.sentence.startswith("Latency p99 from minute 5 on, when the rig was warm: 60 ms, over the limit")


def test_warm_part_over_the_limit_without_certainty_leaves_the_check_open() -> None:
    """1.05 % once warm is over the limit as observed, not beyond doubt: no PASS, no FAIL."""
    (check,) = judged(0.0105).checks
    assert check.status is CheckStatus.INCONCLUSIVE
    assert "when the rig was warm" in check.sentence


def test_warm_part_that_is_only_too_short_takes_nothing_from_the_run() -> None:
    """0.8 % once warm proves nothing over five minutes, but the whole run is within the limit beyond doubt."""
    (check,) = judged(0.008).checks
    assert (check.status, check.n) == (CheckStatus.PASS, 18_000)
    assert "warm" not in check.sentence


def test_cold_part_over_the_limit_fails_though_the_warm_part_holds() -> None:
    """The limit holds for the run as a whole, not only for when it is comfortable."""
    (check,) = judged(0.0, share_cold=0.04).checks
    assert (check.status, check.n) == (CheckStatus.FAIL, 18_000)


def test_percentiles_of_the_steady_part_are_measured() -> None:
    """When it was steady, and what the latency was from then on."""
    numbers = {one.metric: one for one in judged(0.0141).measurements}
    assert numbers["thermal_steady_after_min"].value == 5
    assert (numbers["latency_p99_steady_ms"].value, numbers["latency_p99_ms"].value) == (60, 10)
    assert (numbers["latency_p50_steady_ms"].value, numbers["latency_p50_steady_ms"].n) == (10, 9_000)


def test_steady_part_of_few_frames_says_nothing() -> None:
    """Fewer warm frames than a p99 needs leave the check to the whole run."""
    plan = make_plan(n_measured=700, n_warmup=0, fps=Fraction(1), limits=[P99])
    latency_ms = np.full(plan.n_frames, 10.0)
    latency_ms[[400, 500]] = 60.0
    flat = read(plan, np.full(minutes(plan).size, 60.0))
    (check,) = judge(make_record(plan, frames=make_frames(plan, latency_ms=latency_ms), curves=[flat])).checks
    assert check.n == 700


@given(
    latency_ms=st.lists(st.integers(1, 5), min_size=2, max_size=40),
    first=st.integers(0, 40),
    dropped=st.sets(st.integers(0, 39)),
)
@settings(max_examples=60, deadline=None)
def test_part_of_a_run_is_the_frames_from_a_moment_on(
    latency_ms: list[int], first: int, dropped: set[int]
) -> None:
    """Its latencies are those of its frames, as they came and ascending, equal ones included."""
    plan = make_plan(n_measured=len(latency_ms), n_warmup=0, fps=Fraction(1))
    lost = [frame for frame in dropped if frame < plan.n_frames]
    window = cut(make_record(plan, frames=make_frames(plan, latency_ms=np.array(latency_ms), dropped=lost)))
    part = part_after(window, first * 10**9, words="")
    expected = window.latency_ns[first:]
    assert part.latency_ns.tolist() == expected.tolist()
    assert part.sorted_latency_ns.tolist() == sorted(expected.tolist())
    assert part.n_decided == sum(frame not in lost for frame in range(first, plan.n_frames))
