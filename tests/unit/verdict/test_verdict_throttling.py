"""Did the hardware throttle: what its states and counters prove, and what they do not."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import NS_PER_S, Curve, edges_ns
from hilrig.core import channels
from hilrig.core.telemetry import Reason
from hilrig.core.verdict import CheckStatus, RunStatus
from hilrig.verdict.judge import judge
from throttled_rigs import ALERT, CLOCK, change, check_of, without_counters
from watched_rigs import PLAN, THERMAL, key_of, orin, pulsing, record, rig_of, rtx, silent, stepping, throttle


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
