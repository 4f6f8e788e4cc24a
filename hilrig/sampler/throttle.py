"""Thermal throttling of x86 CPUs, from the kernel's counters.

They count the episodes and the time spent in them. A counter read at both ends of a window misses nothing in
between, which no sampled state can claim. The count moves when an episode starts, the time when it ends.
Machines without these files (AMD, ARM) answer ABSENT.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from hilrig.core.telemetry import Channel, ChannelKind, Tier
from hilrig.core.units import NS_PER_MS
from hilrig.sampler.fact_file import online_cpus, read_fact
from hilrig.sampler.kept_file import KeptFile
from hilrig.sampler.source import FoldSource, Source, natural

_TOPOLOGY: Final = {
    "core": ("physical_package_id", "die_id", "core_id"),
    "package": ("physical_package_id",),
}


def throttle_sources(root: Path) -> list[Source]:
    """Return events and time, of the cores and of the packages, each summed over the machine."""
    return [source for part in _TOPOLOGY for source in _sources(root, part)]


def _sources(root: Path, part: str) -> list[Source]:
    folders = [cpu / "thermal_throttle" for cpu in _one_cpu_each(root, part)]
    attributes = (("cause", "thermal"), ("source", part))
    events = Channel(
        name="hilrig.hw.throttle.events",
        unit="{event}",
        kind=ChannelKind.COUNTER,
        tier=Tier.SLOW,
        source=f"thermal_throttle/{part}_throttle_count",
        attributes=attributes,
    )
    time = Channel(
        name="hilrig.hw.throttle.time",
        unit="ns",
        kind=ChannelKind.COUNTER,
        tier=Tier.SLOW,
        source=f"thermal_throttle/{part}_throttle_total_time_ms",
        attributes=attributes,
    )
    return [
        FoldSource(events, [KeptFile(folder / f"{part}_throttle_count") for folder in folders], _sum),
        FoldSource(
            time, [KeptFile(folder / f"{part}_throttle_total_time_ms") for folder in folders], _sum_ms_as_ns
        ),
    ]


def _one_cpu_each(root: Path, part: str) -> list[Path]:
    # All logical CPUs of a core or package repeat its counters: one of them speaks for it.
    speakers: dict[tuple[str | None, ...], Path] = {}
    for cpu in online_cpus(root):
        place = tuple(read_fact(cpu / "topology" / name) for name in _TOPOLOGY[part])
        speakers.setdefault(place if any(place) else (cpu.name,), cpu)
    return list(speakers.values())


def _sum(contents: Sequence[bytes]) -> float:
    return sum(map(natural, contents))


def _sum_ms_as_ns(contents: Sequence[bytes]) -> float:
    return sum(map(natural, contents)) * NS_PER_MS
