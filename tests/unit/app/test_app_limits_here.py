from hilrig.app.soak.limits_here import limits_here
from hilrig.core import channels
from hilrig.core.telemetry import Capability, Channel, ChannelKind, Reason, Tier


def capability(name, *attributes, reason=None):
    return Capability(
        channel=Channel(
            name=name, unit="1", kind=ChannelKind.GAUGE, tier=Tier.FAST, source="", attributes=tuple(attributes)
        ),
        reason=reason,
    )


def limits(*capabilities, device_class="x86-cpu"):
    return {limit.key: limit for limit in limits_here(capabilities, device_class)}


def test_limits_on_frames_hold_anywhere():
    """Latency, drops and accuracy come from the frame records: no telemetry is needed."""
    here = limits()
    assert [
        key
        for key, limit in here.items()
        if key.startswith(("latency.", "frames.", "detection.", "resources.watchdog", "recovery."))
    ] == [key for key, limit in here.items() if not limit.obstacle]
    assert "latency.p99_max_ms" in here
    assert "frame_rate_fps" not in " ".join(here)


def test_one_of_several_sources_is_enough():
    """GPU memory holds with the process's or the device's; without any, each is named with its reason."""
    key = "resources.gpu_memory_max_mb"
    assert limits(capability(channels.GPU_MEMORY))[key].obstacle == ""
    gap = limits(capability(channels.GPU_MEMORY, reason=Reason.NOT_SUPPORTED))[key].obstacle
    assert "hw.gpu.memory.usage: NOT_SUPPORTED" in gap
    assert "hilrig.process.gpu.memory.usage: ABSENT" in gap


def test_what_is_switched_off_may_answer_in_a_run():
    """Before a run no process uses GPU memory: that is no obstacle."""
    here = limits(capability(channels.PROCESS_GPU_MEMORY, reason=Reason.OFFLINE))
    assert here["resources.gpu_memory_max_mb"].obstacle == ""


def test_another_cause_is_no_answer():
    """A counter of power throttling says nothing about heat."""
    here = limits(capability(channels.THROTTLE_EVENTS, (channels.CAUSE, channels.CAUSE_POWER)))
    assert here["resources.power_throttle_allowed"].obstacle == ""
    assert here["resources.thermal_throttle_allowed"].obstacle


def test_a_state_alone_holds_only_under_a_condition():
    """A sampled state misses what falls between two readings: locked clocks, or a limit on them, mend that."""
    cause = (channels.CAUSE, channels.CAUSE_THERMAL)
    state = capability(channels.THROTTLE_STATE, cause)
    key = "resources.thermal_throttle_allowed"
    assert "resources.gpu_clock_min_mhz" in limits(state)[key].condition
    assert limits(state, capability(channels.THROTTLE_EVENTS, cause))[key].condition == ""


def test_the_counter_of_another_device_lifts_no_condition():
    """A CPU that counts its throttling says nothing about the card beside it."""
    cause, card = (channels.CAUSE, channels.CAUSE_THERMAL), (channels.HW_ID, "gpu0")
    here = limits(capability(channels.THROTTLE_EVENTS, cause), capability(channels.THROTTLE_STATE, cause, card))
    assert "gpu0" in here["resources.thermal_throttle_allowed"].condition


def test_a_power_loss_test_needs_no_telemetry():
    """Which depths of it can run here depends on the profile: the run's preflight says so."""
    assert limits()["recovery.power_loss_test"].obstacle == ""


def test_a_card_that_says_nothing_of_its_heat_is_an_obstacle_in_its_class():
    """Where the class names a card, the CPU's counters do not answer for it: the run is refused, not wasted."""
    cause = (channels.CAUSE, channels.CAUSE_THERMAL)
    cpu = capability(channels.THROTTLE_EVENTS, cause)
    key = "resources.thermal_throttle_allowed"
    assert limits(cpu)[key].obstacle == ""
    assert limits(cpu, device_class="x86-rtx4000")[key].obstacle.startswith("gpu0: no source speaks for it")
    mute = capability(channels.THROTTLE_TIME, cause, (channels.HW_ID, "gpu0"), reason=Reason.NOT_SUPPORTED)
    assert limits(cpu, mute, device_class="x86-rtx4000")[key].obstacle == "gpu0: NOT_SUPPORTED"
