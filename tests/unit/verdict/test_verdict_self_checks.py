"""The instrument judging itself."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from builders import (
    NS_PER_MS,
    NS_PER_S,
    T0_NS,
    Curve,
    clock_event,
    cpu_time,
    make_capability,
    make_event,
    make_events,
    make_frames,
    make_limit,
    make_plan,
    make_record,
    rising,
    steady,
    ticks_ns,
)
from hilrig.core.frame import FRAME_DTYPE, FrameTable
from hilrig.core.run import Ended, Pacing, RunEvent, RunPlan
from hilrig.core.telemetry import Capability, ChannelKind, Reason, Tier
from hilrig.core.verdict import RunStatus, SelfCheck
from hilrig.verdict.judge import judge

PLAN = make_plan()
UTILISATION = make_limit("resources.gpu_util_sustained_max_pct", "gpu_util_sustained_pct", 80, "%")
THROTTLE = make_limit("resources.thermal_throttle_allowed", "thermal_throttle_events", 0, "events")


def self_check(
    check_id: str,
    *,
    plan: RunPlan = PLAN,
    frames: FrameTable | None = None,
    curves: Sequence[Curve] | None = None,
    events: Sequence[RunEvent] | None = None,
) -> SelfCheck:
    """Return one self-check of a run that is sound but for what is given; a broken one must block the verdict."""
    judgement = judge(make_record(plan, frames=frames, curves=curves, events=events))
    found = next(one for one in judgement.self_checks if one.check_id == check_id)
    assert found.ok or judgement.status is not RunStatus.PASS
    assert found.ok or found.advice
    return found


def without(kind: str) -> list[RunEvent]:
    """Return the events of a sound run, but those of one kind."""
    return [event for event in make_events(PLAN) if event.kind != kind]


def test_sound_run_passes_every_self_check() -> None:
    """The run that the other tests break holds in all respects."""
    judgement = judge(make_record())
    assert [one.check_id for one in judgement.self_checks if not one.ok] == []
    assert len({one.check_id for one in judgement.self_checks}) == 24
    assert judgement.status is RunStatus.PASS


# --- the camera ----------------------------------------------------------------------------------------------


def test_late_camera_is_seen() -> None:
    """More than 1 % of the releases later than 5 % of the period is no camera."""
    late_us = np.where(np.arange(PLAN.n_frames) % 50 == 0, 3000.0, 2.0)
    broken = self_check("feeder.lateness", frames=make_frames(PLAN, lateness_us=late_us))
    assert not broken.ok
    assert "p99 of its lateness 3000 µs, at most 1667 µs allowed" in broken.sentence


def test_lateness_allowance_follows_the_smallest_latency_limit() -> None:
    """Against a limit of 5 ms, half a millisecond of lateness is all that is allowed."""
    limit = make_limit("latency.p50_max_ms", "latency_p50_ms", 5, "ms")
    plan = make_plan(limits=[limit])
    frames = make_frames(plan, latency_ms=2, lateness_us=600.0)
    assert not self_check("feeder.lateness", plan=plan, frames=frames).ok
    assert self_check("feeder.lateness", frames=make_frames(PLAN, lateness_us=600.0)).ok


def test_lateness_during_the_warm_up_is_forgiven() -> None:
    """Only measured frames count."""
    late_us = np.where(np.arange(PLAN.n_frames) < 30, 9000.0, 2.0)
    assert self_check("feeder.lateness", frames=make_frames(PLAN, lateness_us=late_us)).ok


def test_camera_at_the_wrong_rate_is_seen() -> None:
    """A camera that runs 0.2 % slow drifts away from its grid."""
    drift_us = np.arange(PLAN.n_frames, dtype=np.float64) * (1e6 / 30) * 0.002
    broken = self_check(
        "feeder.rate", frames=make_frames(PLAN, latency_ms=drift_us / 1000 + 10, lateness_us=drift_us)
    )
    assert not broken.ok
    assert broken.observed_text.startswith("0.2")


def test_one_late_frame_at_the_edge_is_no_wrong_rate() -> None:
    """A single stall of the last frame is lateness, not drift."""
    late_us = np.where(np.arange(PLAN.n_frames) == PLAN.n_frames - 1, 200_000.0, 2.0)
    frames = make_frames(PLAN, latency_ms=late_us / 1000 + 10, lateness_us=late_us)
    assert self_check("feeder.rate", frames=frames).ok


def test_unpaced_run_never_passes() -> None:
    """Frames released as fast as they are taken prove nothing about a frame rate."""
    plan = make_plan(pacing=Pacing.UNPACED)
    frames = make_frames(plan)
    faster_ns = np.arange(plan.n_frames) * 20 * NS_PER_MS
    for name in FRAME_DTYPE.names or ():
        if name.startswith("t_"):
            frames[name] -= faster_ns
    assert not self_check("feeder.rate", plan=plan, frames=frames).ok
    assert not self_check("feeder.rate", plan=plan, frames=make_frames(plan)).ok  # the right rate by chance


# --- the records ---------------------------------------------------------------------------------------------


def test_missing_frame_record_is_seen() -> None:
    """A record that is simply not there would improve every percentile."""
    broken = self_check("records.conserved", frames=np.delete(make_frames(PLAN), 700))
    assert not broken.ok
    assert "1829 of 1830 planned frames recorded" in broken.sentence
    assert "frame 700 is missing: frame 701 is recorded in its place" in broken.sentence


def test_frame_recorded_twice_is_seen() -> None:
    """A duplicate that makes up the number does not make up for the missing frame."""
    frames = make_frames(PLAN)
    frames[700] = frames[699]
    assert not self_check("records.conserved", frames=frames).ok


@pytest.mark.parametrize("outcome", [0, 4, 255])
def test_frame_without_a_known_outcome_is_seen(outcome: int) -> None:
    """Offered must equal decided plus dropped plus failed."""
    frames = make_frames(PLAN)
    frames["outcome"][900] = outcome
    broken = self_check("records.conserved", frames=frames)
    assert not broken.ok
    assert "1 frame without an outcome" in broken.sentence


def test_tail_cut_off_a_completed_run_is_seen() -> None:
    """A run that says it is complete has all its planned frames, the slow end included."""
    assert not self_check("records.conserved", frames=make_frames(PLAN)[:1500]).ok


def test_aborted_run_owes_no_frames() -> None:
    """After an early end the frames up to it suffice; the early end itself is another self-check."""
    events = make_events(PLAN, ended=Ended.ABORTED, reason="stopped by the operator")
    frames = make_frames(PLAN)[:1500]
    assert self_check("records.conserved", frames=frames, events=events).ok
    broken = self_check("run.completed", frames=frames, events=events)
    assert broken.sentence == "The run ended early (aborted: stopped by the operator)."


def test_a_lost_lease_is_never_held_against_the_model() -> None:
    """Somebody else may have used the rig: whatever failed, the run proves nothing, and says what to do."""
    plan = make_plan(limits=[make_limit("frames.failed_max_pct", "failed_pct", 1, "%")])
    reason = "the lease of the rig was lost: released by force"
    for ended, status in ((Ended.ABORTED, RunStatus.FAIL), (Ended.LEASE_LOST, RunStatus.INCONCLUSIVE)):
        frames = make_frames(plan, failed=range(400, 1400, 2))
        judgement = judge(make_record(plan, frames=frames, events=make_events(plan, ended=ended, reason=reason)))
        assert judgement.status is status
    broken = next(one for one in judgement.self_checks if one.check_id == "run.completed")
    assert broken.sentence == f"The run ended early ({reason})."
    assert "Reserve the rig" in broken.advice
    assert judgement.sentence.startswith(f"The run ended early ({reason})")


def test_a_recovery_in_another_boot_says_that_the_rig_rebooted() -> None:
    """The verdict of a run cut off by a power loss says so first; a supervisor that was killed is no reboot."""
    for boot, sentence in (
        ("boot-2", "The rig rebooted in the middle of the run (power cut, crash or restart)."),
        ("boot-1", "The machine was not restarted during the run."),
        ("", "The machine was restarted during the run, or the record does not say."),
    ):
        events = [*without("run_ended"), make_event("recovered", boot_id=boot)]
        assert self_check("host.boot", events=events).sentence == sentence
        judgement = judge(make_record(PLAN, events=events))
        assert judgement.status is RunStatus.INCONCLUSIVE
        assert judgement.sentence.startswith(sentence.removesuffix(".")) is (boot != "boot-1")


def test_lost_records_are_seen() -> None:
    """The run's own count of lost records is believed even when the rest looks whole."""
    events = [
        *without("run_ended"),
        make_event("run_ended", ended="completed", boot_id="boot-1", n_lost_records=3),
    ]
    assert not self_check("records.conserved", events=events).ok


def test_stamps_that_run_backwards_are_seen() -> None:
    """A decision before its inference is no fast model, it is a broken record."""
    frames = make_frames(PLAN)
    frames["t_decided_ns"][800] = frames["t_inferred_ns"][800] - 1
    broken = self_check("records.stamps", frames=frames)
    assert not broken.ok
    assert "1 frame" in broken.sentence


def test_decision_without_a_stage_is_seen() -> None:
    """A decided frame passed every stage."""
    frames = make_frames(PLAN)
    frames["t_inferred_ns"][800] = 0
    assert not self_check("records.stamps", frames=frames).ok


def test_re_based_schedule_is_seen() -> None:
    """Intended moments moved after a stall hide the stall (coordinated omission): they must lie on the grid."""
    frames = make_frames(PLAN)
    for name in FRAME_DTYPE.names or ():
        if name.startswith("t_"):
            frames[name][900:] += 500 * NS_PER_MS
    broken = self_check("records.stamps", frames=frames)
    assert not broken.ok
    assert "930 frames due off the camera's grid" in broken.sentence


def test_record_without_its_schedule_is_seen() -> None:
    """Without the start of the grid nothing can be held against it."""
    assert not self_check("records.stamps", events=without("schedule")).ok


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


@pytest.mark.parametrize(
    ("check_id", "kind", "detail"),
    [
        ("processes.alive", "child_lost", {"role": "sampler_loop", "how": "signal 9"}),
        ("target.alive", "child_lost", {"role": "worker", "how": "killed by signal SIGSEGV"}),
        ("disk.space", "disk_full", {}),
    ],
)
def test_incidents_are_seen(check_id: str, kind: str, detail: dict[str, str]) -> None:
    """A lost process and a full disk each void the run, even when it says that it is complete."""
    assert not self_check(check_id, events=[*make_events(PLAN), make_event(kind, T0_NS, **detail)]).ok


def test_full_disk_that_could_not_be_written_down_is_seen() -> None:
    """A full disk may leave no event of its own: the way the run ended tells."""
    assert not self_check("disk.space", events=make_events(PLAN, ended=Ended.DISK_FULL)).ok


@pytest.mark.parametrize(
    "ended", [None, *(ended for ended in Ended if ended not in {Ended.COMPLETED, Ended.DECIDED_EARLY})]
)
def test_unfinished_run_is_seen(ended: Ended | None) -> None:
    """Only a run that went as far as it had to can pass; a record that does not say how it ended did not."""
    events = without("run_ended") if ended is None else make_events(PLAN, ended=ended)
    assert not self_check("run.completed", events=events).ok


def test_empty_record_is_judged_without_error() -> None:
    """A run that died before its first frame has a verdict too."""
    empty = make_record(PLAN, frames=np.zeros(0, FRAME_DTYPE), curves=[], events=[])
    judgement = judge(empty)
    assert judgement.status is RunStatus.INCONCLUSIVE
    assert (judgement.worst_frames, judgement.latency_series) == ((), ())
