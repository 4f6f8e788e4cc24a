"""The host sampler: CPU, memory, clocks, temperatures and throttling of a Linux machine, x86 or ARM."""

from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

from hilrig.core.telemetry import Capability, Reading, Reason, Tier
from hilrig.sampler.cpufreq import cpufreq_sources
from hilrig.sampler.proc_process import PeakSource, process_sources
from hilrig.sampler.proc_system import system_sources
from hilrig.sampler.rapl import rapl_sources
from hilrig.sampler.source import Source, Value
from hilrig.sampler.temperature import temperature_sources
from hilrig.sampler.throttle import throttle_sources


class HostSampler:
    """Reads /proc and /sys through files that are opened once, when it is built.

    Reading the EDGE tier gives every channel, so that counters have a reading at both edges of the measured part;
    it then begins a new window for the exact memory peak.

    Args:
        root: where `proc` and `sys` are; `/` on a real machine.
        pid: the target process.
    """

    def __init__(self, root: Path, pid: int) -> None:
        self._peak = PeakSource(root, pid)
        self._sources: list[Source] = [
            *system_sources(root, pid),
            *process_sources(root, pid),
            *temperature_sources(root),
            *cpufreq_sources(root),
            *throttle_sources(root),
            *rapl_sources(root),
            self._peak,
        ]
        firsts = accumulate((len(source.channels) for source in self._sources), initial=0)
        numbered = list(zip(firsts, self._sources, strict=False))
        self._by_tier = {
            tier: [(first, source) for first, source in numbered if source.channels[0].tier is tier]
            for tier in (Tier.FAST, Tier.SLOW)
        }
        self._by_tier[Tier.EDGE] = numbered

    def probe(self) -> Sequence[Capability]:
        """Read every channel once."""
        return [capability for source in self._sources for capability in _capabilities(source)]

    def read(self, tier: Tier) -> Sequence[Reading]:
        """Read the channels of a tier; EDGE reads those of all tiers."""
        readings = [
            _reading(channel, value)
            for first, source in self._by_tier[tier]
            for channel, value in enumerate(source.read(), first)
        ]
        if tier is Tier.EDGE:
            self._peak.begin_window()
        return readings

    def close(self) -> None:
        """Close all files."""
        for source in self._sources:
            source.close()


def _capabilities(source: Source) -> Sequence[Capability]:
    values = source.read()
    return [
        Capability(
            channel=channel,
            reason=value if isinstance(value, Reason) else None,
            detail=source.detail(),
        )
        for channel, value in zip(source.channels, values, strict=True)
    ]


def _reading(channel: int, value: Value) -> Reading:
    if isinstance(value, Reason):
        return Reading(channel, None, value)
    return Reading(channel, float(value), None)
