"""Did the hardware throttle: which device has to answer, for which cause, by which of its counters."""

import numpy as np
import pytest

from builders import make_limit
from hilrig.core.telemetry import Reason
from hilrig.core.verdict import CheckStatus, RunStatus
from hilrig.verdict.judge import judge
from throttled_rigs import ALERT, THERMAL_MS, check_of, measured, without_counters
from watched_rigs import (
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
