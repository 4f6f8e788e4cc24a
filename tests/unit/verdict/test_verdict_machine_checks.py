"""The instrument judging what it stood on: the telemetry, the clocks, the machine."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from builders import (
    NS_PER_S,
    T0_NS,
    Curve,
    clock_event,
    cpu_time,
    make_capability,
    make_event,
    make_limit,
    make_plan,
    rising,
    steady,
    ticks_ns,
)
from hilrig.core.run import RunEvent
from hilrig.core.telemetry import Capability, ChannelKind, Reason, Tier
from self_checked import PLAN, self_check, without

UTILISATION = make_limit("resources.gpu_util_sustained_max_pct", "gpu_util_sustained_pct", 80, "%")
THROTTLE = make_limit("resources.thermal_throttle_allowed", "thermal_throttle_events", 0, "events")


# --- the telemetry -------------------------------------------------------------------------------------------


def utilisation(points: Sequence[tuple[int, float | Reason]]) -> list[Curve]:
    """Return a GPU utilisation channel with these readings."""
    return [Curve(capability=make_capability("hw.gpu.utilization", unit="1"), points=tuple(points))]


def test_gap_in_needed_telemetry_is_seen() -> None:
    """Three missing samples may hide the hottest moment."""
    plan = make_plan(limits=[UTILISATION])
    points = [(moment, 0.5) for index, moment in enumerate(ticks_ns(plan)) if not 300 <= index < 303]
    broken = self_check("telemetry.coverage", plan=plan, curves=utilisation(points))
    assert not broken.ok
    assert "silent for 4.0 periods" in broken.sentence


def test_readings_without_values_do_not_count_as_coverage() -> None:
    """Calls that all came back, a tenth of them empty, are a tenth short."""
    plan = make_plan(limits=[UTILISATION])
    points = [(moment, Reason.ERROR if index % 10 == 0 else 0.5) for index, moment in enumerate(ticks_ns(plan))]
    assert not self_check("telemetry.coverage", plan=plan, curves=utilisation(points)).ok


def test_sampler_that_stops_before_the_end_is_seen() -> None:
    """Silence up to the end is a gap, although the readings before it are perfect."""
    plan = make_plan(limits=[UTILISATION])
    points = [(moment, 0.5) for moment in ticks_ns(plan)[:-4]]
    assert not self_check("telemetry.coverage", plan=plan, curves=utilisation(points)).ok


def test_telemetry_that_no_limit_needs_may_be_thin() -> None:
    """Holes in channels that are only shown do not void a run."""
    assert self_check("telemetry.coverage", curves=utilisation([(ticks_ns(PLAN)[0], 0.5)])).ok


@pytest.mark.parametrize(
    ("points", "ok"),
    [
        ([(t, 0.5) for t in ticks_ns(PLAN)], True),
        ([(t, Reason.OFFLINE) for t in ticks_ns(PLAN)], True),  # the sampler was there, the device was not
        ([(t, 0.5) for t in ticks_ns(PLAN)[::2]], False),
        ([], False),
    ],
)
def test_sampler_that_hardly_ran_is_seen_though_no_limit_needs_it(points: list, ok: bool) -> None:
    """Empty or thin telemetry is the instrument's fault: every round counts, whatever it brought."""
    assert self_check("telemetry.sampled", curves=utilisation(points)).ok is ok


def test_run_without_any_fast_channel_has_no_telemetry() -> None:
    """The stall sentinel's rare rows are no rounds of the sampler."""
    stalls = Curve(capability=make_capability("hilrig.host.stall"), points=((ticks_ns(PLAN)[0], 6e6),))
    broken = self_check("telemetry.sampled", curves=[stalls])
    assert not broken.ok
    assert "0 rounds taken" in broken.sentence


def test_full_telemetry_is_enough() -> None:
    """A channel read at every tick holds."""
    plan = make_plan(limits=[UTILISATION])
    assert self_check("telemetry.coverage", plan=plan, curves=utilisation([(t, 0.5) for t in ticks_ns(plan)])).ok


def test_counter_that_goes_back_is_seen() -> None:
    """A device reset between two higher readings loses what was counted before it."""
    plan = make_plan(limits=[THROTTLE])
    capability = make_capability(
        "hilrig.hw.throttle.events", kind=ChannelKind.COUNTER, tier=Tier.SLOW, attributes=(("cause", "thermal"),)
    )
    moments = ticks_ns(plan)[::10]
    values = [5.0, *([9.0] * (len(moments) // 2)), 0.0]
    points = tuple(zip(moments, values + [9.0] * (len(moments) - len(values)), strict=True))
    assert not self_check("telemetry.counters", plan=plan, curves=[Curve(capability=capability, points=points)]).ok


def counter(name: str, **attributes: str) -> Capability:
    return make_capability(name, kind=ChannelKind.COUNTER, tier=Tier.SLOW, attributes=tuple(attributes.items()))


@pytest.mark.parametrize("name", ["hilrig.hw.throttle.events", "hilrig.hw.throttle.time", "hw.errors"])
def test_reset_of_a_device_is_seen_though_no_limit_needs_its_counters(name: str) -> None:
    """A driver that was loaded anew counts from 0: whatever was measured before is of another setup."""
    assert not self_check("telemetry.counters", curves=[rising(PLAN, counter(name), 9, 0)]).ok
    assert self_check("telemetry.counters", curves=[rising(PLAN, counter("process.faults"), 9, 0)]).ok


def test_hole_in_a_counter_loses_nothing() -> None:
    """What a counter counted while nobody looked is in its next reading: only its edges are needed."""
    plan = make_plan(limits=[THROTTLE])
    points = tuple((moment, 5.0) for index, moment in enumerate(ticks_ns(plan)) if not 100 <= index < 400)
    curve = Curve(capability=counter("hilrig.hw.throttle.events", cause="thermal"), points=points)
    assert self_check("telemetry.coverage", plan=plan, curves=[curve]).ok


def test_slow_channels_of_a_slow_sampler_are_complete() -> None:
    """With a period of three seconds the slow channels are read every three seconds: that is all of them."""
    growth = make_limit("resources.host_memory_growth_max_mb_per_hour", "host_memory_growth_mib_per_h", 9, "MiB/h")
    plan = replace(make_plan(limits=[growth]), telemetry_period_ms=3000)
    memory = make_capability("process.memory.usage", tier=Tier.SLOW)
    points = tuple((moment, 5e8) for moment in ticks_ns(plan, period_ms=3000))
    assert self_check("telemetry.coverage", plan=plan, curves=[Curve(capability=memory, points=points)]).ok


# --- clocks and machine --------------------------------------------------------------------------------------


def clocks(**fault: float) -> list[RunEvent]:
    """Return the events of a sound run whose second reading of the clocks shows a fault."""
    return [*without("clock"), clock_event(T0_NS), clock_event(T0_NS + 60 * NS_PER_S, **fault)]


@pytest.mark.parametrize(
    ("fault", "ok"),
    [
        ({"realtime_step_ms": 40.0}, True),
        ({"realtime_step_ms": 60.0}, False),
        ({"realtime_step_ms": -60.0}, False),
        ({"suspended_ms": 9.0}, True),
        ({"suspended_ms": 11.0}, False),
    ],
)
def test_clock_steps_and_suspends_are_seen(fault: dict[str, float], ok: bool) -> None:
    """Slewing passes; an NTP step in either direction and a suspend do not."""
    assert self_check("clock.steps", events=clocks(**fault)).ok is ok


def test_step_there_and_back_is_seen() -> None:
    """Two steps that cancel out by the end of the run are still two steps."""
    middle = clock_event(T0_NS + 30 * NS_PER_S, realtime_step_ms=5000.0)
    events = [*without("clock"), clock_event(T0_NS), middle, clock_event(T0_NS + 60 * NS_PER_S)]
    assert not self_check("clock.steps", events=events).ok


def test_unwatched_clocks_are_not_sound() -> None:
    """One reading of the clocks shows no step, and proves none."""
    assert not self_check("clock.steps", events=[*without("clock"), clock_event(T0_NS)]).ok


@pytest.mark.parametrize("boot_id", ["boot-2", "", None])
def test_reboot_is_seen(boot_id: str | None) -> None:
    """Another boot at the end, or an unknown one, is not the same boot."""
    ended = make_event("run_ended", ended="completed", boot_id=boot_id)
    assert not self_check("host.boot", events=[*without("run_ended"), ended]).ok


@pytest.mark.parametrize(("steal_s", "ok"), [(0.0, True), (1.0, True), (2.0, False)])
def test_stolen_cpu_time_is_seen(steal_s: float, ok: bool) -> None:
    """Up to 1 % of all CPU time is allowed."""
    assert self_check("host.steal", curves=cpu_time(PLAN, steal_s=steal_s)).ok is ok


def test_machine_without_steal_accounting_is_no_thief() -> None:
    """Where the channel does not exist, nothing is held against the run; where it was lost, it is."""
    user, idle, steal = cpu_time(PLAN)
    assert self_check("host.steal", curves=[user, idle]).ok
    lost = Curve(capability=steal.capability, points=steal.points[:100])
    assert not self_check("host.steal", curves=[user, idle, lost]).ok


def test_changed_power_mode_is_seen() -> None:
    """A change in the middle of the run is seen even when the mode is back at its end."""
    capability = make_capability("hilrig.host.power_mode", unit="1", kind=ChannelKind.STATE, tier=Tier.SLOW)
    moments = ticks_ns(PLAN)[::10]
    points = tuple((moment, float(20 <= index < 25)) for index, moment in enumerate(moments))
    assert not self_check("host.power_mode", curves=[Curve(capability=capability, points=points)]).ok
    assert self_check("host.power_mode", curves=[steady(PLAN, capability, 0)]).ok


def setting(name: str, unit: str = "1") -> Capability:
    """Return the channel of one setting of the machine."""
    return make_capability(
        "hilrig.host.power_mode",
        unit=unit,
        kind=ChannelKind.STATE,
        tier=Tier.SLOW,
        attributes=(("hw.id", "gpu0"), ("setting", name)),
    )


def test_changed_setting_is_named_with_what_it_was_and_became() -> None:
    """Of several settings the one that moved is what a technician has to look at."""
    curves = [
        steady(PLAN, setting("applications_clock", "Hz"), 1.59e9),
        rising(PLAN, setting("power_limit", "mW"), 70_000, 50_000),
    ]
    broken = self_check("host.power_mode", curves=curves)
    assert not broken.ok
    assert broken.observed_text == "gpu0 power_limit changed from 70000 to 50000"


def test_setting_that_was_lost_is_not_known_to_be_unchanged() -> None:
    """A setting last read in the middle of the run is named too."""
    kept = steady(PLAN, setting("power_limit", "mW"), 70_000)
    broken = self_check("host.power_mode", curves=[Curve(capability=kept.capability, points=kept.points[:300])])
    assert not broken.ok
    assert broken.observed_text.startswith("gpu0 power_limit has no reading at both edges")


@pytest.mark.parametrize(("last_hz", "ok"), [(1.02e9, True), (9.18e8, False)])
def test_moved_clock_lock_is_another_machine(last_hz: float, ok: bool) -> None:
    """The bounds of the GPU's clock are a setting, whoever moves them: a person, a daemon or the kernel."""
    bound = make_capability(
        "hilrig.hw.gpu.clock.limit", unit="Hz", tier=Tier.SLOW, attributes=(("hw.id", "gpu0"), ("bound", "max"))
    )
    found = self_check("host.power_mode", curves=[rising(PLAN, bound, 1.02e9, last_hz)])
    assert found.ok is ok
    assert ok or found.observed_text == "gpu0 clock max changed from 1020 MHz to 918 MHz"


def test_process_killed_for_memory_is_seen() -> None:
    """Kills before the run are history; one during the run voids it."""
    capability = make_capability("hilrig.system.oom_kills", kind=ChannelKind.COUNTER, tier=Tier.SLOW)
    assert self_check("host.oom", curves=[steady(PLAN, capability, 12)]).ok
    broken = self_check("host.oom", curves=[rising(PLAN, capability, 12, 13)])
    assert not broken.ok
    assert broken.observed_text == "1 kill"
