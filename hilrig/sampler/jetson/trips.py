"""The temperatures at which a Jetson begins to slow down: the trip points of its thermal zones.

The temperatures themselves come from the host sampler; both name a zone alike.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from hilrig.core.channels import HW_ID, TEMPERATURE_LIMIT
from hilrig.core.telemetry import Channel, ChannelKind, Reason, Tier
from hilrig.sampler.fact_file import numbered, read_fact
from hilrig.sampler.jetson.tree import integer, told_apart
from hilrig.sampler.kept_file import KeptFile
from hilrig.sampler.source import FoldSource, Source, Value

_MILLI: Final = 1000
_SLOWS_DOWN: Final = (b"passive", b"hot", b"critical")
"""The kinds of trip point that cost performance, the earliest first; `active` ones only start a fan."""

_HARMLESS: Final = ("hot-surface-alert", "-fan")
"""Cooling devices that slow nothing down. An Orin has a passive trip point at 70 C with the former alone: it warns
that the housing is hot to touch. The clocks go down at 99 C."""


def trip_sources(root: Path) -> list[Source]:
    """Return one source per thermal zone: its lowest passive trip point, else the hot, else the critical one."""
    zones = numbered(root / "sys/class/thermal", "thermal_zone*")
    names = told_apart(_hw_ids(root, zones))
    return [_source(hw_id, zone) for hw_id, zone in zip(names, zones, strict=True)]


def _hw_ids(root: Path, zones: Sequence[Path]) -> Iterator[str]:
    # A kernel may mirror the zones of a type as one hwmon chip, which then is the sensor's name.
    chips = {read_fact(path) for path in (root / "sys/class/hwmon").glob("hwmon*/name")}
    seen: Counter[str] = Counter()
    for zone in zones:
        kind = read_fact(zone / "type") or zone.name
        mirror = kind.replace("-", "_")
        seen[mirror] += 1
        yield f"{mirror}/temp{seen[mirror]}" if mirror in chips else f"zone/{kind}"


def _source(hw_id: str, zone: Path) -> Source:
    channel = Channel(
        name=TEMPERATURE_LIMIT,
        unit="Cel",
        kind=ChannelKind.GAUGE,
        tier=Tier.EDGE,
        source="thermal_zone trip_point_*_temp",
        attributes=((HW_ID, hw_id),),
    )
    files = [KeptFile(zone / f"{trip}_{what}") for trip in _trips(zone) for what in ("type", "temp")]
    # A zone without trip points never slows anything down: that is known, and no gap in what was read.
    return FoldSource(channel, files, _limit_c, without_files=Reason.NOT_SUPPORTED)


def _trips(zone: Path) -> list[str]:
    """Return the zone's trip points, those left out to which only harmless cooling devices are bound."""
    bound: dict[str, list[str]] = {}
    for binding in zone.glob("cdev*_trip_point"):
        kind = read_fact(zone / binding.name.removesuffix("_trip_point") / "type")
        bound.setdefault(f"trip_point_{read_fact(binding)}", []).append(kind or "")
    harmless = {trip for trip, kinds in bound.items() if all(kind.endswith(_HARMLESS) for kind in kinds)}
    # Either file may be missing: then the limit is unknown, not that of the other trip points.
    return sorted({path.name.rpartition("_")[0] for path in zone.glob("trip_point_*_t[ey]*")} - harmless)


def _limit_c(contents: Sequence[bytes]) -> Value:
    trips = [(kind, integer(temp)) for kind, temp in zip(contents[::2], contents[1::2], strict=True)]
    for wanted in _SLOWS_DOWN:
        # A trip point that is switched off stands at 0 or below: no chip slows down at frost.
        temps_mc = [temp_mc for kind, temp_mc in trips if kind == wanted and temp_mc > 0]
        if temps_mc:
            return min(temps_mc) / _MILLI
    return Reason.NOT_SUPPORTED
