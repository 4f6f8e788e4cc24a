import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilrig.core.telemetry import Reason, Tier
from hilrig.sampler.nvml.calls import RefusedError
from hilrig.sampler.nvml.throttle import causes
from nvml_scripts import (
    HW_SLOWDOWN,
    HW_THERMAL,
    NOT_SUPPORTED,
    POWER_BRAKE,
    SW_POWER_CAP,
    SW_THERMAL,
    discrete,
    opened,
)

ALL = 0x7FF
MASKS = st.integers(min_value=0, max_value=2**64 - 1)
STATE = "hilrig.hw.throttle.state{{cause={},hw.id=gpu0,source=event_reasons}}"
RAW = "hilrig.hw.throttle.reasons{hw.id=gpu0}"
VIOLATION = "hilrig.hw.throttle.time{cause=thermal,hw.id=gpu0,source=violation}"


def states(bits, supported=ALL):
    return {cause: getattr(state, "reason", state) for cause, state in causes(bits, supported).items()}


def set_causes(bits, supported=ALL):
    return {
        cause for cause, state in states(bits, supported).items() if state == 1 and not isinstance(state, Reason)
    }


def timer(cause, source):
    return f"hilrig.hw.throttle.time{{cause={cause},hw.id=gpu0,source={source}}}"


def without_fields(*gone):
    """Return a card whose driver lacks some field values."""
    script = discrete()
    script.lines = [line for line in script.lines if line not in {f"field {one}" for one in gone}]
    return script


@pytest.mark.parametrize(
    ("bits", "found"),
    [
        (0, set()),
        (0x1 | 0x2 | 0x10 | 0x100, set()),
        (0x400, set()),  # at its highest boost a sound card is limited by voltage
        (SW_THERMAL, {"thermal"}),
        (HW_THERMAL, {"thermal"}),
        (HW_THERMAL | HW_SLOWDOWN, {"thermal"}),
        (SW_POWER_CAP, {"power"}),
        (POWER_BRAKE | HW_SLOWDOWN, {"power"}),
        (0x200, {"power"}),
        (HW_SLOWDOWN, {"thermal", "power", "unknown"}),
        (HW_SLOWDOWN | SW_POWER_CAP, {"thermal", "power", "unknown"}),
        (0x800, {"unknown"}),
        (1 << 63 | SW_THERMAL, {"unknown", "thermal"}),
    ],
)
def test_each_bit_counts_for_its_cause(bits, found):
    """Benign bits count for nothing, hardware slowdown alone for all it may be, a bit nobody knows as unknown."""
    assert set_causes(bits) == found


@given(bits=MASKS, supported=MASKS)
def test_a_set_bit_always_counts_and_only_silence_needs_watching(bits, supported):
    """Any mask of a device: every cause is 1, 0 or not supported, and 0 only where it watches the cause."""
    for cause, state in states(bits, supported).items():
        if cause != "unknown":
            own = {"thermal": 0x60, "power": 0x284}[cause]
            assert (state is Reason.NOT_SUPPORTED) == (cause not in set_causes(bits) and not supported & own)
        assert state in {0, 1} or state is Reason.NOT_SUPPORTED
    assert set_causes(bits, supported) == set_causes(bits)


@given(bits=MASKS)
def test_the_power_cap_is_never_thermal(bits):
    """A card at its configured power limit works as it should: that bit changes nothing about heat."""
    assert states(bits)["thermal"] == states(bits ^ SW_POWER_CAP)["thermal"]


def test_a_mask_that_is_not_told_leaves_silence_unexplained():
    """Without knowing what the device watches, no bit set is no answer; a set bit still is one."""
    refused = RefusedError(Reason.ERROR, "timeout")
    assert states(SW_THERMAL, refused) == {
        "thermal": 1,
        "power": Reason.ERROR,
        "unknown": 0,
    }


def test_a_shown_episode_is_seen_while_it_lasts():
    """During an episode its state is 1 and its bits are raw in the reasons; afterwards only the counter knows."""
    with opened(discrete().episode(2.0, 2.5, SW_THERMAL)) as nvml:
        seen = {}
        for t_s in (1.9, 2.0, 2.4, 2.5):
            nvml.go(t_s)
            readings = nvml.read(Tier.FAST)
            seen[t_s] = (readings[STATE.format("thermal")], readings[RAW])
        assert seen == {1.9: (0.0, 0.0), 2.0: (1.0, 0x20), 2.4: (1.0, 0x20), 2.5: (0.0, 0.0)}
        assert nvml.read(Tier.SLOW)[VIOLATION] == pytest.approx(0.5e9)


def test_an_episode_between_two_samples_is_in_the_counter():
    """Throttling that no sample of the state sees still moves the time: the gate rests on that."""
    with opened(discrete().episode(2.01, 2.09, SW_THERMAL, how="hidden")) as nvml:
        for tick in range(15, 30):
            nvml.go(tick / 10)
            assert nvml.read(Tier.FAST)[STATE.format("thermal")] == 0.0
        readings = nvml.read(Tier.SLOW)
    assert readings[VIOLATION] == pytest.approx(80e6)
    assert readings[timer("thermal", "sw_thermal")] == pytest.approx(80e6)
    assert readings[timer("thermal", "hw_thermal")] == 0.0
    assert readings[timer("power", "violation")] == 0.0


@pytest.mark.parametrize(
    ("bits", "moved"),
    [
        (SW_POWER_CAP, {("power", "violation")}),
        (POWER_BRAKE, {("power", "violation"), ("power", "power_brake")}),
        (0x200, {("power", "board_limit")}),
        (HW_THERMAL, {("thermal", "violation"), ("thermal", "hw_thermal")}),
    ],
)
def test_time_counts_for_its_own_cause(bits, moved):
    """Each cause moves the counters of that cause and no other."""
    with opened(discrete().episode(1.0, 2.0, bits, how="hidden")) as nvml:
        nvml.go(3.0)
        readings = nvml.read(Tier.SLOW)
    times = {key for key, value in readings.items() if "throttle.time" in key and value > 0}
    assert times == {timer(*one) for one in moved}


def test_a_driver_with_the_earlier_numbers_is_read_by_them():
    """Drivers of the 550 series have the times under 251 to 253: they are found, and the channel says where."""
    script = without_fields(269, 270, 271).fields(251, 252, 253).episode(1.0, 1.25, HW_THERMAL)
    with opened(script) as nvml:
        nvml.go(2.0)
        assert nvml.read()[timer("thermal", "hw_thermal")] == pytest.approx(0.25e9)
        assert nvml.source(timer("thermal", "hw_thermal")).endswith("252")


def test_a_setting_under_an_earlier_number_is_no_time():
    """On later drivers 251 to 253 are settings of power smoothing: their 0 or 1 is not a time of throttling."""
    script = without_fields(269, 270, 271).say("flag 251 0", "flag 252 1", "flag 253 0")
    with opened(script) as nvml:
        readings = nvml.read()
    for cause, source in (("thermal", "sw_thermal"), ("thermal", "hw_thermal"), ("power", "power_brake")):
        assert readings[timer(cause, source)] is Reason.NOT_SUPPORTED
    assert readings[VIOLATION] == 0.0


def test_a_setting_under_a_present_number_is_no_time_either():
    """On the 550 series 269 is a setting: the earlier number, which is a counter there, is taken instead."""
    script = without_fields(269).say("flag 269 1", "field 251").episode(1.0, 1.5, SW_THERMAL)
    with opened(script) as nvml:
        nvml.go(2.0)
        assert nvml.read()[timer("thermal", "sw_thermal")] == pytest.approx(0.5e9)


def test_a_field_alone_may_be_refused():
    """Each field value has a status of its own, inside a call that succeeds."""
    with opened(discrete().fail("field_77", NOT_SUPPORTED)) as nvml:
        readings = nvml.read()
        assert readings[timer("power", "board_limit")] is Reason.NOT_SUPPORTED
        assert readings[timer("power", "violation")] == 0.0
        assert "nvmlDeviceGetFieldValues 77: NVML_ERROR_NOT_SUPPORTED" in nvml.detail(
            timer("power", "board_limit")
        )


def test_a_cause_that_the_card_does_not_watch_is_not_supported():
    """Reasons outside the supported mask can't be absent: nobody looked. The detail says what is watched."""
    script = discrete().set("supported_reasons", (0, 0x1 | SW_POWER_CAP))
    with opened(script) as nvml:
        readings = nvml.read()
        assert readings[STATE.format("thermal")] is Reason.NOT_SUPPORTED
        assert readings[STATE.format("power")] == 0.0
        assert "does not watch for cause thermal: it watches 0x5" in nvml.detail(STATE.format("thermal"))


def test_a_mask_that_failed_once_is_asked_for_again():
    """What a device watches is asked until it answers, then kept."""
    script = discrete()
    for call in ("nvmlDeviceGetSupportedClocksEventReasons", "nvmlDeviceGetSupportedClocksThrottleReasons"):
        script.fail(call, NOT_SUPPORTED, from_s=1.0)
    with opened(script) as nvml:
        nvml.go(2.0)
        assert nvml.read()[STATE.format("thermal")] == 0.0
