"""hilrig.app.soak.witnesses: what channels say before and during the work, and what that proves."""

from pathlib import Path

import pytest

from hilrig.app.soak.witnesses import WitnessWatch
from hilrig.core.channels import GPU_MEMORY, GPU_UTILIZATION, HW_ID, PROCESS_GPU_MEMORY
from hilrig.core.clock import ManualClock
from hilrig.core.telemetry import Channel, ChannelKind, Reason, Tier
from hilrig.core.units import NS_PER_S
from hilrig.sampler.scripted import Curve, ScriptedSampler

MIB = float(1 << 20)
GPU0 = ((HW_ID, "gpu0"),)


def curve(name, *values, tier=Tier.FAST):
    """Return a channel that says one value in each second from the probe on."""
    unit = "1" if name == GPU_UTILIZATION else "By"
    channel = Channel(name=name, unit=unit, kind=ChannelKind.GAUGE, tier=tier, source="script", attributes=GPU0)
    return Curve(channel=channel, points=tuple((float(t_s), value) for t_s, value in enumerate(values)))


def watched(*curves):
    """Return what is seen in two seconds without work and two seconds with it, by name."""
    clock = ManualClock(NS_PER_S)
    watch = WitnessWatch(ScriptedSampler(Path("/"), 1, curves, clock=clock))
    for second in range(4):
        if second == 2:
            watch.begin()
        watch.look()
        clock.now_ns += NS_PER_S
    watch.close()
    return {witness.channel.partition("{")[0]: witness for witness in watch.witnesses()}


@pytest.mark.parametrize("tier", [Tier.FAST, Tier.SLOW])
def test_the_highest_reading_of_each_part_counts(tier):
    """A peak between two looks at a falling value is kept, in whatever tier the channel is."""
    seen = watched(curve(GPU_UTILIZATION, 0.2, 0.1, 0.9, 0.3, tier=tier))[GPU_UTILIZATION]
    assert (seen.channel, seen.before, seen.during, seen.rose) == (
        "hw.gpu.utilization{hw.id=gpu0}",
        0.2,
        0.9,
        True,
    )


def test_a_device_that_others_keep_busy_proves_nothing():
    """Its utilisation was as high before the probe."""
    assert not watched(curve(GPU_UTILIZATION, 0.9, 0.9, 0.9, 0.9))[GPU_UTILIZATION].rose


def test_a_process_that_begins_to_use_the_device_is_seen():
    """OFFLINE means that it had no memory there: that is known, and so the rise is."""
    seen = watched(curve(PROCESS_GPU_MEMORY, Reason.OFFLINE, Reason.OFFLINE, Reason.OFFLINE, 300 * MIB))
    assert seen[PROCESS_GPU_MEMORY].rose
    assert seen[PROCESS_GPU_MEMORY].before is None


@pytest.mark.parametrize("reason", [reason for reason in Reason if reason is not Reason.OFFLINE])
def test_a_level_that_is_unknown_before_shows_no_rise(reason):
    """Any other reason may hide any value."""
    assert not watched(curve(GPU_MEMORY, reason, reason, 900 * MIB, 900 * MIB))[GPU_MEMORY].rose


@pytest.mark.parametrize("reason", list(Reason))
def test_a_channel_without_a_value_in_the_work_says_why(reason):
    """No reason ever becomes a number."""
    seen = watched(curve(GPU_UTILIZATION, 0.0, 0.0, reason, reason))[GPU_UTILIZATION]
    assert (seen.during, seen.rose) == (None, False)
    assert reason.name in seen.reason


def test_what_nothing_here_offers_is_listed_as_absent():
    """A machine without any source still shows all three channels, each with the reason."""
    seen = watched()
    assert set(seen) == {GPU_UTILIZATION, PROCESS_GPU_MEMORY, GPU_MEMORY}
    assert all("libnvidia-ml.so.1" in witness.reason and not witness.rose for witness in seen.values())


def test_other_channels_are_no_witnesses():
    """The temperature of a device rises for many reasons."""
    assert "hw.temperature" not in watched(curve("hw.temperature", 40.0, 40.0, 90.0, 90.0))
