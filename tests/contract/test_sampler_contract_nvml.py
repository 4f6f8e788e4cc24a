import gc
import math
from pathlib import Path

import pytest

from hilrig.core.telemetry import ChannelKind, Reason, Tier
from hilrig.sampler.combined import CombinedSampler
from hilrig.sampler.nvml import NvmlSampler
from hilrig.sampler.scripted import ScriptedSampler
from nvml_scripts import (
    GIB,
    GPU_IS_LOST,
    HW_THERMAL,
    PID,
    SW_POWER_CAP,
    add_discrete,
    discrete,
    machine,
    opened,
    orin,
    thor,
)

LASTING = {Reason.ABSENT, Reason.NO_PERMISSION, Reason.NOT_SUPPORTED}
"""What does not change while a sampler is open."""


def open_files():
    links = [link for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]  # not the one of this listing
    return sorted(str(link.readlink()) for link in links)


def busy():
    """Return a card on which everything moves."""
    script = add_discrete(discrete(), "second", who=f"pid {PID}")
    script.ramp("temperature_c", (10, 95)).episode(1.0, 3.0, HW_THERMAL).episode(
        2.0, 2.1, SW_POWER_CAP, how="hidden"
    )
    script.xid(4.0, 31).set("clock_graphics_mhz", (1.0, 900)).process(f"pid {PID}", (3.0, GIB))
    return script.set("utilization_pct", (1.0, 0), (2.0, 100)).set("ecc_uncorrected", (6.0, 1))


MACHINES = {
    "card": (discrete, ()),
    "busy": (busy, ()),
    "old driver": (discrete, ("-DOLD_DRIVER",)),
    "lost": (lambda: discrete().fail("*", GPU_IS_LOST, from_s=5.0), ()),
    "orin": (orin, ()),
    "thor": (thor, ()),
    "no card": (machine, ()),
    "no driver": (lambda: machine().fail("nvmlInitWithFlags", 9), ()),
}


@pytest.fixture(params=MACHINES)
def nvml(request):
    build, flags = MACHINES[request.param]
    with opened(build(), *flags) as found:
        yield found


@pytest.mark.parametrize("tier", list(Tier))
def test_every_reading_has_exactly_one_of_value_and_reason(nvml, tier):
    """A reading is a finite number or a reason, and its channel is one of the probe's, at any time."""
    for tenth in range(80):
        nvml.go(tenth / 10)
        for reading in nvml.sampler.read(tier):
            assert (reading.value is None) != (reading.reason is None)
            assert reading.value is None or (type(reading.value) is float and math.isfinite(reading.value))
            assert reading.reason is None or isinstance(reading.reason, Reason)
            assert 0 <= reading.channel < len(nvml.capabilities)


def test_channel_keys_are_unique(nvml):
    """No two channels have the same key, and there are some even where nothing answers."""
    keys = [known.channel.key for known in nvml.capabilities]
    assert len(keys) >= 28
    assert len(keys) == len(set(keys))


def test_probe_says_the_same_twice(nvml):
    """Probing again keeps the numbering that readings refer to."""
    assert [known.channel for known in nvml.sampler.probe()] == [known.channel for known in nvml.capabilities]


def test_each_tier_reads_only_its_own_channels_and_the_edge_reads_all(nvml):
    """FAST and SLOW give their own channels once, at least those that can have a value; EDGE gives every one."""
    for tier in (Tier.FAST, Tier.SLOW):
        own = {number for number, known in enumerate(nvml.capabilities) if known.channel.tier is tier}
        able = {number for number in own if nvml.capabilities[number].reason not in LASTING}
        read = [reading.channel for reading in nvml.sampler.read(tier)]
        assert len(read) == len(set(read))
        assert able <= set(read) <= own
    everything = [reading.channel for reading in nvml.sampler.read(Tier.EDGE)]
    assert sorted(everything) == list(range(len(nvml.capabilities)))


def test_what_has_no_value_says_why(nvml):
    """A channel without a value at the probe has words for it: a person has to be able to act on them."""
    assert all(known.detail for known in nvml.capabilities if known.reason is not None)


def test_a_capability_with_a_lasting_reason_never_reads_a_number(nvml):
    """What the probe could not read does not turn into a number later."""
    nvml.go(7.0)
    for reading in nvml.sampler.read(Tier.EDGE):
        if nvml.capabilities[reading.channel].reason in LASTING:
            assert reading.value is None


def test_counters_never_fall(nvml):
    """A counter read again is at least what it was."""
    highest = {}
    for tenth in range(80):
        nvml.go(tenth / 10)
        for channel, value, _reason in nvml.sampler.read(Tier.EDGE):
            if nvml.capabilities[channel].channel.kind is ChannelKind.COUNTER and value is not None:
                assert value >= highest.get(channel, 0.0)
                highest[channel] = value


def test_it_can_be_combined_with_another_sampler(nvml):
    """Joined with others it keeps its numbers."""
    both = CombinedSampler([NvmlSampler(Path("/"), PID, clock=nvml.clock), ScriptedSampler(Path("/"), 1)])
    assert [known.channel for known in both.probe()] == [known.channel for known in nvml.capabilities]
    assert len(both.read(Tier.EDGE)) == len(nvml.capabilities)
    both.close()


@pytest.mark.parametrize("name", MACHINES)
def test_nothing_leaks_after_close(name):
    """Closing gives every descriptor back, may be repeated, and leaves only reasons to read."""
    build, flags = MACHINES[name]
    with opened(build(), *flags):
        pass  # the library itself is loaded once for all tests
    before = open_files()
    with opened(build(), *flags) as nvml:
        nvml.sampler.close()
        assert all(reading.value is None for reading in nvml.sampler.read(Tier.EDGE))
    assert open_files() == before


def test_a_refusal_does_not_pile_up():
    """Eight hours of a channel that is not supported keep no memory: refusals are gone when they are told."""
    with opened(orin()) as nvml:
        for _ in range(10):
            nvml.sampler.read(Tier.EDGE)
        gc.collect()
        before = len(gc.get_objects())
        for _ in range(500):
            nvml.sampler.read(Tier.EDGE)
        gc.collect()
        assert len(gc.get_objects()) - before < 200
