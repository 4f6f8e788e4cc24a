"""How quantities are written in a sentence of the verdict."""

from typing import Final

SIGNIFICANT_DIGITS: Final = 4
SMALLEST_SHOWN: Final = 0.001
"""Nothing that a sentence speaks of means anything below a thousandth of its unit."""

_DIGITS_OF_A_FLOAT: Final = 17
_UNIT_WORDS: Final = {"us": "µs", "1": ""}
YES_OR_NO: Final = "bool"
_ONE_OF: Final = {"events": "event", "frames": "frame"}


def quantity(value: float, unit: str, *, beside: float | None = None) -> str:
    """Return `25.9 ms`: four significant digits, more where fewer would make it look equal to `beside`."""
    if unit == YES_OR_NO:
        return "yes" if value else "no"
    if beside is None and 0 < abs(value) < SMALLEST_SHOWN:
        return f"less than {SMALLEST_SHOWN} {_UNIT_WORDS.get(unit, unit)}".rstrip()
    digits = SIGNIFICANT_DIGITS
    if beside is not None and beside != value:
        while digits < _DIGITS_OF_A_FLOAT and _number(value, digits) == _number(beside, digits):
            digits += 1
    words = _ONE_OF.get(unit, unit) if value == 1 else unit
    return f"{_number(value, digits)} {_UNIT_WORDS.get(words, words)}".rstrip()


def _number(value: float, digits: int) -> str:
    """Return plain digits, never an exponent, never `-0`."""
    exponent = int(f"{value:.{digits - 1}e}".partition("e")[2])
    text = f"{value:.{max(0, digits - 1 - exponent)}f}"
    trimmed = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if trimmed == "-0" else trimmed


def counted(n: int, noun: str) -> str:
    """Return `1 frame`, `2 frames`."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def capitalised(sentence: str) -> str:
    """Return the sentence with its first letter in upper case, the rest as it is."""
    return sentence[:1].upper() + sentence[1:]


def listed(texts: list[str], *, at_most: int) -> str:
    """Return the first few texts, and how many more there are."""
    shown = "; ".join(texts[:at_most])
    hidden = len(texts) - at_most
    return f"{shown}; and {hidden} more" if hidden > 0 else shown
