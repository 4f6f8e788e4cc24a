"""Did the hardware throttle: what counts as an answer, and what does not."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import NS_PER_S, Curve, edges_ns, make_limit
from hilrig.core import channels
from hilrig.core.telemetry import Reason
from hilrig.core.verdict import Check, CheckStatus, Judgement, Measurement, RunStatus
from hilrig.verdict.judge import judge
from watched_rigs import (
    PLAN,
    THERMAL,
    cpu_throttle,
    key_of,
    orin,
    pulsing,
    reading,
    record,
    rig_of,
    rtx,
    silent,
    stepping,
    throttle,
)

CLOCK = make_limit("resources.gpu_clock_min_mhz", "gpu_clock_lowest_mhz", 1000, "MHz", at_least=True)
THERMAL_MS = make_limit("resources.thermal_throttle_max_ms", "thermal_throttle_ms", 500, "ms")
ALERT = "gpu-throttle-alert"


def check_of(judgement: Judgement, metric: str = "thermal_throttle_events") -> Check:
    return next(check for check in judgement.checks if check.metric == metric)


def measured(rig: Mapping[str, Curve], metric: str) -> Measurement:
    judgement = judge(record(rig))
    return next(one for one in judgement.measurements if one.metric == metric)


def without_counters(rig: Mapping[str, Curve], hw_id: str) -> dict[str, Curve]:
    """Return the rig as it is where this device has no counter of thermal throttling, only its state."""
    return {
        key: curve
        for key, curve in rig.items()
        if f"hw.id={hw_id}" not in key or "cause=thermal" not in key or "throttle.state" in key
    }


def change(rig: dict[str, Curve], key: str, curve: Curve) -> dict[str, Curve]:
    return {**rig, key: curve}


def rtx_throttled_between_samples() -> dict[str, Curve]:
    """Return a card that throttled for 60 ms between two samples: its state was never seen."""
    rig = rtx()
    for source in ("violation", "hw_thermal"):
        key = key_of(rig, "throttle.time", "cause=thermal", "gpu0", f"source={source}")
        rig[key] = stepping(rig[key], by=60e6, at_s=31.0)
    return rig


def orin_throttled_between_samples() -> dict[str, Curve]:
    """Return an Orin whose GPU alert went on and off between two samples: only the kernel's statistics know."""
    rig = orin()
    for kind, by in (("time", 40e6), ("events", 1.0)):
        key = key_of(rig, f"throttle.{kind}", ALERT)
        rig[key] = stepping(rig[key], by=by, at_s=31.0)
    return rig


# --- throttling that no sample saw ------------------------------------------------------------------------------


def test_rtx_throttling_between_two_samples_fails_by_its_counter() -> None:
    """The counter of the card's driver grew, its state was never 1: FAIL, and the sentence names the card."""
    judgement = judge(record(rtx_throttled_between_samples()))
    check = check_of(judgement)
    assert (judgement.status, check.status, check.observed) == (RunStatus.FAIL, CheckStatus.FAIL, 1)
    assert check.sentence.endswith("counted over the whole run: gpu0).")


def test_rtx_throttling_between_two_samples_is_not_measured_without_the_counter() -> None:
    """The same minute on a driver without the counter: nobody knows, so it is no PASS."""
    judgement = judge(record(without_counters(rtx_throttled_between_samples(), "gpu0")))
    check = check_of(judgement)
    assert (judgement.status, check.status) == (RunStatus.INCONCLUSIVE, CheckStatus.NOT_MEASURED)
    assert "only its state was read, sampled at 10 Hz, and never seen throttled" in check.sentence
    assert "state the clock that the line needs in resources.gpu_clock_min_mhz" in check.sentence


def test_orin_throttling_between_two_samples_fails_by_its_counter() -> None:
    """The kernel's statistics of the GPU's alert grew, its state was never 1: FAIL, and the sentence names it."""
    judgement = judge(record(orin_throttled_between_samples()))
    check = check_of(judgement)
    assert (judgement.status, check.status, check.observed) == (RunStatus.FAIL, CheckStatus.FAIL, 1)
    assert "counted over the whole run: gpu-throttle-alert" in check.sentence
    assert "cpu-throttle-alert" not in check.sentence


def test_orin_throttling_between_two_samples_is_not_measured_without_the_counter() -> None:
    """The same minute on a kernel without statistics: nobody knows, so it is no PASS."""
    judgement = judge(record(without_counters(orin_throttled_between_samples(), ALERT)))
    check = check_of(judgement)
    assert (judgement.status, check.status) == (RunStatus.INCONCLUSIVE, CheckStatus.NOT_MEASURED)
    assert check.sentence.startswith("Thermal throttling was not measured: gpu-throttle-alert: only its state")


@pytest.mark.parametrize("rig", [rtx(), orin()], ids=["rtx", "orin"])
def test_a_cool_minute_passes_by_its_counters(rig: dict[str, Curve]) -> None:
    """Counts since boot are no events of the run: the rigs that the other tests throttle pass."""
    judgement = judge(record(rig))
    assert [one.sentence for one in judgement.self_checks if not one.ok] == []
    assert judgement.status is RunStatus.PASS
    assert check_of(judgement).evidence.startswith("counted over the whole run: ")


# --- states -----------------------------------------------------------------------------------------------------


def test_a_state_that_was_seen_is_throttling() -> None:
    """Two separate hits are two events; sampling may have missed more, never fewer."""
    rig = orin(has_statistics=False)
    key = key_of(rig, "throttle.state", ALERT)
    rig[key] = pulsing(pulsing(rig[key], 1.0, from_s=10, to_s=12), 1.0, from_s=40, to_s=40.2)
    check = check_of(judge(record(rig, THERMAL, CLOCK)))
    assert (check.status, check.observed) == (CheckStatus.FAIL, 2)
    assert check.evidence == "seen in its state, sampled at 10 Hz: gpu-throttle-alert; CPU not watched: ABSENT"


def test_a_state_that_held_from_the_start_is_throttling() -> None:
    """Throttled from the first reading to the last there is no rising edge to see, and no doubt."""
    rig = orin(has_statistics=False)
    key = key_of(rig, "throttle.state", ALERT)
    assert check_of(
        judge(record(change(rig, key, throttle("state", "thermal", ALERT, "cooling_device", 1.0))))
    ).observed


def test_a_state_counts_beside_a_counter_that_missed_it() -> None:
    """A counter that stood still while the state was seen does not undo what was seen."""
    rig = rtx()
    key = key_of(rig, "throttle.state", "cause=thermal")
    rig[key] = pulsing(rig[key], 1.0, from_s=20, to_s=21)
    check = check_of(judge(record(rig)))
    assert (check.status, check.observed) == (CheckStatus.FAIL, 1)
    assert check.evidence == "seen in its state, sampled at 10 Hz: gpu0"


def test_locked_clocks_do_not_make_a_state_a_proof() -> None:
    """Hardware slows down below any lock: that nobody saw it at ten moments a second proves nothing."""
    judgement = judge(record(orin(has_statistics=False)))
    assert (judgement.status, check_of(judgement).status) == (RunStatus.INCONCLUSIVE, CheckStatus.NOT_MEASURED)


def test_states_with_a_limit_on_the_clock_may_pass() -> None:
    """A profile that states the clock which the line needs takes its readings, with the states, for enough."""
    check = check_of(judge(record(orin(has_statistics=False), THERMAL, CLOCK)))
    assert check.status is CheckStatus.PASS
    assert "clock never below its limit" in check.evidence


@pytest.mark.parametrize("clock_hz", [0.99e9, 3.06e8])
def test_a_clock_below_its_limit_proves_no_throttling_and_no_rest(clock_hz: float) -> None:
    """One reading below the required clock: the clock fails its own limit, the states prove nothing."""
    rig = orin(has_statistics=False)
    key = key_of(rig, "clock.frequency", "graphics")
    rig[key] = pulsing(rig[key], clock_hz, from_s=30, to_s=30.1)
    judgement = judge(record(rig, THERMAL, CLOCK))
    assert check_of(judgement).status is CheckStatus.NOT_MEASURED
    assert check_of(judgement, "gpu_clock_lowest_mhz").status is CheckStatus.FAIL


def test_a_gpus_clock_does_not_hold_a_cpu() -> None:
    """A state of the processor itself is not covered by the clock of the GPU beside it."""
    rig = orin(has_statistics=False) | rig_of([throttle("state", "thermal", "", "msr")])
    check = check_of(judge(record(rig, THERMAL, CLOCK)))
    assert check.status is CheckStatus.NOT_MEASURED
    assert "CPU: only its state was read" in check.sentence


@pytest.mark.parametrize("part", ["throttle.state", "clock.frequency"])
def test_states_and_clocks_with_a_hole_prove_nothing(part: str) -> None:
    """What happened in the half second without a reading is not known."""
    rig = orin(has_statistics=False)
    key = key_of(rig, part, ALERT if part == "throttle.state" else "graphics")
    rig[key] = pulsing(rig[key], Reason.ERROR, from_s=30, to_s=30.5)
    check = check_of(judge(record(rig, THERMAL, CLOCK)))
    assert check.status is CheckStatus.NOT_MEASURED
    assert ("holes" in check.sentence) is (part == "throttle.state")


def test_slowed_down_for_an_unnamed_cause_is_not_known_to_be_cool() -> None:
    """A bit that nobody knows may be heat: silent states of the known causes do not clear it."""
    rig = without_counters(rtx(), "gpu0")
    key = key_of(rig, "throttle.state", "cause=unknown")
    rig[key] = pulsing(rig[key], 1.0, from_s=20, to_s=21)
    check = check_of(judge(record(rig, THERMAL, CLOCK)))
    assert check.status is CheckStatus.NOT_MEASURED
    assert "a cause that it does not name" in check.sentence


def test_a_fallen_clock_near_the_trip_point_is_said_but_measures_nothing() -> None:
    """Clocks alone are no measurement; that they fell where it was hot is worth a word."""
    rig = orin(has_statistics=False)
    for part, value in (("clock.frequency", 6e8), ("hw.temperature{hw.id=zone/tj-thermal}", 96.0)):
        key = key_of(rig, part)
        rig[key] = pulsing(rig[key], value, from_s=30, to_s=40)
    check = check_of(judge(record(rig)))
    assert check.status is CheckStatus.NOT_MEASURED
    assert "throttling is likely" in check.sentence
    assert "zone/tj-thermal was within 5 C of its trip point, but clocks alone do not measure it" in check.sentence


@pytest.mark.parametrize(("clock_hz", "temperature_c"), [(6e8, 60.0), (1.0e9, 96.0)])
def test_a_fallen_clock_in_the_cool_is_not_called_throttling(clock_hz: float, temperature_c: float) -> None:
    """Governors lower clocks of idle devices, and a hot device at full clock is only hot."""
    rig = orin(has_statistics=False)
    for part, value in (("clock.frequency", clock_hz), ("hw.temperature{hw.id=zone/tj-thermal}", temperature_c)):
        key = key_of(rig, part)
        rig[key] = pulsing(rig[key], value, from_s=30, to_s=40)
    assert "likely" not in check_of(judge(record(rig))).sentence


# --- who has to answer ------------------------------------------------------------------------------------------


def test_a_device_that_throttled_counts_although_another_cannot_tell() -> None:
    """One event is over the limit of none, whatever the card that was not watched did."""
    rig = without_counters(rtx(), "gpu0")
    key = key_of(rig, "throttle.events", "source=package")
    rig[key] = stepping(rig[key], by=2, at_s=12)
    check = check_of(judge(record(rig)))
    assert (check.status, check.observed) == (CheckStatus.FAIL, 2)
    assert check.evidence == "counted over the whole run: CPU; not known of gpu0"


def test_a_silent_gpu_is_not_covered_by_the_cpu() -> None:
    """A card whose driver answers nothing on throttling is not cool because the CPU is."""
    rig = {
        key: silent(curve, Reason.NOT_SUPPORTED) if "throttle" in key and "gpu0" in key else curve
        for key, curve in rtx().items()
    }
    check = check_of(judge(record(rig)))
    assert check.status is CheckStatus.NOT_MEASURED
    assert "gpu0: hilrig.hw.throttle.time" in check.sentence
    assert "NOT_SUPPORTED" in check.sentence


def test_a_cpu_that_cannot_count_is_left_out_and_named() -> None:
    """An AMD processor has no such counters: the card answers, and the evidence says who did not."""
    rig = rtx() | rig_of(cpu_throttle(Reason.ABSENT))
    check = check_of(judge(record(rig)))
    assert check.status is CheckStatus.PASS
    assert check.evidence == "counted over the whole run: gpu0; CPU not watched: ABSENT"


@pytest.mark.parametrize("reason", [Reason.NO_PERMISSION, Reason.LOST, Reason.ERROR])
def test_a_cpu_that_could_count_has_to(reason: Reason) -> None:
    """Counters that exist and may not be read are no absence."""
    check = check_of(judge(record(rtx() | rig_of(cpu_throttle(reason)))))
    assert check.status is CheckStatus.NOT_MEASURED
    assert f"CPU: hilrig.hw.throttle.events{{cause=thermal,source=core}}: {reason.name}" in check.sentence


def test_a_cpu_alone_has_to_answer() -> None:
    """Where nothing else can throttle, an absent counter leaves the question open."""
    check = check_of(judge(record(rig_of(cpu_throttle(Reason.ABSENT)))))
    assert check.status is CheckStatus.NOT_MEASURED
    assert "hilrig.hw.throttle.events{cause=thermal,source=core}: ABSENT" in check.sentence


def test_a_driver_without_a_card_has_nothing_to_answer() -> None:
    """NVIDIA's library on a rig of a class without a card: gpu0 is not there, and the evidence says so."""
    rig = {key: silent(curve, Reason.ABSENT) if "gpu0" in key else curve for key, curve in rtx().items()}
    check = check_of(judge(record(rig, device_class="x86-cpu")))
    assert check.status is CheckStatus.PASS
    assert check.evidence == "counted over the whole run: CPU; gpu0 not watched: ABSENT"


@pytest.mark.parametrize("has_channels", [True, False])
def test_the_card_of_a_class_with_a_card_has_to_answer(has_channels: bool) -> None:
    """Without NVIDIA's binding or library the card is not seen; it is there all the same, and may be hot."""
    absent = {key: silent(curve, Reason.ABSENT) for key, curve in rtx().items() if "gpu0" in key and has_channels}
    rig = {key: curve for key, curve in rtx().items() if "gpu0" not in key} | absent
    check = check_of(judge(record(rig, device_class="x86-rtx4000-ada")))
    assert check.status is CheckStatus.NOT_MEASURED
    assert "gpu0: " in check.sentence


def test_nvml_on_a_jetson_leaves_the_answer_to_the_module() -> None:
    """NVML names an Orin's GPU and supports nothing else: the GPU's own alert answers for it."""
    nvml = throttle("time", "thermal", "gpu0", "violation", Reason.NOT_SUPPORTED)
    assert check_of(judge(record(orin() | rig_of([nvml])))).status is CheckStatus.PASS
    blind = without_counters(orin(), ALERT)
    assert check_of(judge(record(blind | rig_of([nvml])))).status is CheckStatus.NOT_MEASURED


def test_a_jetson_without_alerts_is_not_cool() -> None:
    """No cooling device is an alert: the module's silence is no answer."""
    rig = {key: curve for key, curve in orin().items() if "throttle-alert" not in key}
    rig |= rig_of([throttle("state", "thermal", "soc", "cooling_device", Reason.ABSENT)])
    assert check_of(judge(record(rig))).status is CheckStatus.NOT_MEASURED


# --- counters ---------------------------------------------------------------------------------------------------


def test_an_episode_from_before_that_ended_inside_counts() -> None:
    """An x86 count moves when an episode begins, the time when it ends: the time alone shows this one."""
    rig = rtx()
    key = key_of(rig, "throttle.time", "source=package")
    rig[key] = stepping(rig[key], by=2e9, at_s=1.0)
    check = check_of(judge(record(rig)))
    assert (check.status, check.observed) == (CheckStatus.FAIL, 1)


def test_an_episode_in_several_counters_is_one() -> None:
    """The same stretch in three counters of time is one episode, another stretch is another."""
    rig = rtx()
    for source in ("violation", "hw_thermal", "sw_thermal"):
        key = key_of(rig, "throttle.time", "cause=thermal", f"source={source}")
        rig[key] = stepping(stepping(rig[key], by=5e7, at_s=10.0), by=5e7, at_s=40.0)
    assert measured(rig, "thermal_throttle_events").value == 2


def test_a_counter_that_fell_is_no_answer() -> None:
    """A reset hides what was counted: not measured, whatever the count shows after it."""
    rig = rtx()
    key = key_of(rig, "throttle.time", "cause=thermal", "source=violation")
    rig[key] = stepping(rig[key], by=-3e8, at_s=10.0)
    judgement = judge(record(rig))
    assert check_of(judgement).status is CheckStatus.NOT_MEASURED
    assert "went back" in check_of(judgement).sentence
    assert not next(one for one in judgement.self_checks if one.check_id == "telemetry.counters").ok


def test_one_counter_of_a_device_stands_for_another_that_is_not_there() -> None:
    """An older driver has only the total; a counter lost on the way is no answer while another one is."""
    rig = rtx()
    for source, reason in (("sw_thermal", Reason.NOT_SUPPORTED), ("hw_thermal", Reason.LOST)):
        key = key_of(rig, "throttle.time", "cause=thermal", f"source={source}")
        rig[key] = silent(rig[key], reason)
    assert check_of(judge(record(rig))).status is CheckStatus.PASS


def test_a_card_lost_in_the_middle_is_not_cool() -> None:
    """Counters that stood still until the card was gone say nothing of the rest."""
    rig = {
        key: pulsing(curve, Reason.LOST, from_s=30, to_s=99) if "gpu0" in key else curve
        for key, curve in rtx().items()
    }
    judgement = judge(record(rig))
    assert check_of(judgement).status is CheckStatus.NOT_MEASURED
    assert judgement.status is RunStatus.INCONCLUSIVE


# --- the other causes -------------------------------------------------------------------------------------------


def test_a_card_at_its_power_limit_does_not_throttle_for_heat() -> None:
    """The cap on power is at work all the time on a card under load: its own metric, and only that."""
    rig = rtx()
    key = key_of(rig, "throttle.time", "cause=power", "source=violation")
    rig[key] = reading(rig[key], np.linspace(7e9, 40e9, len(rig[key].points)).tolist())
    judgement = judge(record(rig))
    assert check_of(judgement).status is CheckStatus.PASS
    assert judgement.status is RunStatus.PASS
    assert measured(rig, "power_throttle_events").value == 1
    assert measured(rig, "thermal_throttle_ms").value == 0


@pytest.mark.parametrize(
    ("cause", "metric"),
    [("undervoltage", "undervoltage_events"), ("power", "power_throttle_events")],
)
def test_a_boards_counters_answer_for_power_and_voltage(cause: str, metric: str) -> None:
    """OC1 counts under-voltage, OC2 average over-current; each has a limit of its own."""
    rig = orin()
    assert measured(rig, metric).value == 0
    key = key_of(rig, f"cause={cause}")
    rig[key] = stepping(rig[key], by=3, at_s=20)
    assert measured(rig, metric).value == 3
    check = check_of(judge(record(rig, make_limit("resources.allowed", metric, 0, "events"))), metric)
    assert (check.status, check.evidence) == (CheckStatus.FAIL, "counted over the whole run: soc")


def test_current_peaks_are_a_rate_and_no_throttling() -> None:
    """OC3 climbs on sound boards: 30 peaks in the minute are 30 a minute, and no event of any cause."""
    rig = orin()
    key = key_of(rig, "cause=current_peak")
    rig[key] = reading(rig[key], np.linspace(15, 45, len(rig[key].points)).tolist())
    one = measured(rig, "overcurrent_peaks_per_min")
    assert one.value == pytest.approx(30)
    assert one.evidence == "counted over the whole run: soc"
    assert judge(record(rig)).status is RunStatus.PASS
    assert measured(rtx(), "overcurrent_peaks_per_min").value is None


def test_current_peaks_are_not_measured_after_a_reset() -> None:
    """A counter that started again has lost its peaks."""
    rig = orin()
    key = key_of(rig, "cause=current_peak")
    rig[key] = stepping(rig[key], by=-10, at_s=20)
    assert measured(rig, "overcurrent_peaks_per_min").value is None


def test_thors_counters_of_unknown_meaning_answer_nothing() -> None:
    """Where nobody knows what a counter of over-current counts, power throttling is not measured."""
    rig = {key: silent(curve, Reason.NOT_SUPPORTED) if "oc2" in key else curve for key, curve in orin().items()}
    assert measured(rig, "power_throttle_events").value is None


# --- time -------------------------------------------------------------------------------------------------------


def test_time_of_a_card_is_not_counted_twice() -> None:
    """The total is the total; its parts, by driver and by hardware, are not added to it."""
    rig = rtx()
    for source, by in (("violation", 3e8), ("sw_thermal", 1e8), ("hw_thermal", 2e8)):
        key = key_of(rig, "throttle.time", "cause=thermal", f"source={source}")
        rig[key] = stepping(rig[key], by=by, at_s=10)
    assert measured(rig, "thermal_throttle_ms").value == pytest.approx(300)


def test_parts_of_a_cards_time_are_added_where_there_is_no_total() -> None:
    """Two parts of 300 ms each are over a limit of 500 ms, though neither of them is."""
    rig = rtx()
    del rig[key_of(rig, "throttle.time", "cause=thermal", "source=violation")]
    for source in ("sw_thermal", "hw_thermal"):
        key = key_of(rig, "throttle.time", "cause=thermal", f"source={source}")
        rig[key] = stepping(rig[key], by=3e8, at_s=10)
    assert check_of(judge(record(rig, THERMAL_MS)), "thermal_throttle_ms").status is CheckStatus.FAIL


def test_time_adds_up_over_the_devices() -> None:
    """Each alert of a module has its own time."""
    rig = orin()
    for alert, by in (("cpu-throttle-alert", 1e8), (ALERT, 3e8)):
        key = key_of(rig, "throttle.time", alert)
        rig[key] = stepping(rig[key], by=by, at_s=10)
    one = measured(rig, "thermal_throttle_ms")
    assert one.value == pytest.approx(400)
    assert (
        one.evidence
        == "counted over the whole run: cpu-throttle-alert, gpu-throttle-alert; CPU not watched: ABSENT"
    )


def test_time_is_not_measured_as_soon_as_one_device_has_none() -> None:
    """Time that is missing could break the limit: states say how often, never how long."""
    check = check_of(judge(record(orin(has_statistics=False), THERMAL_MS)), "thermal_throttle_ms")
    assert check.status is CheckStatus.NOT_MEASURED


# --- every combination ------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)  # each one judges a minute of telemetry, about 30 ms
@given(
    at_s=st.floats(0.2, 59.5),
    hidden=st.sets(st.sampled_from(["state", "time", "events"])),
    reason=st.sampled_from([Reason.ABSENT, Reason.NOT_SUPPORTED, Reason.NO_PERMISSION, Reason.ERROR]),
)
def test_hidden_throttling_never_passes(at_s: float, hidden: set[str], reason: Reason) -> None:
    """An episode between two samples: with any of a device's channels gone it is a FAIL or not measured."""
    rig = orin()
    for kind, by in (("time", 4e7), ("events", 1.0)):
        key = key_of(rig, f"throttle.{kind}", ALERT)
        rig[key] = stepping(rig[key], by=by, at_s=at_s)
    for kind in hidden:
        key = key_of(rig, f"throttle.{kind}", ALERT)
        rig[key] = silent(rig[key], reason)
    expected = CheckStatus.NOT_MEASURED if {"time", "events"} <= hidden else CheckStatus.FAIL
    assert check_of(judge(record(rig))).status is expected


def test_a_run_that_never_began_has_no_throttling_to_report() -> None:
    """Without a measured part there is a reason, not a zero."""
    empty = replace(record(rtx()), frames=record(rtx()).frames[:0])
    numbers = {one.metric: one for one in judge(empty).measurements}
    assert numbers["thermal_throttle_events"].value is None
    assert numbers["overcurrent_peaks_per_min"].value is None


def test_the_rigs_are_read_at_both_edges() -> None:
    """What these tests stand on: every channel has a reading at the start and at the end of the measured part."""
    start_ns, end_ns = edges_ns(PLAN)
    assert end_ns - start_ns == 60 * NS_PER_S
    for curve in [*rtx().values(), *orin().values()]:
        assert (curve.points[0][0], curve.points[-1][0]) == (start_ns, end_ns)
    assert channels.THROTTLE_STATE in {curve.capability.channel.name for curve in rtx().values()}
