"""Plain YAML scalars by the core schema of YAML 1.2.

Only `true` and `false` are booleans: `no`, `on` and `yes` are text, as are `1:30`, `2026-11-20` and `1_000`. `1e3`
is a number. Source: YAML 1.2.2, section 10.3.2 "Tag Resolution".
"""

import re
from typing import Final

Scalar = str | int | float | bool | None

_INTEGER_DIGITS_MAX: Final = 18  # below 2^63, so that every reader of the JSON made from it agrees

_CONSTANTS: Final[dict[str, Scalar]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_DECIMAL: Final = re.compile(r"[-+]?[0-9]+")
_OCTAL_OR_HEX: Final = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NON_FINITE: Final = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")


def resolve(text: str) -> Scalar:
    """Return the value of an unquoted scalar.

    Raises:
        ValueError: it is a number that is not finite or has too many digits; the text says which.
    """
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _DECIMAL.fullmatch(text):
        return _integer(text, base=10)
    if _OCTAL_OR_HEX.fullmatch(text):
        return _integer(text, base=0)
    if _NON_FINITE.fullmatch(text):
        raise ValueError(f"'{text}' is not a number that can be compared; expected a finite number")
    return _finite(text) if _FLOAT.fullmatch(text) else text


def _integer(text: str, *, base: int) -> int:
    if len(text) > _INTEGER_DIGITS_MAX:
        raise ValueError(f"a number of {len(text)} characters; expected at most {_INTEGER_DIGITS_MAX}")
    return int(text, base)


def _finite(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError(f"'{text}' is too large for a number")
    return value
