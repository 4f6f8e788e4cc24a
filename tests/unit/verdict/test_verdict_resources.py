"""Numbers from telemetry."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import (
    MIB,
    NS_PER_MS,
    NS_PER_S,
    Curve,
    edges_ns,
    make_capability,
    make_limit,
    make_plan,
    make_record,
    memory_peak,
    rising,
    steady,
    ticks_ns,
)
from hilrig.core.telemetry import Capability, ChannelKind, Reason, Tier
from hilrig.core.verdict import Measurement
from hilrig.verdict.gpu_resources import sustained
from hilrig.verdict.judge import judge

PLAN = make_plan(n_measured=1800)
START_NS, END_NS = edges_ns(PLAN)


def measured(curves: Sequence[Curve], metric: str) -> Measurement:
    """Return one measurement of a sound run with this telemetry."""
    judgement = judge(make_record(PLAN, curves=curves))
    return next(one for one in judgement.measurements if one.metric == metric)


def throttle_counter(source: str = "core", *, reason: Reason | None = None) -> Capability:
    return make_capability(
        "hilrig.hw.throttle.events",
        unit="{event}",
        kind=ChannelKind.COUNTER,
        tier=Tier.SLOW,
        attributes=(("cause", "thermal"), ("source", source)),
        reason=reason,
    )


def gpu(name: str, *, unit: str = "By", attributes: tuple[tuple[str, str], ...] = ()) -> Capability:
    return make_capability(name, unit=unit, attributes=attributes)


def test_host_memory_peak_is_the_counter_at_the_end() -> None:
    """What loading the model took, before the window began, is not the peak of the run."""
    assert measured([memory_peak(PLAN, 300)], "host_memory_peak_mib").value == 300


def test_peak_of_the_start_is_not_the_peak_of_the_run() -> None:
    """When the sampler died before its last reading, the first one does not stand in for it."""
    peak = memory_peak(PLAN, 300)
    only_start = Curve(capability=peak.capability, points=peak.points[:1])
    one = measured([only_start], "host_memory_peak_mib")
    assert (one.value, one.reason) == (None, "no reading at the end of the measured part")


@pytest.mark.parametrize("reason", [Reason.NO_PERMISSION, Reason.LOST, Reason.ABSENT])
def test_missing_reading_keeps_its_reason(reason: Reason) -> None:
    """A reason is carried to the reader; it never turns into a number."""
    capability = make_capability("hilrig.process.memory.peak", tier=Tier.EDGE)
    one = measured(
        [Curve(capability=capability, points=((START_NS, reason), (END_NS, reason)))], "host_memory_peak_mib"
    )
    assert one.value is None
    assert reason.name in one.reason


def test_channel_that_failed_its_probe_says_so() -> None:
    """Without any reading the probe's reason is the reason."""
    capability = make_capability("hilrig.process.memory.peak", tier=Tier.EDGE, reason=Reason.NO_PERMISSION)
    one = measured([Curve(capability=capability, points=())], "host_memory_peak_mib")
    assert one.reason == "hilrig.process.memory.peak: NO_PERMISSION"


def test_absent_channel_names_what_is_missing() -> None:
    """A rig without the channel is told which one it lacks."""
    one = measured([], "host_memory_peak_mib")
    assert (one.value, one.reason) == (None, "this rig has no channel hilrig.process.memory.peak")


def test_zero_bytes_of_memory_are_no_measurement() -> None:
    """A source that answers 0 for everything must not make a memory limit pass."""
    peak = memory_peak(PLAN, 0)
    assert measured([peak], "host_memory_peak_mib").value is None
    assert measured([steady(PLAN, gpu("hw.gpu.memory.usage"), 0)], "gpu_memory_peak_mib").value is None


def test_gpu_memory_of_the_process_is_preferred() -> None:
    """The process's own memory counts where it is known, the device's elsewhere."""
    process = steady(PLAN, gpu("hilrig.process.gpu.memory.usage"), 100 * MIB)
    device = steady(PLAN, gpu("hw.gpu.memory.usage"), 900 * MIB)
    unreadable = steady(PLAN, gpu("hilrig.process.gpu.memory.usage"), Reason.NOT_SUPPORTED)
    assert measured([device, process], "gpu_memory_peak_mib").value == 100
    assert measured([device, unreadable], "gpu_memory_peak_mib").value == 900


def test_frames_that_the_instrument_shares_are_not_the_targets_memory() -> None:
    """What was shared at the start of the measured part is taken off; what was first touched later is not."""
    shared = make_capability("hilrig.process.memory.shared", tier=Tier.EDGE)
    curve = Curve(capability=shared, points=((START_NS, 100 * MIB), (END_NS, 180 * MIB)))
    assert measured([memory_peak(PLAN, 300), curve], "host_memory_peak_mib").value == 200


def test_memory_counts_whole_when_nobody_told_what_is_shared() -> None:
    """Without a reading at both edges nothing is taken off: rather too much than too little."""
    shared = make_capability("hilrig.process.memory.shared", tier=Tier.EDGE)
    curve = Curve(capability=shared, points=((START_NS, Reason.LOST), (END_NS, 100 * MIB)))
    assert measured([memory_peak(PLAN, 300), curve], "host_memory_peak_mib").value == 300


def test_gpu_memory_peak_is_of_the_measured_part() -> None:
    """A larger sample before or after the measured part does not count, one inside does."""
    points = (
        (START_NS - NS_PER_S, 900.0 * MIB),
        (START_NS, 50.0 * MIB),
        (END_NS - 5, 70.0 * MIB),
        (END_NS + 5, 9e12),
    )
    curve = Curve(capability=gpu("hw.gpu.memory.usage"), points=points)
    one = measured([curve], "gpu_memory_peak_mib")
    assert (one.value, one.n) == (70, 2)


@pytest.mark.parametrize("share", [0.9, 0.07, 0.57])
def test_a_utilisation_that_just_reaches_its_limit_does_not_break_it(share: float) -> None:
    """A constant reading is its own mean, whatever the rounding of a long sum makes of it."""
    capability = gpu("hw.gpu.utilization", unit="1")
    assert measured([steady(PLAN, capability, share)], "gpu_util_sustained_pct").value == round(100 * share)


def test_sustained_utilisation_is_the_busiest_half_minute() -> None:
    """Thirty busy seconds in a minute of idling count in full; a shorter burst is diluted."""
    capability = gpu("hw.gpu.utilization", unit="1")
    moments = ticks_ns(PLAN)
    half = tuple((moment, 0.9 if 100 <= index < 400 else 0.1) for index, moment in enumerate(moments))
    assert measured([Curve(capability=capability, points=half)], "gpu_util_sustained_pct").value == pytest.approx(
        90
    )
    burst = tuple((moment, 1.0 if 100 <= index < 250 else 0.0) for index, moment in enumerate(moments))
    assert measured([Curve(capability=capability, points=burst)], "gpu_util_sustained_pct").value == pytest.approx(
        50
    )


def test_utilisation_is_weighted_by_time_not_by_readings() -> None:
    """Reading faster while busy does not raise the mean."""
    capability = gpu("hw.gpu.utilization", unit="1")
    dense = [(START_NS + index * 10 * NS_PER_MS, 1.0) for index in range(1000)]  # 10 s, 100 readings a second
    sparse = [(START_NS + index * NS_PER_S, 0.25) for index in range(10, 61)]
    one = measured([Curve(capability=capability, points=tuple(dense + sparse))], "gpu_util_sustained_pct")
    assert one.value == pytest.approx(100 * (10 * 1.0 + 20 * 0.25) / 30)


def test_gpu_that_never_moved_is_not_measured() -> None:
    """Utilisation of 0 from end to end means that the counter or the device was not in use."""
    assert (
        measured([steady(PLAN, gpu("hw.gpu.utilization", unit="1"), 0.0)], "gpu_util_sustained_pct").value is None
    )


def test_busiest_half_minute_may_end_at_a_reading() -> None:
    """Windows are tried wherever either of their ends passes a reading."""
    t_ns = np.array([0, 40, 60, 61]) * NS_PER_S
    assert sustained(t_ns, np.array([0.0, 1.0, 0.0, 0.0])) == pytest.approx(20 / 30)


def test_half_a_minute_cannot_be_seen_in_less() -> None:
    """Readings that span less than 30 s have no sustained value."""
    assert sustained(np.array([0, 29 * NS_PER_S]), np.array([1.0, 1.0])) is None
    assert sustained(np.array([], np.int64), np.array([])) is None


@given(values=st.lists(st.floats(0, 1), min_size=40, max_size=60))
def test_sustained_mean_lies_between_the_overall_mean_and_the_maximum(values: list[float]) -> None:
    """The busiest window is at least as busy as the best whole one found by trying every second."""
    t_ns = np.arange(len(values), dtype=np.int64) * NS_PER_S
    best = sustained(t_ns, np.array(values))
    tried = max(sum(values[first : first + 30]) / 30 for first in range(len(values) - 30))
    assert best is not None
    assert tried - 1e-9 <= best <= max(values) + 1e-9


def test_throttling_between_two_samples_is_counted() -> None:
    """Cumulative counters show what no sample saw; the sources are added."""
    curves = [rising(PLAN, throttle_counter("core"), 7, 9), rising(PLAN, throttle_counter("package"), 100, 101)]
    assert measured(curves, "thermal_throttle_events").value == 3


def test_throttling_before_the_run_is_not_its_fault() -> None:
    """Counts since boot are no events of the run."""
    assert measured([steady(PLAN, throttle_counter(), 4711)], "thermal_throttle_events").value == 0


def test_unreadable_throttle_counter_is_not_zero_events() -> None:
    """No permission to read the counter is no proof of a cool device."""
    curve = Curve(capability=throttle_counter(reason=Reason.NO_PERMISSION), points=())
    one = measured([curve], "thermal_throttle_events")
    assert one.value is None
    assert "NO_PERMISSION" in one.reason


def test_throttle_counter_lost_on_the_way_is_not_zero_events() -> None:
    """A counter that was last read in the middle of the run says nothing about the rest of it."""
    points = tuple((moment, 5.0) for moment in ticks_ns(PLAN)[:300])
    one = measured([Curve(capability=throttle_counter(), points=points)], "thermal_throttle_events")
    assert (one.value, one.reason) == (None, "CPU: no reading at both edges of the measured part")


def test_throttle_counter_that_came_late_is_not_zero_events() -> None:
    """Without a reading at the start nobody knows what was counted before the first one."""
    points = tuple((moment, 5.0) for moment in ticks_ns(PLAN)[20:])
    assert measured([Curve(capability=throttle_counter(), points=points)], "thermal_throttle_events").value is None


def test_throttle_counter_that_went_back_is_not_measured() -> None:
    """A reset counter hides events: no negative number, no zero."""
    assert measured([rising(PLAN, throttle_counter(), 50, 2)], "thermal_throttle_events").value is None


def test_power_throttling_is_not_thermal() -> None:
    """A card at its power limit under full load does not count as overheated."""
    power = make_capability(
        "hilrig.hw.throttle.events", kind=ChannelKind.COUNTER, tier=Tier.SLOW, attributes=(("cause", "power"),)
    )
    assert measured([rising(PLAN, power, 0, 99)], "thermal_throttle_events").value is None


def test_channel_rows_show_value_or_reason() -> None:
    """Every channel has its row: numbers of the measured part, growth of counters, or why there is nothing."""
    curves = [
        rising(PLAN, throttle_counter(), 10, 12),
        steady(PLAN, make_capability("process.memory.usage"), Reason.LOST),
        memory_peak(PLAN, 64),
    ]
    counter, lost, peak = judge(make_record(PLAN, curves=curves)).channels
    assert (counter.minimum, counter.maximum, counter.delta) == (10, 12, 2)
    assert (lost.n, lost.mean, lost.reason) == (0, None, "process.memory.usage: LOST")
    assert (peak.n, peak.maximum, peak.delta) == (1, 64 * MIB, None)


def test_limit_on_an_unreadable_metric_blocks() -> None:
    """The verdict of a run whose limit could not be measured is never PASS."""
    plan = make_plan(limits=[make_limit("resources.gpu_memory_max_mb", "gpu_memory_peak_mib", 3072, "MiB")])
    judgement = judge(make_record(plan, curves=[]))
    assert judgement.status.value == "INCONCLUSIVE"
    assert "GPU memory peak was not measured" in judgement.sentence
