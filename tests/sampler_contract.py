"""What every sampler promises, once: a subclass says in its `build` which samplers are asked."""

import math
from collections.abc import Collection
from pathlib import Path
from typing import ClassVar

import pytest

from hilrig.core.telemetry import ChannelKind, Reason, Tier
from hilrig.sampler.combined import CombinedSampler
from hilrig.sampler.scripted import ScriptedSampler
from printing_processes import children

LASTING = {Reason.ABSENT, Reason.NO_PERMISSION, Reason.NOT_SUPPORTED}
"""What does not change while a sampler is open."""


class SamplerContract:
    """Asked of a sampler. A subclass `Test...` has the fixture `build`: a callable that opens a fresh one."""

    least_channels: ClassVar[int] = 1
    """How many channels there are even where nothing answers."""

    least_counters: ClassVar[int] = 0
    """How many counters have a value, whichever sampler is asked."""

    wordless: ClassVar[Collection[Reason]] = ()
    """Reasons that need no words."""

    @pytest.fixture
    def sampler(self, build):
        opened = build()
        yield opened
        opened.close()

    @pytest.fixture
    def moments(self):
        """Return what is iterated between readings; a subclass moves time with it where that matters."""
        return range(50)

    @pytest.mark.parametrize("tier", list(Tier))
    def test_every_reading_has_exactly_one_of_value_and_reason(self, sampler, moments, tier):
        """A reading is a finite number or a reason, and its channel is one of the probe's, at any time."""
        capabilities = sampler.probe()
        for _ in moments:
            for reading in sampler.read(tier):
                assert (reading.value is None) != (reading.reason is None)
                assert reading.value is None or (type(reading.value) is float and math.isfinite(reading.value))
                assert reading.reason is None or isinstance(reading.reason, Reason)
                assert 0 <= reading.channel < len(capabilities)

    def test_channel_keys_are_unique(self, sampler):
        """No two channels of a sampler have the same key, and there are some even where nothing answers."""
        keys = [known.channel.key for known in sampler.probe()]
        assert len(keys) >= self.least_channels
        assert len(keys) == len(set(keys))

    def test_probe_says_the_same_twice(self, sampler):
        """Probing again keeps the numbering that readings refer to."""
        first = [known.channel for known in sampler.probe()]
        assert first == [known.channel for known in sampler.probe()]

    def test_each_tier_reads_its_own_channels_and_the_edge_reads_all(self, sampler):
        """FAST and SLOW give their own channels once each, at least those that can answer; EDGE gives all once."""
        capabilities = sampler.probe()
        for tier in (Tier.FAST, Tier.SLOW):
            own = {number for number, known in enumerate(capabilities) if known.channel.tier is tier}
            able = {number for number in own if capabilities[number].reason not in LASTING}
            read = [reading.channel for reading in sampler.read(tier)]
            assert len(read) == len(set(read))
            assert able <= set(read) <= own
        assert sorted(reading.channel for reading in sampler.read(Tier.EDGE)) == list(range(len(capabilities)))

    def test_what_has_no_value_says_why(self, sampler):
        """A channel without a value at the probe has words for it: a person has to be able to act on them."""
        silent = [known for known in sampler.probe() if known.reason is not None]
        assert [known for known in silent if not known.detail and known.reason not in self.wordless] == []

    def test_a_capability_with_a_lasting_reason_never_reads_a_number(self, sampler, moments):
        """What the probe found absent, forbidden or not supported does not turn into a number later."""
        capabilities = sampler.probe()
        for _ in moments:
            for reading in sampler.read(Tier.EDGE):
                if capabilities[reading.channel].reason in LASTING:
                    assert reading.value is None

    def test_counters_never_fall(self, sampler, moments):
        """A counter read again is at least what it was; each that answered the probe is read."""
        counters = {
            number: known
            for number, known in enumerate(sampler.probe())
            if known.channel.kind is ChannelKind.COUNTER
        }
        highest = {}
        for _ in moments:
            for channel, value, _reason in sampler.read(Tier.EDGE):
                if channel in counters and value is not None:
                    assert value >= highest.get(channel, 0.0)
                    highest[channel] = value
        assert len(highest) >= self.least_counters
        assert highest.keys() >= {number for number, known in counters.items() if known.reason is None}

    def test_it_can_be_combined_with_another_sampler(self, sampler, build):
        """Joined with others it keeps its numbers."""
        both = CombinedSampler([build(), ScriptedSampler(Path("/"), 1)])
        joined = [known.channel for known in both.probe()]
        numbers = sorted(reading.channel for reading in both.read(Tier.EDGE))
        both.close()
        assert joined == [known.channel for known in sampler.probe()]
        assert numbers == list(range(len(joined)))

    def test_nothing_leaks_after_close(self, build):
        """Closing gives descriptors and processes back, may be repeated, and leaves only reasons to read."""
        before = open_files(), children()
        opened = build()
        opened.probe()
        opened.read(Tier.EDGE)
        opened.close()
        opened.close()
        assert (open_files(), children()) == before
        readings = opened.read(Tier.EDGE)
        assert readings
        assert all(reading.value is None for reading in readings)


def open_files():
    """Return what the descriptors of this process are open on."""
    links = [link for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]  # not the one of this listing
    return sorted(str(link.readlink()) for link in links)
