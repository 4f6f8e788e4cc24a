import gc
import os
from pathlib import Path

import pytest

from hilrig.core.clock import ManualClock
from hilrig.core.telemetry import Channel, ChannelKind, Reading, Reason, Tier
from hilrig.sampler.combined import CombinedSampler
from hilrig.sampler.probe import open_samplers, probe_all
from hilrig.sampler.scripted import Curve, ScriptedSampler


def curve(name, held, *, source="s", tier=Tier.FAST):
    channel = Channel(name=name, unit="1", kind=ChannelKind.GAUGE, tier=tier, source=source)
    return Curve(channel=channel, points=((0.0, held),))


def combined(*scripts):
    clock = ManualClock()
    return CombinedSampler([ScriptedSampler(Path("/"), 1, script, clock=clock) for script in scripts])


def test_the_first_that_answers_has_the_channel():
    """A preferred sampler that can't read a channel leaves it to the next one; one that can keeps it."""
    sampler = combined(
        [curve("a", Reason.NOT_SUPPORTED, source="first"), curve("b", 1.0, source="first")],
        [curve("a", 2.0, source="second"), curve("b", 3.0, source="second")],
        [curve("a", 4.0, source="third")],
    )
    assert [(known.channel.name, known.channel.source) for known in sampler.probe()] == [
        ("b", "first"),
        ("a", "second"),
    ]
    assert sampler.read(Tier.FAST) == [Reading(0, 1.0, None), Reading(1, 2.0, None)]


def test_a_channel_that_nobody_reads_keeps_the_first_reason():
    """The preferred sampler's reason is what the operator should see."""
    sampler = combined([curve("a", Reason.NO_PERMISSION)], [curve("a", Reason.ABSENT)])
    assert [known.reason for known in sampler.probe()] == [Reason.NO_PERMISSION]
    assert sampler.read(Tier.EDGE) == [Reading(0, None, Reason.NO_PERMISSION)]


def test_channels_keep_one_number_in_all_tiers():
    """The numbering runs through all samplers, tier by tier."""
    sampler = combined([curve("a", 1.0), curve("b", 2.0, tier=Tier.SLOW)], [curve("c", 3.0, tier=Tier.SLOW)])
    sampler.probe()
    assert sampler.read(Tier.SLOW) == [Reading(1, 2.0, None), Reading(2, 3.0, None)]


def test_before_the_probe_there_are_no_numbers():
    """Nothing is read under a number that nobody was told."""
    assert combined([curve("a", 1.0)]).read(Tier.FAST) == []


def test_no_samplers_no_channels():
    """A machine without any source has an empty answer, not an error."""
    sampler = CombinedSampler([])
    assert (sampler.probe(), sampler.read(Tier.EDGE)) == ([], [])
    sampler.close()


def test_this_machine_has_the_host_sampler():
    """On Linux the host sampler is opened and what it reads is in the answer."""
    samplers = open_samplers(Path("/"), os.getpid())
    names = [type(sampler).__name__ for sampler in samplers]
    for sampler in samplers:
        sampler.close()
    assert "HostSampler" in names
    assert any(
        known.channel.name == "process.memory.usage" and known.reason is None
        for known in probe_all(Path("/"), os.getpid())
    )


def test_nothing_is_opened_where_nothing_is(tmp_path):
    """Under an empty root there is no sampler worth opening."""
    assert open_samplers(tmp_path, 1) == []
    assert probe_all(tmp_path, 1) == ()


def test_probing_leaves_no_files_open():
    """Asking what is here costs no descriptor."""
    gc.collect()  # what other tests left to the collector is not counted
    before = len(list(Path("/proc/self/fd").iterdir()))
    probe_all(Path("/"), os.getpid())
    assert len(list(Path("/proc/self/fd").iterdir())) <= before


class Watched(ScriptedSampler):
    """A scripted sampler that takes down what is asked of it."""

    def __init__(self, script):
        super().__init__(Path("/"), 1, script, clock=ManualClock())
        self.asked = []

    def read(self, tier):
        self.asked.append(tier)
        return super().read(tier)

    def close(self):
        self.asked.append("close")
        super().close()


def test_a_sampler_that_nobody_wants_is_closed_and_left_alone():
    """A library whose every number another sampler has too costs the run nothing after the probe."""
    unwanted = Watched([curve("a", 2.0), curve("b", Reason.ABSENT)])
    sampler = CombinedSampler([Watched([curve("a", 1.0), curve("b", 1.0)]), unwanted])
    sampler.probe()
    sampler.read(Tier.FAST)
    sampler.read(Tier.EDGE)
    assert unwanted.asked == [Tier.EDGE, "close"]  # a scripted probe reads the edge


def test_the_numbering_survives_a_second_probe():
    """A sampler that lost all of its channels does not leave its order behind."""
    sampler = combined(
        [curve("a", Reason.ABSENT), curve("b", Reason.ABSENT)],
        [curve("b", 1.0), curve("a", 2.0)],
    )
    first = [known.channel.name for known in sampler.probe()]
    assert first == [known.channel.name for known in sampler.probe()] == ["b", "a"]


def test_an_unwanted_sampler_is_closed_once():
    """Closing everything afterwards does not ask the unwanted one again."""
    unwanted = Watched([curve("a", 2.0)])
    sampler = CombinedSampler([Watched([curve("a", 1.0)]), unwanted])
    sampler.probe()
    sampler.close()
    assert unwanted.asked.count("close") == 1


@pytest.mark.parametrize("tier", list(Tier))
def test_a_channel_of_a_loser_is_never_read(tier):
    """The readings of a channel come from one sampler only."""
    sampler = combined([curve("a", 1.0)], [curve("a", 2.0)])
    sampler.probe()
    assert {reading.value for reading in sampler.read(tier)} <= {1.0}
