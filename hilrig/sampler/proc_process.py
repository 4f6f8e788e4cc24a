"""The target process as /proc/PID shows it.

Its CPU time, memory, faults, switches and waiting are channels.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from hilrig.core.telemetry import Channel, ChannelKind, Exactness, Reason, Tier
from hilrig.sampler.kept_file import KeptFile
from hilrig.sampler.proc_system import BYTES_PER_KIB, TICKS_PER_S
from hilrig.sampler.source import FileSource, Source, Value, labelled, natural, naturals

BYTES_PER_PAGE: Final = os.sysconf("SC_PAGE_SIZE")

_RESET_PEAK: Final = b"5"  # proc(5), /proc/PID/clear_refs, since Linux 4.0
_ENDED_STATES: Final = (b"Z", b"X")
_STOPPED_STATES: Final = (b"T", b"t")  # by a signal; by a debugger, since Linux 2.6.33
_DETAIL_LIFELONG: Final = "highest over the whole life of the process, loading included: it can't be reset here"


def process_sources(root: Path, pid: int) -> list[Source]:
    """Return the sources of process `pid`, all but its exact peak."""
    folder = root / "proc" / str(pid)
    return [_times(folder), _memory(folder), _switches(folder), _run_delay(folder)]


def _times(folder: Path) -> Source:
    channels = [
        _counter("process.cpu.time", "s", "/proc/PID/stat", ("cpu.mode", "user")),
        _counter("process.cpu.time", "s", "/proc/PID/stat", ("cpu.mode", "system")),
        _counter("process.paging.faults", "{fault}", "/proc/PID/stat", ("type", "major")),
        Channel(
            name="hilrig.process.stopped",
            unit="1",
            kind=ChannelKind.STATE,
            tier=Tier.FAST,
            source="/proc/PID/stat state T or t",
        ),
    ]
    return FileSource(channels, KeptFile(folder / "stat"), _parse_stat)


def _parse_stat(data: bytes) -> Sequence[Value]:
    fields = data[data.rindex(b")") + 1 :].split()  # the command's name may hold spaces and parentheses
    if fields[0] in _ENDED_STATES:
        return [Reason.LOST] * 4
    major_faults, user_ticks, system_ticks = naturals([fields[9], fields[11], fields[12]])
    return user_ticks / TICKS_PER_S, system_ticks / TICKS_PER_S, major_faults, fields[0] in _STOPPED_STATES


def _memory(folder: Path) -> Source:
    """Return what VmRSS of `status` says too, from a file that costs a sixth.

    The field in `stat` is no substitute: since Linux 6.2 it lacks what CPUs have not yet added to the sum.
    """
    channel = Channel(
        name="process.memory.usage",
        unit="By",
        kind=ChannelKind.GAUGE,
        tier=Tier.FAST,
        source="/proc/PID/statm resident",
    )
    return FileSource((channel,), KeptFile(folder / "statm"), _parse_statm)


def _parse_statm(data: bytes) -> Sequence[Value]:
    resident_pages = natural(data.split()[1])
    return (resident_pages * BYTES_PER_PAGE or Reason.LOST,)  # a process without memory has ended, or is about to


def _switches(folder: Path) -> Source:
    # No file sums the switches of all threads: adding up those that live now would fall when one ends.
    switches = "/proc/PID/status (main thread)"
    channels = [
        _counter("process.context_switches", "{context_switch}", switches, ("type", "voluntary"), tier=Tier.SLOW),
        _counter(
            "process.context_switches", "{context_switch}", switches, ("type", "involuntary"), tier=Tier.SLOW
        ),
    ]
    return FileSource(channels, KeptFile(folder / "status"), _parse_switches)


def _parse_switches(data: bytes) -> Sequence[Value]:
    if isinstance(labelled(data, b"VmRSS:", unit=b" kB"), Reason):  # ended, but nobody has waited for it yet
        return [Reason.LOST] * 2
    voluntary = labelled(data, b"voluntary_ctxt_switches:")
    return voluntary, labelled(data, b"nonvoluntary_ctxt_switches:")


def _run_delay(folder: Path) -> Source:
    channel = _counter("hilrig.process.run_delay", "ns", "/proc/PID/schedstat (main thread)")
    return FileSource((channel,), KeptFile(folder / "schedstat"), lambda data: (natural(data.split()[1]),))


def _counter(name: str, unit: str, source: str, *attributes: tuple[str, str], tier: Tier = Tier.FAST) -> Channel:
    return Channel(name=name, unit=unit, kind=ChannelKind.COUNTER, tier=tier, source=source, attributes=attributes)


class PeakSource:
    """The highest resident memory of the target, exact: the kernel keeps it, nothing falls between two samples.

    Beside it stands what of the target's memory is shared: the frames, which are the instrument's and not its own.

    After `begin_window` it is the highest since then. Where the kernel does not let us begin a window, it stays
    the highest of the process's life, which is never too low.
    """

    def __init__(self, root: Path, pid: int) -> None:
        folder = root / "proc" / str(pid)
        self.channels: tuple[Channel, ...] = (
            Channel(
                name="hilrig.process.memory.peak",
                unit="By",
                kind=ChannelKind.GAUGE,
                tier=Tier.EDGE,
                source="/proc/PID/status VmHWM",
                exactness=Exactness.EXACT,
            ),
            Channel(
                name="hilrig.process.memory.shared",
                unit="By",
                kind=ChannelKind.GAUGE,
                tier=Tier.EDGE,
                source="/proc/PID/status RssShmem",
            ),
        )
        self._source = FileSource(self.channels, KeptFile(folder / "status"), _parse_peak)
        self._reset = KeptFile(folder / "clear_refs", os.O_WRONLY)
        self._lifelong = _DETAIL_LIFELONG if self._reset.detail else ""
        self._window_failed: Reason | None = None

    def read(self) -> Sequence[Value]:
        """Return bytes; for the peak a reason when the window that this reading would close was never begun."""
        peak, shared = self._source.read()
        return (peak if self._window_failed is None else self._window_failed), shared

    def begin_window(self) -> None:
        """Set the kernel's mark back to what is resident now."""
        if not self._lifelong:
            self._window_failed = self._reset.write(_RESET_PEAK)

    def detail(self) -> str:
        """Return why there is no reading, or that the window can't be reset."""
        return self._source.detail() or self._lifelong

    def close(self) -> None:
        """Close the files."""
        self._source.close()
        self._reset.close()


def _parse_peak(data: bytes) -> Sequence[Value]:
    peak_kib, shared_kib = (labelled(data, label, unit=b" kB") for label in (b"VmHWM:", b"RssShmem:"))
    if isinstance(peak_kib, Reason):  # a process without memory has ended, but nobody has waited for it yet
        return [Reason.LOST] * 2
    shared = shared_kib if isinstance(shared_kib, Reason) else shared_kib * BYTES_PER_KIB
    return peak_kib * BYTES_PER_KIB, shared
