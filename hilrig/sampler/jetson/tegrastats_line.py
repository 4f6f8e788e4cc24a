"""One line of tegrastats: fields by name, each optional; what is not understood is kept, never guessed at."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from hilrig.core.telemetry import Reason

SWITCHED_OFF_C: Final = -256.0
"""What is printed for a thermal sensor without power."""

_ABSOLUTE_ZERO_C: Final = -273.15
_FULL_PCT: Final = 100

_NAME: Final = re.compile(r"[A-Z][A-Z0-9_]{1,40}")
_NUMBER: Final = r"[0-9]{1,9}"
_UNIT: Final = re.compile(rf"(?:({_NUMBER})%)?(?:@?({_NUMBER})|@\[({_NUMBER}(?:,{_NUMBER})*)\])?")
_POWER: Final = re.compile(rf"({_NUMBER})(?:mW)?(?:/{_NUMBER}(?:mW)?){{1,2}}")
_TEMPERATURE: Final = re.compile(r"([A-Za-z][\w.-]{0,40})@(-?[0-9]{1,4}(?:\.[0-9]{1,6})?)C(?:/\S*)?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A unit of the chip (GR3D_FREQ is the GPU, EMC_FREQ the memory controller): its load and its clocks.

    `load_pct` is None and `clocks_mhz` empty where none is printed; several clocks are those of its parts.
    """

    load_pct: int | None
    clocks_mhz: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TegrastatsLine:
    """What a line says. A sensor or unit that is printed as switched off is OFFLINE.

    `powers_mw` are the momentary values; `rest` holds the words that are none of these, in their order.
    """

    units: dict[str, Unit | Reason] = field(default_factory=dict)
    temperatures_c: dict[str, float | Reason] = field(default_factory=dict)
    powers_mw: dict[str, int] = field(default_factory=dict)
    rest: list[str] = field(default_factory=list)


def parse_tegrastats(text: str) -> TegrastatsLine:
    """Return what a line of any JetPack says; of a name that comes twice the first counts. Never raises.

    The forms are those of public recordings from JetPack 4 to 7: scalar and bracketed clocks, powers with and
    without `mW`, one to three values behind a name, of which the first is the momentary one.
    """
    line = TegrastatsLine()
    words = iter(pairwise([*text.split(), ""]))
    for word, following in words:
        if _take_temperature(line, word):
            continue
        if _NAME.fullmatch(word) and _take_named(line, word, following):
            next(words, None)
        else:
            line.rest.append(word)
    return line


def _take_temperature(line: TegrastatsLine, word: str) -> bool:
    match = _TEMPERATURE.fullmatch(word)
    if match is None:
        return False
    celsius = float(match[2])
    if celsius < _ABSOLUTE_ZERO_C:
        return False
    line.temperatures_c.setdefault(match[1], Reason.OFFLINE if celsius == SWITCHED_OFF_C else celsius)
    return True


def _take_named(line: TegrastatsLine, name: str, value: str) -> bool:
    power = _POWER.fullmatch(value)
    if power is not None:
        line.powers_mw.setdefault(name, int(power[1]))
        return True
    unit = Reason.OFFLINE if value == "off" else _unit(value)
    if unit is not None:
        line.units.setdefault(name, unit)
    return unit is not None


def _unit(value: str) -> Unit | None:
    match = _UNIT.fullmatch(value)
    if match is None or not value:
        return None
    load_pct = None if match[1] is None else int(match[1])
    if load_pct is not None and load_pct > _FULL_PCT:
        return None
    return Unit(load_pct=load_pct, clocks_mhz=tuple(_clocks(match.groups()[1:])))


def _clocks(printed: Sequence[str | None]) -> Iterator[int]:
    for group in printed:
        if group is not None:
            yield from map(int, group.split(","))
