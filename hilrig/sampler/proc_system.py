"""The machine as /proc shows it.

Its CPU time, stalls, memory and out-of-memory kills are channels.
"""

import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Final

from hilrig.core.telemetry import Channel, ChannelKind, Reason, Tier
from hilrig.sampler.fact_file import read_fact
from hilrig.sampler.kept_file import KeptFile
from hilrig.sampler.source import FileSource, Source, Value, labelled, natural, naturals

BYTES_PER_KIB: Final = 1024

TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")
"""Of the CPU times in /proc."""

_CPU_MODES: Final = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
_SCOPES: Final = ("some", "full")


def system_sources(root: Path, pid: int) -> list[Source]:
    """Return the sources of the whole machine, and of the control group that `pid` is in."""
    return [
        _cpu_time(root),
        *(_pressure(root, resource) for resource in ("cpu", "memory", "io")),
        _memory(root),
        _oom_kills(root / "proc/vmstat", scope="system", source="/proc/vmstat oom_kill"),
        _oom_kills(_cgroup(root, pid) / "memory.events", scope="cgroup", source="cgroup memory.events oom_kill"),
    ]


def _cpu_time(root: Path) -> Source:
    channels = [
        Channel(
            name="system.cpu.time",
            unit="s",
            kind=ChannelKind.COUNTER,
            tier=Tier.FAST,
            source="/proc/stat",
            attributes=(("cpu.mode", mode),),
        )
        for mode in _CPU_MODES
    ]
    return FileSource(channels, KeptFile(root / "proc/stat"), CpuTimes().parse)


class CpuTimes:
    """The first line of /proc/stat in seconds, in the order of its columns.

    The kernel documents that iowait may go back a little (and idle does with it); such a step is held, so that the
    channel stays the counter that it says it is.
    """

    def __init__(self) -> None:
        self._highest_ticks = [0] * len(_CPU_MODES)

    def parse(self, data: bytes) -> Sequence[Value]:
        """Return seconds per mode; NOT_SUPPORTED for columns that an old kernel does not have."""
        columns = data.partition(b"\n")[0].split()
        if columns[:1] != [b"cpu"] or len(columns) == 1:
            raise ValueError("no total line")
        ticks = naturals(columns[1 : len(_CPU_MODES) + 1])
        self._highest_ticks[: len(ticks)] = map(max, ticks, self._highest_ticks)
        known: list[Value] = [tick / TICKS_PER_S for tick in self._highest_ticks[: len(ticks)]]
        return known + [Reason.NOT_SUPPORTED] * (len(_CPU_MODES) - len(known))


def _pressure(root: Path, resource: str) -> Source:
    channels = [
        Channel(
            name="hilrig.system.pressure",
            unit="us",
            kind=ChannelKind.COUNTER,
            tier=Tier.FAST,
            source=f"/proc/pressure/{resource} total",
            attributes=(("resource", resource), ("scope", scope)),
        )
        for scope in _SCOPES
    ]
    return FileSource(channels, KeptFile(root / "proc/pressure" / resource), _parse_pressure)


def _parse_pressure(data: bytes) -> Sequence[Value]:
    totals = {}
    for line in data.splitlines():
        head, _, total = line.rpartition(b" total=")
        totals[head.partition(b" ")[0]] = natural(total)
    if not totals:
        raise ValueError("no line")
    return [totals.get(scope, Reason.NOT_SUPPORTED) for scope in (b"some", b"full")]  # old kernels: no `full`


def _memory(root: Path) -> Source:
    used = Channel(
        name="system.memory.usage",
        unit="By",
        kind=ChannelKind.GAUGE,
        tier=Tier.SLOW,
        source="/proc/meminfo MemTotal - MemAvailable",
    )
    available = Channel(
        name="system.linux.memory.available",
        unit="By",
        kind=ChannelKind.GAUGE,
        tier=Tier.SLOW,
        source="/proc/meminfo MemAvailable",
    )
    return FileSource((used, available), KeptFile(root / "proc/meminfo"), _parse_memory)


def _parse_memory(data: bytes) -> Sequence[Value]:
    total_kib = labelled(data, b"MemTotal:", unit=b" kB")
    available_kib = labelled(data, b"MemAvailable:", unit=b" kB")
    if isinstance(total_kib, Reason) or isinstance(available_kib, Reason):
        return [Reason.NOT_SUPPORTED] * 2
    return (total_kib - available_kib) * BYTES_PER_KIB, available_kib * BYTES_PER_KIB


def _oom_kills(path: Path, *, scope: str, source: str) -> Source:
    channel = Channel(
        name="hilrig.system.oom_kills",
        unit="{event}",
        kind=ChannelKind.COUNTER,
        tier=Tier.SLOW,
        source=source,
        attributes=(("scope", scope),),
    )
    return FileSource((channel,), KeptFile(path), lambda data: (labelled(data, b"oom_kill "),))


def _cgroup(root: Path, pid: int) -> Path:
    membership = root / "proc" / str(pid) / "cgroup"
    for line in (read_fact(membership) or "").splitlines():
        hierarchy, _, path = line.partition("::")
        parts = PurePosixPath(path).parts[1:]
        if hierarchy == "0" and ".." not in parts and path.isprintable():  # `..`: outside of this namespace
            return (root / "sys/fs/cgroup").joinpath(*parts)
    return membership  # not a folder, so that what is looked for in it is ABSENT
