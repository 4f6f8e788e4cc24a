import pickle
from functools import partial
from pathlib import Path

from hilrig.core.clock import ManualClock
from hilrig.core.registry import load
from hilrig.core.telemetry import Channel, ChannelKind, Reading, Reason, Tier
from hilrig.core.units import NS_PER_S
from hilrig.sampler.scripted import Curve, ScriptedSampler

GPU = Channel(name="hw.gpu.utilization", unit="1", kind=ChannelKind.GAUGE, tier=Tier.FAST, source="script")
MODE = Channel(
    name="hilrig.host.power_mode", unit="{cpu}", kind=ChannelKind.STATE, tier=Tier.SLOW, source="script"
)


def scripted(clock, *curves):
    return ScriptedSampler(Path("/"), 1, curves, clock=clock)


def test_a_point_holds_until_the_next():
    """Values and reasons follow the script's times, the exact moment included."""
    clock = ManualClock(start_ns=5 * NS_PER_S)
    sampler = scripted(clock, Curve(channel=GPU, points=((0.0, 0.5), (1.0, Reason.LOST), (2.0, 0))))
    sampler.probe()
    seen = []
    for t_s in (0.0, 0.999, 1.0, 1.5, 2.0, 99.0):
        clock.now_ns = round((5 + t_s) * NS_PER_S)
        seen.append(sampler.read(Tier.FAST)[0])
    lost = Reading(0, None, Reason.LOST)
    assert seen == [Reading(0, 0.5, None)] * 2 + [lost] * 2 + [Reading(0, 0.0, None)] * 2


def test_time_starts_at_the_probe():
    """A sampler built long before its probe still plays its script from the start."""
    clock = ManualClock()
    sampler = scripted(clock, Curve(channel=GPU, points=((0.0, 1.0), (1.0, 2.0))))
    clock.now_ns = 50 * NS_PER_S
    assert sampler.probe()[0].reason is None
    assert sampler.read(Tier.FAST) == [Reading(0, 1.0, None)]


def test_before_the_first_point_a_channel_is_absent():
    """What the script does not say is not made up."""
    sampler = scripted(ManualClock(), Curve(channel=GPU, points=((1.0, 2.0),)))
    assert sampler.probe()[0].reason is Reason.ABSENT


def test_numbers_are_kept_in_every_tier():
    """A tier that skips channels does not renumber them."""
    sampler = scripted(
        ManualClock(), Curve(channel=GPU, points=((0.0, 1.0),)), Curve(channel=MODE, points=((0.0, 0.0),))
    )
    assert sampler.read(Tier.SLOW) == [Reading(1, 0.0, None)]


def test_without_a_script_there_are_no_channels():
    """The registered name alone measures nothing, so it can never make a check pass."""
    sampler = load("samplers", "scripted")(Path("/"), 1)
    assert sampler.probe() == []
    assert sampler.read(Tier.EDGE) == []


def test_a_script_travels_to_another_process():
    """A sampler with its script bound can be handed to a spawned process."""
    factory = partial(ScriptedSampler, script=[Curve(channel=GPU, points=((0.0, 0.25),))])
    sampler = pickle.loads(pickle.dumps(factory))(Path("/"), 1)
    sampler.probe()
    assert sampler.read(Tier.FAST) == [Reading(0, 0.25, None)]
