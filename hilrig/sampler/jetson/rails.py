"""Power of a Jetson's rails, from the monitors on the board.

The monitors are INA3221 and INA238. They are read once a second: each value is a transfer over I2C, and the
chips average over about as long.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from hilrig.core.channels import HW_ID, POWER
from hilrig.core.telemetry import Channel, ChannelKind, Tier
from hilrig.sampler.fact_file import read_fact
from hilrig.sampler.jetson.tree import hwmon_chips, integer, told_apart
from hilrig.sampler.kept_file import KeptFile
from hilrig.sampler.source import FoldSource, Source

_INA3221: Final = "ina3221"
_INA238: Final = "ina238"
_BOARD: Final = "board"
_UW_PER_W: Final = 1_000_000
_INPUT_RAILS: Final = (("VDD_IN",), ("VDD_GPU_SOC", "VDD_CPU_CV", "VIN_SYS_5V0"))
"""Rails that together are the module's whole input: of Orin Nano and NX, of AGX Orin, whose other rail
VDDQ_VDD2_1V8AO hangs on VIN_SYS_5V0 (NVIDIA Jetson Linux developer guide, Jetson Orin, "Power consumption")."""


class _Rail(NamedTuple):
    label: str
    chip: str
    paths: tuple[Path, ...]


def rail_sources(root: Path) -> list[Source]:
    """Return one source per rail, and `board`: the whole input where it is known which rails that is."""
    rails = [*_ina3221_rails(root), *_ina238_rails(root)]
    labels = told_apart(rail.label for rail in rails)
    return [*(_source(label, [rail]) for label, rail in zip(labels, rails, strict=True)), _board(rails)]


def _ina3221_rails(root: Path) -> Iterator[_Rail]:
    for chip in hwmon_chips(root, _INA3221):
        inputs = [path for pattern in ("in[1-3]_input", "curr[1-3]_input") for path in chip.glob(pattern)]
        for number in sorted({path.name.removesuffix("_input")[-1] for path in inputs}):
            label = read_fact(chip / f"in{number}_label") or f"{_INA3221}/in{number}"
            if label != "NC":  # not connected
                paths = (chip / f"in{number}_input", chip / f"curr{number}_input")
                yield _Rail(label, _INA3221, paths)


def _ina238_rails(root: Path) -> Iterator[_Rail]:
    for chip in hwmon_chips(root, _INA238):
        yield _Rail(read_fact(chip / "in1_label") or _INA238, _INA238, (chip / "power1_input",))


def _board(rails: Sequence[_Rail]) -> Source:
    by_label = {rail.label: rail for rail in rails}
    at_supply = [rail for rail in rails if rail.chip == _INA238]
    if len(at_supply) == 1:  # Thor: this monitor sits at the supply's input
        return _source(_BOARD, at_supply)
    whole = next((labels for labels in _INPUT_RAILS if by_label.keys() >= set(labels)), ())
    return _source(_BOARD, [by_label[label] for label in whole])


def _source(hw_id: str, rails: Sequence[_Rail]) -> Source:
    channel = Channel(
        name=POWER,
        unit="W",
        kind=ChannelKind.GAUGE,
        tier=Tier.SLOW,
        source=" + ".join(f"{rail.chip} {rail.label}" for rail in rails) or "the rails of the whole board",
        attributes=((HW_ID, hw_id),),
    )
    files = [KeptFile(path) for rail in rails for path in rail.paths]
    is_power = all(rail.chip == _INA238 for rail in rails)
    return FoldSource(channel, files, _uw_as_w if is_power else _mv_ma_as_w)


def _uw_as_w(contents: Sequence[bytes]) -> float:
    return sum(map(integer, contents)) / _UW_PER_W


def _mv_ma_as_w(contents: Sequence[bytes]) -> float:
    # An idle rail may read a current just below 0: that is the monitor's noise, and true to it.
    numbers = list(map(integer, contents))
    return sum(mv * ma for mv, ma in zip(numbers[::2], numbers[1::2], strict=True)) / _UW_PER_W
