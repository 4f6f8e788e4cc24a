"""GPU memory of one process on a Jetson, from the books of nvmap. Only root may read them.

The GPU has no memory of its own: the same bytes are part of the host's memory. A buffer that processes share is
counted in equal parts. Thor's driver does not keep its memory in nvmap; there NVML knows it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from hilrig.core.channels import HW_ID, PROCESS_GPU_MEMORY, UNIFIED
from hilrig.core.telemetry import Channel, ChannelKind, Reason, Tier
from hilrig.sampler.kept_file import KeptFile
from hilrig.sampler.pid_namespace import has_pids_of_its_own
from hilrig.sampler.silent import SilentSource
from hilrig.sampler.source import CONTENT_ERRORS, Source, Value, natural

_BYTES_PER_KIB: Final = 1024
_FOLDER: Final = "sys/kernel/debug/nvmap/iovmm"


def memory_sources(root: Path, pid: int) -> list[Source]:
    """Return the source of the process's GPU memory."""
    if has_pids_of_its_own(root):
        why = "nvmap knows processes by the host's pids: start the container with --pid=host"
        return [SilentSource([_channel("clients", Tier.SLOW)], Reason.NOT_SUPPORTED, why)]
    clients = KeptFile(root / _FOLDER / "clients")
    if clients.read() is not Reason.ABSENT:
        return [NvmapSource(_channel("clients", Tier.FAST), clients, pid)]
    # `maps` has the same rows between thousands of others, one for each mapping: too many for ten times a second.
    return [NvmapSource(_channel("maps", Tier.SLOW), KeptFile(root / _FOLDER / "maps"), pid)]


def _channel(file_name: str, tier: Tier) -> Channel:
    return Channel(
        name=PROCESS_GPU_MEMORY,
        unit="By",
        kind=ChannelKind.GAUGE,
        tier=tier,
        source=f"nvmap iovmm/{file_name}",
        attributes=((HW_ID, "gpu0"), UNIFIED),
    )


class NvmapSource:
    """The sum of the rows of `pid` in a file of nvmap; OFFLINE while it has none.

    Args:
        channel: what the sum is.
        file: `clients`, or `maps`, which has further rows that begin with white space.
        pid: the target, as the kernel's first namespace numbers it.
    """

    def __init__(self, channel: Channel, file: KeptFile, pid: int) -> None:
        self.channels: tuple[Channel, ...] = (channel,)
        self._file = file
        self._pid = b"%d" % pid
        self._detail = ""

    def read(self) -> Sequence[Value]:
        """Return bytes, or why there are none."""
        data = self._file.read()
        self._detail = self._file.detail
        if isinstance(data, Reason):
            return (data,)
        try:
            sizes_kib = self._sizes_kib(data)
        except CONTENT_ERRORS:
            reason = self._file.unexpected()
            self._detail = self._file.detail
            return (reason,)
        if not sizes_kib:
            self._detail = f"process {self._pid.decode()} has no GPU memory"
            return (Reason.OFFLINE,)
        return (sum(sizes_kib) * _BYTES_PER_KIB,)

    def detail(self) -> str:
        """Return in words what the last reason means."""
        return self._detail

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _sizes_kib(self, data: bytes) -> list[int]:
        header, *lines = data.splitlines()
        if header.split() != [b"CLIENT", b"PROCESS", b"PID", b"SIZE"]:
            raise ValueError("not the table that nvmap writes")
        rows = [line.rsplit(maxsplit=2) for line in lines if not line[:1].isspace()]  # a name may hold blanks
        return [_kib(row[2]) for row in rows if len(row) > 2 and row[1] == self._pid]  # noqa: PLR2004 - columns


def _kib(text: bytes) -> int:
    if not text.endswith(b"K"):
        raise ValueError("not in KiB")
    return natural(text.removesuffix(b"K"))
