"""Events of the devices that void a run."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from builders import Curve, make_frames, make_limit, make_record
from hilrig.core.profile import Limit
from hilrig.core.telemetry import Reason
from hilrig.core.verdict import RunStatus, SelfCheck
from hilrig.verdict.judge import judge
from watched_rigs import PLAN, key_of, orin, pulsing, record, rig_of, rtx, silent, stepping, throttle

UNDERVOLTAGE = make_limit("resources.undervoltage_allowed", "undervoltage_events", 0, "events")


def self_check(check_id: str, rig: Mapping[str, Curve], *limits: Limit) -> SelfCheck:
    """Return one self-check; a broken one has advice and keeps the run from passing."""
    judgement = judge(record(rig, *limits))
    found = next(one for one in judgement.self_checks if one.check_id == check_id)
    assert found.ok or (found.advice and judgement.status is not RunStatus.PASS)
    return found


def changed(rig: dict[str, Curve], *parts: str, by: float, at_s: float = 20.0) -> dict[str, Curve]:
    """Return the rig with one counter higher from a moment on."""
    key = key_of(rig, *parts)
    return {**rig, key: stepping(rig[key], by=by, at_s=at_s)}


def lost(rig: dict[str, Curve], part: str, *, at_s: float) -> dict[str, Curve]:
    """Return the rig without its devices of this name from a moment on."""
    return {
        key: pulsing(curve, Reason.LOST, from_s=at_s, to_s=99.0) if part in key else curve
        for key, curve in rig.items()
    }


CHECKS = ("devices.present", "devices.errors", "host.supply", "host.overcurrent")


@pytest.mark.parametrize("check_id", CHECKS)
@pytest.mark.parametrize("rig", [rtx(), orin(), {}], ids=["rtx", "orin", "no telemetry"])
def test_sound_devices_are_sound(check_id: str, rig: dict[str, Curve]) -> None:
    """Nothing was lost, no error, no want of power; where nothing is reported, nothing is held against the run."""
    assert self_check(check_id, rig).ok


# --- there to the end ------------------------------------------------------------------------------------------


def test_a_card_that_falls_off_the_bus_is_named_with_its_minute() -> None:
    """All channels of the card answer LOST from second 30 on: one device, half a minute in."""
    broken = self_check("devices.present", lost(rtx(), "gpu0", at_s=30.0))
    assert not broken.ok
    assert broken.observed_text == "gpu0 was lost at minute 0.5"


def test_a_card_that_comes_back_was_still_lost() -> None:
    """A driver that reset the card in between has measured two cards."""
    rig = rtx()
    key = key_of(rig, "hw.gpu.utilization")
    assert not self_check("devices.present", {**rig, key: pulsing(rig[key], Reason.LOST, from_s=10, to_s=11)}).ok


def test_alerts_of_a_board_are_missed_too() -> None:
    """A thermal driver that was unloaded took the alert with it."""
    assert not self_check("devices.present", lost(orin(), "gpu-throttle-alert", at_s=30.0)).ok


@pytest.mark.parametrize("reason", [Reason.OFFLINE, Reason.ERROR, Reason.STALE])
def test_a_device_that_is_silent_for_another_reason_is_not_lost(reason: Reason) -> None:
    """Switched off, slow, in error: each has consequences of its own, but the device is there."""
    rig = rtx()
    key = key_of(rig, "hw.gpu.utilization")
    assert self_check("devices.present", {**rig, key: pulsing(rig[key], reason, from_s=10, to_s=11)}).ok


def test_what_the_probe_did_not_find_cannot_be_lost() -> None:
    """A channel that answered LOST from the probe on was never there."""
    rig = rtx()
    key = key_of(rig, "hw.gpu.utilization")
    assert self_check("devices.present", {**rig, key: silent(rig[key], Reason.LOST)}).ok


def test_a_faulty_card_is_not_blamed_on_the_model() -> None:
    """Frames that failed while the card was gone, or around an XID: INCONCLUSIVE; with a sound card a FAIL."""
    plan = replace(PLAN, limits=(make_limit("frames.failed_max_pct", "failed_pct", 0, "%"),))
    frames = make_frames(plan, failed=range(1000, 1100))
    stories = {
        RunStatus.FAIL: [rtx()],
        RunStatus.INCONCLUSIVE: [lost(rtx(), "gpu0", at_s=30.0), changed(rtx(), "hw.errors", "xid", by=1)],
    }
    for status, rigs in stories.items():
        for rig in rigs:
            assert judge(make_record(plan, frames=frames, curves=list(rig.values()))).status is status


# --- errors ----------------------------------------------------------------------------------------------------


def test_an_xid_voids_the_run_and_is_named() -> None:
    """One XID event: the number is what a technician looks up."""
    rig = changed(rtx(), "hw.errors", "xid", by=1)
    broken = self_check("devices.errors", changed(rig, "hilrig.hw.gpu.xid", by=79))
    assert not broken.ok
    assert broken.observed_text == "gpu0: 1 new xid error, the last is XID 79"


def test_memory_errors_void_the_run() -> None:
    """Uncorrected errors of before the run are history, new ones are not."""
    rig = rtx()
    key = key_of(rig, "hw.errors", "ecc")
    assert self_check("devices.errors", {**rig, key: stepping(rig[key], by=7, at_s=0)}).ok
    broken = self_check("devices.errors", changed(rig, "hw.errors", "ecc", by=2))
    assert broken.observed_text == "gpu0: 2 new ecc_uncorrected errors"


def test_an_error_before_the_card_was_lost_is_seen() -> None:
    """XID 79 is most often the last that is heard of a card: no reading at the end is needed to count it."""
    rig = lost(changed(rtx(), "hw.errors", "xid", by=1, at_s=20.0), "error.type=xid", at_s=30.0)
    assert "1 new xid error" in self_check("devices.errors", rig).observed_text


def test_errors_that_were_no_longer_counted_are_not_none() -> None:
    """A count that stopped half-way says nothing of the rest."""
    assert not self_check("devices.errors", lost(rtx(), "error.type=xid", at_s=30.0)).ok


@pytest.mark.parametrize("reason", [Reason.NOT_SUPPORTED, Reason.NO_PERMISSION])
def test_a_card_without_error_counters_is_no_faulty_card(reason: Reason) -> None:
    """GeForce cards have no ECC: not reported, and that is said."""
    rig = {key: silent(curve, reason) if "hw.errors" in key else curve for key, curve in rtx().items()}
    assert self_check("devices.errors", rig).observed_text == "not reported by this rig"


# --- supply ----------------------------------------------------------------------------------------------------


def test_too_low_a_voltage_voids_the_run() -> None:
    """Without a limit on it, one under-voltage event is the supply's fault: INCONCLUSIVE, never PASS."""
    rig = changed(orin(), "cause=undervoltage", by=1)
    broken = self_check("host.supply", rig)
    assert broken.observed_text == "1 under-voltage event (counted over the whole run: soc)"
    assert judge(record(rig)).status is RunStatus.INCONCLUSIVE


def test_a_limit_on_the_voltage_makes_it_a_fail() -> None:
    """A profile that forbids under-voltage gets its FAIL, not an excuse."""
    rig = changed(orin(), "cause=undervoltage", by=1)
    assert self_check("host.supply", rig, UNDERVOLTAGE).ok
    assert judge(record(rig, UNDERVOLTAGE)).status is RunStatus.FAIL


def test_too_low_a_voltage_excuses_late_frames_and_no_memory() -> None:
    """Slowed down by its supply the model is late without fault; it does not use more memory for that."""
    rig = changed(orin(), "cause=undervoltage", by=1)
    late = make_record(PLAN, frames=make_frames(PLAN, latency_ms=90.0), curves=list(rig.values()))
    assert judge(late).status is RunStatus.INCONCLUSIVE
    memory = make_limit("resources.host_memory_max_mb", "host_memory_peak_mib", 100, "MiB")
    assert judge(record(rig, memory)).status is RunStatus.FAIL


def test_average_over_current_voids_the_run_and_excuses_nothing() -> None:
    """OC2 holds the clocks down; a model that draws too much is late by its own doing."""
    rig = changed(orin(), "oc2_event_cnt", by=4)
    assert self_check("host.overcurrent", rig).observed_text == "4 average over-current events"
    assert judge(record(rig)).status is RunStatus.INCONCLUSIVE
    late = make_record(PLAN, frames=make_frames(PLAN, latency_ms=90.0), curves=list(rig.values()))
    assert judge(late).status is RunStatus.FAIL


def test_peaks_of_current_and_a_cards_power_cap_void_nothing() -> None:
    """OC3 and a software cap on power are at work on sound rigs."""
    assert self_check("host.overcurrent", changed(orin(), "oc3_event_cnt", by=500)).ok
    assert self_check("host.overcurrent", changed(rtx(), "cause=power", "source=violation", by=5e9)).ok


def test_another_chips_counter_of_unknown_meaning_voids_nothing() -> None:
    """What Thor's oc2 counts is not known: it has the cause unknown, and no self-check reads it."""
    unknown = stepping(throttle("events", "unknown", "soc", "oc2_event_cnt"), by=8, at_s=20)
    assert self_check("host.overcurrent", rig_of([unknown])).ok
