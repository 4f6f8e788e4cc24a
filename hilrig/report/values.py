"""How a number, a unit or a foreign text is written, the same in every view."""

import re
from math import isfinite
from typing import Final

from hilrig.core.units import S_PER_MIN, bytes_to_mib

_UNIT_WORDS: Final = {
    "us": "µs",
    "Cel": "°C",
    "1": "",
    "bool": "",
    "{event}": "events",
    "{error}": "errors",
    "{fault}": "faults",
    "{switch}": "switches",
    "{cpu}": "CPUs",
}

# Control characters (XML 1.0 has no way to write most of them), lone surrogates (UTF-8 has none), non-characters,
# and the marks that reverse the reading direction: with those, "FAIL" can be made to read as something else.
_UNPRINTABLE: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)


def plain(text: str) -> str:
    """Return `text` without the characters that a view can't carry or that would disguise the others."""
    return _UNPRINTABLE.sub("", text)


def one_line(text: str) -> str:
    """Return `text` as `plain` does, on one line with single spaces."""
    return " ".join(plain(text).split())


def number(value: float) -> str:
    """Return a finite number for people: whole numbers exactly, others to four significant digits."""
    if abs(value) < 1e15 and value == round(value):  # noqa: PLR2004 - up to here a float holds every whole number
        return f"{value + 0.0:,.0f}"  # + 0.0 turns -0.0 into 0.0
    if 1000 <= abs(value) < 1e15:  # noqa: PLR2004 - the same border
        return f"{value:,.1f}"
    return f"{value:.4g}"


def quantity(value: float | None, unit: str, reason: str = "") -> str:
    """Return `25.9 ms`, or `not measured: <reason>` when there is no finite value. Bytes are written as MiB."""
    if value is None or not isfinite(value):
        return missing(reason)
    if unit == "bool":
        return "yes" if value else "no"
    if unit == "By":
        return f"{number(bytes_to_mib(value))} MiB"
    return f"{number(value)} {unit_word(unit)}".rstrip()


def aligned(value: float, unit: str) -> str:
    """Return a finite time for a column of numbers: down to the microsecond, with its unit."""
    return f"{value:,.3f} {unit}" if unit == "ms" else f"{value:,.0f} {unit_word(unit)}"


def unit_word(unit: str) -> str:
    """Return a unit as people write it: `°C` for UCUM's `Cel`, nothing for a pure number."""
    return _UNIT_WORDS.get(unit, unit)


def missing(reason: str) -> str:
    """Return the words for a number that does not exist: never 0, never blank. Infinite is not unmeasured."""
    words = one_line(reason)
    return words if words.startswith("infinite") else f"not measured: {words or 'no reason was recorded'}"


def moment(at_utc: str) -> str:
    """Return a UTC time as people read it, to the second: `2026-11-21 06:34:39 UTC`; other text as it is."""
    day, _, time = at_utc.partition("T")
    return f"{day} {time[:8]} UTC" if time.endswith("Z") else at_utc


def since_start(t_s: float, n_decimals: int) -> str:
    """Return a time after the start of the measured part as the charts write it: `12.3 s`, `2:05.0`, `1:10:00`."""
    scale = 10**n_decimals
    whole_s, rest = divmod(round(t_s * scale), scale)
    decimals = f".{rest:0{n_decimals}d}" if n_decimals else ""
    minutes, seconds = divmod(whole_s, S_PER_MIN)
    if not minutes:
        return f"{seconds}{decimals} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}{decimals}" if hours else f"{minutes}:{seconds:02d}{decimals}"
