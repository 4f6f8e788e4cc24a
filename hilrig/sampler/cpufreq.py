"""CPU clocks, together with the governors that choose them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from hilrig.core.telemetry import Channel, ChannelKind, Tier
from hilrig.sampler.fact_file import online_cpus
from hilrig.sampler.kept_file import KeptFile
from hilrig.sampler.source import FileSource, FoldSource, Source, natural

_HZ_PER_KHZ: Final = 1000


def cpufreq_sources(root: Path) -> list[Source]:
    """Return the clock of every online CPU, and how many of them have left the governor they had at first."""
    cpus = online_cpus(root)
    return [*(_clock(cpu) for cpu in cpus), _power_mode(cpus)]


def _clock(cpu: Path) -> Source:
    # On some boards this is the clock asked for, not the real one: evidence of a change, not of throttling.
    channel = Channel(
        name="system.cpu.frequency",
        unit="Hz",
        kind=ChannelKind.GAUGE,
        tier=Tier.SLOW,
        source="cpufreq/scaling_cur_freq",
        attributes=(("cpu.logical_number", cpu.name.removeprefix("cpu")),),
    )
    file = KeptFile(cpu / "cpufreq/scaling_cur_freq")
    return FileSource((channel,), file, lambda data: (natural(data) * _HZ_PER_KHZ,))


def _power_mode(cpus: Sequence[Path]) -> Source:
    channel = Channel(
        name="hilrig.host.power_mode",
        unit="{cpu}",
        kind=ChannelKind.STATE,
        tier=Tier.SLOW,
        source="cpufreq/scaling_governor: CPUs that differ from the first reading",
    )
    files = [KeptFile(cpu / "cpufreq/scaling_governor") for cpu in cpus]
    return FoldSource(channel, files, GovernorChanges().count)


class GovernorChanges:
    """Remembers the governors that it sees first."""

    def __init__(self) -> None:
        self._first: tuple[bytes, ...] = ()

    def count(self, governors: Sequence[bytes]) -> float:
        """Return how many of `governors` differ from the first ones.

        Raises:
            ValueError: a governor has no name.
        """
        if not all(governors):
            raise ValueError("a governor without a name")
        self._first = self._first or tuple(governors)
        return sum(now != first for now, first in zip(governors, self._first, strict=True))
