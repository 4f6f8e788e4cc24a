"""A JSON reader for documents that decide about trust: whatever two readers could read differently is refused."""

import codecs
import json
import math
import re
from itertools import accumulate
from typing import Any, Final, NoReturn

from hilrig.core.errors import TrustError

MAX_DEPTH: Final = 32
INT_BITS: Final = 64  # what readers in Go, Rust, Java and C++ hold exactly
INT_DIGITS: Final = 19  # of the longest signed 64-bit integer

# A string that is never closed swallows the rest of the text, which keeps the scan linear on hostile input.
_STRING_OR_BRACKET: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[{]|[\]}]', re.DOTALL)
_STEP: Final = {"[": 1, "{": 1, "]": -1, "}": -1}


def read_strict_json(data: bytes, *, name: str, max_bytes: int) -> Any:
    """Return the document in `data`, which messages call `name`.

    Refused, though `json.loads` takes them: more than `max_bytes`, UTF-16 and a byte order mark, nesting deeper
    than 32, a key twice in one object, NaN and infinities (also as 1e999), integers over 64 bits, halves of
    surrogate pairs.

    Raises:
        TrustError: the document is refused; the message says why, and where if the text shows it.
    """
    if len(data) > max_bytes:
        raise TrustError(f"{name} is {len(data)} bytes long, expected at most {max_bytes}")
    text = _decode(data, name)
    _refuse_deep(text, name)
    document = _parse(text, name)
    _refuse_half_surrogates(document, name)
    return document


def _decode(data: bytes, name: str) -> str:
    if data.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise TrustError(f"{name} starts with a byte order mark, expected plain UTF-8")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise TrustError(f"{name} is not UTF-8: byte 0x{data[error.start]:02x} at offset {error.start}") from error


def _refuse_deep(text: str, name: str) -> None:
    steps = (_STEP.get(token[0], 0) for token in _STRING_OR_BRACKET.findall(text))
    if max(accumulate(steps), default=0) > MAX_DEPTH:
        raise TrustError(f"{name} is nested deeper than {MAX_DEPTH} levels")


def _parse(text: str, name: str) -> Any:
    reader = _Reader(name)
    try:
        return json.loads(
            text,
            object_pairs_hook=reader.object,
            parse_constant=reader.refuse_constant,
            parse_float=reader.float,
            parse_int=reader.int,
        )
    except json.JSONDecodeError as error:
        raise TrustError(f"{name}:{error.lineno}:{error.colno}: not JSON: {error.msg}") from error


def _refuse_half_surrogates(document: Any, name: str) -> None:
    try:
        json.dumps(document, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        half = ord(error.object[error.start])
        raise TrustError(f"{name}: a string holds half of a surrogate pair, \\u{half:04x}") from error


class _Reader:
    """The hooks of one parse: they know the document's name."""

    def __init__(self, name: str) -> None:
        self._name = name

    def object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key, value in pairs:
            if key in result:
                raise TrustError(f"{self._name}: the key {_shown(key)} stands twice in one object")
            result[key] = value
        return result

    def float(self, text: str) -> float:
        value = float(text)
        if not math.isfinite(value):
            raise TrustError(f"{self._name}: the number {_shown(text)} is too large for a double")
        return value

    def int(self, text: str) -> int:
        # The length first: converting a million digits takes seconds.
        if len(text.lstrip("-")) > INT_DIGITS or not -(1 << (INT_BITS - 1)) <= int(text) < 1 << (INT_BITS - 1):
            raise TrustError(f"{self._name}: the integer {_shown(text)} does not fit in {INT_BITS} bits")
        return int(text)

    def refuse_constant(self, text: str) -> NoReturn:
        raise TrustError(f"{self._name}: {text} is not a JSON number")


def _shown(text: str) -> str:
    """Return `text` fit for a terminal, cut to 40 characters."""
    return ascii(text if len(text) <= 40 else text[:40] + "...")  # noqa: PLR2004 - as the docstring says
