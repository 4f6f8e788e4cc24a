"""Memory, load and clock of the GPU: whose they are, and what a reading of them can claim."""

import pytest

from builders import MIB, Curve, edges_ns, make_limit
from hilrig.core import channels
from hilrig.core.telemetry import Reason, Tier
from hilrig.core.verdict import Check, CheckStatus, Measurement
from hilrig.verdict.judge import judge
from watched_rigs import PLAN, channel, key_of, orin, pulsing, record, rig_of, rtx, silent

GPU = (channels.HW_ID, "gpu0")
START_NS, END_NS = edges_ns(PLAN)


def measured(rig: dict[str, Curve], metric: str) -> Measurement:
    return next(one for one in judge(record(rig)).measurements if one.metric == metric)


def held(rig: dict[str, Curve], metric: str, limit: float, unit: str, *, at_least: bool = False) -> Check:
    judgement = judge(record(rig, make_limit("some.limit", metric, limit, unit, at_least=at_least)))
    return next(check for check in judgement.checks if check.metric == metric)


def memory(name: str, mib: float | Reason, *attributes: tuple[str, str], tier: Tier = Tier.FAST) -> Curve:
    value = mib if isinstance(mib, Reason) else mib * MIB
    return channel(name, value, *attributes, unit="By", tier=tier)


# --- memory ----------------------------------------------------------------------------------------------------


def test_the_peak_that_the_driver_keeps_is_exact() -> None:
    """A peak between two samples is in the driver's accounts: that number counts, and is called exact."""
    rig = rtx() | rig_of([memory(channels.PROCESS_GPU_MEMORY_PEAK, 1400, GPU, tier=Tier.EDGE)])
    one = measured(rig, "gpu_memory_peak_mib")
    assert (one.value, one.evidence) == (1400, "process, exact")


@pytest.mark.parametrize("reason", [Reason.NOT_SUPPORTED, Reason.OFFLINE, Reason.NO_PERMISSION])
def test_without_accounts_the_process_is_sampled(reason: Reason) -> None:
    """Accounting is most often switched off: samples of the process, and the evidence says so."""
    rig = rtx() | rig_of([memory(channels.PROCESS_GPU_MEMORY_PEAK, reason, GPU, tier=Tier.EDGE)])
    one = measured(rig, "gpu_memory_peak_mib")
    assert (one.value, one.evidence) == (900, "process, sampled at 10 Hz")


def test_the_whole_device_counts_others_too_and_says_so() -> None:
    """Where the process's own memory is hidden the device's counts: rather too much than too little."""
    rig = rtx()
    key = key_of(rig, "hilrig.process.gpu.memory.usage")
    one = measured({**rig, key: silent(rig[key], Reason.NOT_SUPPORTED)}, "gpu_memory_peak_mib")
    assert (one.value, one.evidence) == (1500, "whole device, sampled at 10 Hz, other processes included")


def test_unified_memory_is_said_to_count_twice() -> None:
    """A Jetson's GPU memory is part of the host's."""
    one = measured(orin(), "gpu_memory_peak_mib")
    assert one.evidence == "process, sampled at 10 Hz; unified memory: also counted as host memory"


def test_a_kept_peak_is_that_of_the_end() -> None:
    """What the accounts said at the start, and then no more, is no peak of the run."""
    peak = memory(channels.PROCESS_GPU_MEMORY_PEAK, 1400, GPU, tier=Tier.EDGE)
    cut_off = Curve(capability=peak.capability, points=(peak.points[0], (END_NS, Reason.LOST)))
    assert measured(rtx() | rig_of([cut_off]), "gpu_memory_peak_mib").value == 900


def test_of_two_cards_the_fullest_counts() -> None:
    """The limit is on each card; the evidence is that of the card that counts."""
    second = memory(channels.PROCESS_GPU_MEMORY, 2000, (channels.HW_ID, "gpu1"))
    exact = memory(channels.PROCESS_GPU_MEMORY_PEAK, 1400, GPU, tier=Tier.EDGE)
    one = measured(rtx() | rig_of([second, exact]), "gpu_memory_peak_mib")
    assert (one.value, one.evidence) == (2000, "process, sampled at 10 Hz")


def test_the_checks_sentence_ends_with_its_evidence() -> None:
    """A person reads at once how the number is known; so does who reads result.json."""
    check = held(rtx(), "gpu_memory_peak_mib", 3072, "MiB")
    assert check.status is CheckStatus.PASS
    assert check.sentence.endswith("within the limit of 3072 MiB (n = 601; process, sampled at 10 Hz).")
    assert check.evidence == "process, sampled at 10 Hz"


def test_checks_of_frames_have_no_evidence_to_add() -> None:
    """Every frame was counted."""
    check = held(rtx(), "drop_pct", 1, "%")
    assert (check.evidence, check.sentence[-11:]) == ("", "(n = 1800).")


def test_host_memory_is_exact() -> None:
    """The kernel keeps the mark."""
    assert measured(rtx(), "host_memory_peak_mib").evidence == "exact"


def test_holes_in_the_memory_of_a_late_user_are_seen() -> None:
    """A process that used no GPU at the probe is watched from when it does: a hole is a hole."""
    rig = rtx()
    key = key_of(rig, "hilrig.process.gpu.memory.usage")
    late = silent(rig[key], Reason.OFFLINE)
    holed = pulsing(Curve(capability=late.capability, points=rig[key].points), Reason.ERROR, from_s=30, to_s=31)
    limit = make_limit("resources.gpu_memory_max_mb", "gpu_memory_peak_mib", 3072, "MiB")
    judgement = judge(record({**rig, key: holed}, limit))
    assert not next(one for one in judgement.self_checks if one.check_id == "telemetry.coverage").ok


# --- load and clock --------------------------------------------------------------------------------------------


def test_load_says_how_it_was_sampled() -> None:
    """Utilisation is a sampled mean of the driver's own means."""
    one = measured(rtx(), "gpu_util_sustained_pct")
    assert (one.value, one.evidence) == (pytest.approx(60), "sampled at 10 Hz")


def test_the_lowest_clock_is_the_lowest_reading_of_the_measured_part() -> None:
    """One slow reading counts; the memory's clock does not."""
    rig = rtx() | rig_of([channel(channels.GPU_CLOCK, 4e8, GPU, ("domain", "memory"), unit="Hz", tier=Tier.FAST)])
    key = key_of(rig, "clock.frequency", "graphics")
    rig[key] = pulsing(rig[key], 1.2e9, from_s=30, to_s=30.1)
    one = measured(rig, "gpu_clock_lowest_mhz")
    assert (one.value, one.evidence) == (1200, "sampled at 10 Hz")
    assert held(rig, "gpu_clock_lowest_mhz", 1300, "MHz", at_least=True).status is CheckStatus.FAIL
    assert held(rig, "gpu_clock_lowest_mhz", 1200, "MHz", at_least=True).status is CheckStatus.PASS


def test_a_clock_of_zero_is_no_clock() -> None:
    """Switched off, or a source that answers 0 for unknown: neither is a clock that can be held to a limit."""
    rig = rtx()
    key = key_of(rig, "clock.frequency", "graphics")
    rig[key] = pulsing(rig[key], 0.0, from_s=30, to_s=30.3)
    check = held(rig, "gpu_clock_lowest_mhz", 1, "MHz", at_least=True)
    assert check.status is CheckStatus.NOT_MEASURED
    assert "3 of 601 readings are 0 Hz" in check.sentence


@pytest.mark.parametrize(
    ("limit_mhz", "words"), [(1000, "at least the required 1000 MHz"), (1800, "below the required 1800 MHz")]
)
def test_a_lower_limit_is_called_one(limit_mhz: float, words: str) -> None:
    """A clock is not `within` a limit from below."""
    assert words in held(rtx(), "gpu_clock_lowest_mhz", limit_mhz, "MHz", at_least=True).sentence
