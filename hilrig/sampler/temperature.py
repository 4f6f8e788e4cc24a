"""Temperatures from hwmon chips, from thermal zones only where no chip stands for them."""

from collections.abc import Collection, Iterator, Sequence
from itertools import chain, count
from pathlib import Path
from typing import Final

from hilrig.core.telemetry import Channel, ChannelKind, Reason, Tier
from hilrig.sampler.fact_file import numbered, read_fact
from hilrig.sampler.kept_file import KeptFile
from hilrig.sampler.source import FileSource, Source, Value, natural

_MILLI: Final = 1000
_SWITCHED_OFF_MC: Final = -256_000  # what older Jetson kernels answer for a sensor without power
_ABSOLUTE_ZERO_MC: Final = -273_150


def temperature_sources(root: Path) -> list[Source]:
    """Return one source per sensor, told apart by names that survive a reboot (the numbers of /sys do not).

    `hw.id` is `chip/label` for hwmon, `zone/type` for a thermal zone; the second of one name ends in ` #2`.
    Without any sensor there is one channel, and it is ABSENT.
    """
    sensors: dict[str, Path] = {}
    for hw_id, path in [*_chips(root), *_zones(root)]:
        sensors[_unused(hw_id, sensors)] = path
    sources = [_source(path, (("hw.id", hw_id),)) for hw_id, path in sensors.items()]
    return sources or [_source(root / "sys/class/hwmon/hwmon0/temp1_input", ())]


def _unused(hw_id: str, sensors: Collection[str]) -> str:
    candidates = chain([hw_id], (f"{hw_id} #{number}" for number in count(2)))
    return next(name for name in candidates if name not in sensors)


def _source(path: Path, attributes: tuple[tuple[str, str], ...]) -> Source:
    channel = Channel(
        name="hw.temperature",
        unit="Cel",
        kind=ChannelKind.GAUGE,
        tier=Tier.SLOW,
        source="/sys/class/thermal" if path.name == "temp" else "/sys/class/hwmon",
        attributes=attributes,
    )
    return FileSource((channel,), KeptFile(path), _parse)


def _parse(data: bytes) -> Sequence[Value]:
    digits = data.strip()
    milli_celsius = -natural(digits[1:]) if digits.startswith(b"-") else natural(digits)
    if milli_celsius == _SWITCHED_OFF_MC:
        return (Reason.OFFLINE,)
    if milli_celsius < _ABSOLUTE_ZERO_MC:
        raise ValueError("below absolute zero")
    return (milli_celsius / _MILLI,)


def _chips(root: Path) -> Iterator[tuple[str, Path]]:
    for chip in numbered(root / "sys/class/hwmon", "hwmon*"):
        name = read_fact(chip / "name") or chip.name
        for path in numbered(chip, "temp*_input"):
            sensor = path.name.removesuffix("_input")
            yield f"{name}/{read_fact(chip / f'{sensor}_label') or sensor}", path


def _zones(root: Path) -> Iterator[tuple[str, Path]]:
    # The kernel mirrors most zones as a chip of the same name, with `_` for `-`.
    chips = {read_fact(path) for path in (root / "sys/class/hwmon").glob("hwmon*/name")}
    for zone in numbered(root / "sys/class/thermal", "thermal_zone*"):
        kind = read_fact(zone / "type") or zone.name
        if kind.replace("-", "_") not in chips:
            yield f"zone/{kind}", zone / "temp"
