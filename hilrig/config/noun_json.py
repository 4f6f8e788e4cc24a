"""Nouns as canonical JSON, read back strictly."""

import json
from functools import lru_cache
from typing import Any, Final, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_jsonable_python

from hilrig.core.canonical import canonical_json
from hilrig.core.errors import RecordError

T = TypeVar("T")

_NESTED: Final = (dict, list)
_HINT: Final = "the file was changed or cut after it was written, or by another version of hilrig"


def to_json(noun: Any) -> bytes:
    """Return a frozen dataclass of `hilrig.core`, or a list or tuple of them, as canonical JSON.

    Raises:
        ValueError: a number is NaN or infinite.
    """
    return canonical_json(to_jsonable_python(noun, inf_nan_mode="constants"))


def from_json(cls: type[T], data: bytes, *, what: str) -> T:
    """Return the noun that `to_json` made `data` from; `cls` may be `tuple[Truth, ...]`, `what` names the file.

    Strict: no key twice, none unknown, none missing, no NaN, no number for a text.

    Raises:
        RecordError: the bytes are not such JSON; the message names `what` and the first wrong place.
    """
    given = _parse(data, what=what)
    try:
        noun: T = _adapter(cls).validate_json(data, strict=True)  # type: ignore[arg-type]  # a class can be hashed
    except ValidationError as error:
        raise RecordError(f"{what}: {_first_fault(error)}", hint=_HINT) from error
    unknown = _unknown_key(given, to_jsonable_python(noun))
    if unknown:
        raise RecordError(f"{what}: unknown key {unknown.removeprefix('.')!a}", hint=_HINT)
    return noun


@lru_cache(maxsize=64)
def _adapter(cls: Any) -> TypeAdapter[Any]:
    """Return what validates `cls`: building it takes longer than all the rest of reading a small noun."""
    return TypeAdapter(cls)


def _parse(data: bytes, *, what: str) -> Any:
    try:
        return json.loads(
            data.decode(), object_pairs_hook=_unique, parse_float=_finite, parse_constant=_refuse_constant
        )
    except RecursionError as error:
        raise RecordError(f"{what}: nested too deep to be a record", hint=_HINT) from error
    except ValueError as error:
        raise RecordError(f"{what}: not strict JSON: {error}", hint=_HINT) from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"key {next(key for key in keys if keys.count(key) > 1)!a} is given twice")
    return values


def _finite(text: str) -> float:
    value = float(text)
    if abs(value) == float("inf"):
        raise ValueError(f"{text[:40]} is too large for a number")
    return value


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number that can be compared")


def _first_fault(error: ValidationError) -> str:
    detail = error.errors(include_url=False)[0]
    where = ".".join(map(str, detail["loc"])) or "the whole"
    return f"{where!a}: {detail['msg'].replace('Input should be', 'expected')}"


def _unknown_key(given: Any, read: Any) -> str:
    """Return the path of the first key that was given and not read, with a dot before each; "" if all were read.

    Pydantic passes over those of a dataclass.
    """
    if isinstance(given, dict) and isinstance(read, dict):
        extra = next((f".{key}" for key in given if key not in read), "")
        if extra:
            return extra
        inner = ((f".{key}", value, read[key]) for key, value in given.items() if isinstance(value, _NESTED))
    elif isinstance(given, list) and isinstance(read, list):
        pairs = enumerate(zip(given, read, strict=True))
        inner = ((f"[{index}]", value, known) for index, (value, known) in pairs if isinstance(value, _NESTED))
    else:
        return ""
    found = ((place, _unknown_key(value, known)) for place, value, known in inner)
    return next((place + below for place, below in found if below), "")
