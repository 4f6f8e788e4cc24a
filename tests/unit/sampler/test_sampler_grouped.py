"""hilrig.sampler.grouped: which sources a round reads."""

import pytest

from hilrig.core.telemetry import Channel, ChannelKind, Reading, Reason, Tier
from hilrig.sampler.grouped import LASTING, GroupedSampler


class Counted:
    """A source that gives what it holds and counts how often it was asked."""

    def __init__(self, *held, tier=Tier.FAST):
        self.channels = tuple(
            Channel(name=f"c{index}", unit="1", kind=ChannelKind.GAUGE, tier=tier, source="test")
            for index in range(len(held))
        )
        self.held = held
        self.n_reads = 0

    def read(self):
        self.n_reads += 1
        return self.held

    def detail(self):
        return ""

    def close(self):
        pass


@pytest.mark.parametrize("reason", sorted(LASTING))
def test_what_can_never_answer_is_asked_at_the_edges_only(reason):
    """A source without any answer at the probe costs a running target nothing, and keeps its numbers."""
    silent, alive = Counted(reason, reason), Counted(5.0)
    sampler = GroupedSampler([silent, alive])
    assert [known.reason for known in sampler.probe()] == [reason, reason, None]
    for _ in range(3):
        assert sampler.read(Tier.FAST) == [Reading(2, 5.0, None)]
    assert silent.n_reads == 1
    assert sampler.read(Tier.EDGE) == [Reading(0, None, reason), Reading(1, None, reason), Reading(2, 5.0, None)]


@pytest.mark.parametrize("reason", sorted(set(Reason) - LASTING))
def test_what_may_come_back_is_asked_every_time(reason):
    """A sensor that was off, stale or failing at the probe may answer a moment later."""
    source = Counted(reason)
    sampler = GroupedSampler([source])
    sampler.probe()
    assert sampler.read(Tier.FAST) == [Reading(0, None, reason)]
    source.held = (3,)
    assert sampler.read(Tier.FAST) == [Reading(0, 3.0, None)]


def test_one_answer_is_enough_to_go_on_asking():
    """A file that has one of its two channels is read, and both are told."""
    sampler = GroupedSampler([Counted(1.0, Reason.NOT_SUPPORTED)])
    sampler.probe()
    assert sampler.read(Tier.FAST) == [Reading(0, 1.0, None), Reading(1, None, Reason.NOT_SUPPORTED)]


def test_a_second_probe_asks_everything_again():
    """What was missing at the first probe is read after a second one that found it."""
    source = Counted(Reason.NO_PERMISSION)
    sampler = GroupedSampler([source])
    sampler.probe()
    source.held = (1.0,)
    assert sampler.probe()[0].reason is None
    assert sampler.read(Tier.FAST) == [Reading(0, 1.0, None)]


def test_a_round_of_one_tier_asks_no_other():
    """Slow sources are not touched by a fast round."""
    fast, slow, edge = Counted(1.0), Counted(2.0, tier=Tier.SLOW), Counted(3.0, tier=Tier.EDGE)
    sampler = GroupedSampler([fast, slow, edge])
    sampler.probe()
    assert sampler.read(Tier.SLOW) == [Reading(1, 2.0, None)]
    assert (fast.n_reads, slow.n_reads, edge.n_reads) == (1, 2, 1)


@pytest.mark.parametrize("values", [(), (1.0,), (1.0, 2.0, 3.0)])
def test_a_source_with_another_number_of_values_is_an_error(values):
    """Values that do not fit the channels are given to none of them, and the others go on."""
    source = Counted(1.0, 2.0)
    sampler = GroupedSampler([source, Counted(5.0)])
    sampler.probe()
    source.held = values
    assert sampler.read(Tier.FAST) == [
        Reading(0, None, Reason.ERROR),
        Reading(1, None, Reason.ERROR),
        Reading(2, 5.0, None),
    ]
