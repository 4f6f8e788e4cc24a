"""Energy used by the CPU packages, from the RAPL counters of x86.

Only root may read them on current kernels; then every channel says NO_PERMISSION.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from hilrig.core.telemetry import Channel, ChannelKind, Tier
from hilrig.sampler.fact_file import numbered, read_fact
from hilrig.sampler.kept_file import KeptFile
from hilrig.sampler.source import FileSource, Source, Value, natural

_UJ_PER_J: Final = 1_000_000


def rapl_sources(root: Path) -> list[Source]:
    """Return one source per RAPL domain at the top (packages, the whole platform)."""
    return list(_domains(root)) or [_source(root / "sys/class/powercap/intel-rapl:0", hw_id="package-0")]


def _domains(root: Path) -> Iterator[Source]:
    hw_ids = set()
    for domain in numbered(root / "sys/class/powercap", "intel-rapl:*"):
        hw_id = read_fact(domain / "name") or domain.name
        if domain.name.count(":") == 1 and hw_id not in hw_ids:
            hw_ids.add(hw_id)
            yield _source(domain, hw_id=hw_id)


def _source(domain: Path, *, hw_id: str) -> Source:
    channel = Channel(
        name="hw.energy",
        unit="J",
        kind=ChannelKind.COUNTER,
        tier=Tier.SLOW,
        source="powercap/intel-rapl energy_uj",
        attributes=(("hw.id", hw_id),),
    )
    unwrapped = Unwrapped(read_fact(domain / "max_energy_range_uj"))
    return FileSource((channel,), KeptFile(domain / "energy_uj"), unwrapped.parse)


class Unwrapped:
    """A counter in microjoules that starts again at 0 after `range_uj` (None: nobody knows where)."""

    def __init__(self, range_uj: str | None) -> None:
        self._range_uj = range_uj
        self._last_uj = 0
        self._carried_uj = 0

    def parse(self, data: bytes) -> Sequence[Value]:
        """Return joules, growing over a wrap.

        Raises:
            ValueError: not a number, or it fell and the range is unknown.
        """
        now_uj = natural(data)
        if now_uj < self._last_uj:
            self._carried_uj += natural((self._range_uj or "").encode())
        self._last_uj = now_uj
        return ((self._carried_uj + now_uj) / _UJ_PER_J,)
