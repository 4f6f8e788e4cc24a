"""The host sampler, of a Linux machine on x86 or ARM.

It reads CPU, memory, clocks, temperatures and throttling.
"""

from collections.abc import Sequence
from pathlib import Path

from hilrig.core.telemetry import Reading, Tier
from hilrig.sampler.cpufreq import cpufreq_sources
from hilrig.sampler.grouped import GroupedSampler
from hilrig.sampler.proc_process import PeakSource, process_sources
from hilrig.sampler.proc_system import system_sources
from hilrig.sampler.process_output import OutputSource
from hilrig.sampler.rapl import rapl_sources
from hilrig.sampler.temperature import temperature_sources
from hilrig.sampler.throttle import throttle_sources


class HostSampler(GroupedSampler):
    """Reads /proc and /sys through files that are opened once, when it is built.

    Reading the EDGE tier also begins a new window for the exact memory peak.

    Args:
        root: where `proc` and `sys` are; `/` on a real machine.
        pid: the target process.
    """

    def __init__(self, root: Path, pid: int) -> None:
        self._peak = PeakSource(root, pid)
        super().__init__(
            [
                *system_sources(root, pid),
                *process_sources(root, pid),
                OutputSource(root, pid),
                *temperature_sources(root),
                *cpufreq_sources(root),
                *throttle_sources(root),
                *rapl_sources(root),
                self._peak,
            ]
        )

    @staticmethod
    def is_here(root: Path) -> bool:
        """Return whether there is a Linux kernel to ask."""
        return (root / "proc/stat").exists()

    def read(self, tier: Tier) -> Sequence[Reading]:
        """Read the channels of a tier; EDGE reads those of all tiers."""
        readings = super().read(tier)
        if tier is Tier.EDGE:
            self._peak.begin_window()
        return readings
