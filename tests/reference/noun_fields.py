"""What every field of a noun is: its type from the annotation, its meaning from the class's docstring.

A line `name: meaning` of the section `Args` describes a field; `one, other: meaning` describes both.
"""

import dataclasses
import inspect
import re
from collections.abc import Iterator, Mapping
from enum import Enum
from types import NoneType, UnionType
from typing import Any, NamedTuple, Union, get_args, get_origin, get_type_hints

_WORDS = {str: "text", int: "whole number", float: "number", bool: "`true` or `false`", Any: "anything"}
_UNITS = {
    "_ns": "ns",
    "_us": "us",
    "_ms": "ms",
    "_s": "s",
    "_pct": "%",
    "_fps": "1/s",
    "minutes_needed": "min",
    "percentiles": "%",
}
_LINE = re.compile(r"    (\w+(?:, \w+)*): (.+)")


class DocumentedKey(NamedTuple):
    """One key of a JSON document."""

    path: str
    kind: str
    unit: str
    meaning: str


def documented_keys(noun: type, at: str = "", inside: Mapping[str, type] | None = None) -> Iterator[DocumentedKey]:
    """Yield every key that the noun's JSON has, a block before what is in it.

    Args:
        noun: a dataclass.
        at: the path of the noun itself.
        inside: by path, what a block holds that the annotation only calls a mapping.
    """
    hints, meanings = get_type_hints(noun), field_meanings(noun)
    for field in dataclasses.fields(noun):
        path, hint = f"{at}.{field.name}".lstrip("."), hints[field.name]
        yield DocumentedKey(path, type_words(hint), _unit(field.name), meanings[field.name])
        found = _noun_in(hint)
        block = (inside or {}).get(path)
        if found:
            yield from documented_keys(found[0], f"{path}{found[1]}", inside)
        elif block:
            yield from documented_keys(block, path, inside)


def field_meanings(noun: type) -> dict[str, str]:
    """Return the meaning of each field that the class's docstring describes."""
    meanings: dict[str, str] = {}
    names: list[str] = []
    for line in (inspect.getdoc(noun) or "").partition("\nArgs:\n")[2].splitlines():
        found = _LINE.fullmatch(line)
        if found:
            names = found[1].split(", ")
            meanings.update(dict.fromkeys(names, found[2]))
        elif line.startswith(" " * 8):
            meanings.update({name: f"{meanings[name]} {line.strip()}" for name in names})
        else:
            break
    return meanings


def nouns_in(noun: type) -> Iterator[type]:
    """Yield a noun, then every noun that its fields hold."""
    yield noun
    for hint in get_type_hints(noun).values():
        found = _noun_in(hint)
        if found:
            yield from nouns_in(found[0])


def type_words(hint: Any) -> str:
    """Return a type as a reader of the JSON calls it."""
    if isinstance(hint, type) and issubclass(hint, Enum):
        return ", ".join(f"`{one.value}`" for one in hint)
    if dataclasses.is_dataclass(hint):
        return "block"
    if get_origin(hint) in {Union, UnionType}:
        return " or ".join([*(type_words(one) for one in get_args(hint) if one is not NoneType), "`null`"])
    if get_origin(hint) is tuple:
        inner = type_words(get_args(hint)[0])
        return f"list: ({inner})" if inner.endswith("`null`") else f"list: {inner}"
    if isinstance(get_origin(hint), type) and issubclass(get_origin(hint), Mapping):
        return f"block: {type_words(get_args(hint)[1])}"
    return _WORDS[hint]


def _noun_in(hint: Any) -> tuple[type, str] | None:
    """Return the noun that a field holds, with what stands between their keys in a path."""
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return hint, ""
    for inner in get_args(hint):
        found = _noun_in(inner)
        if found:
            return found[0], "[]" if get_origin(hint) is tuple else found[1]
    return None


def _unit(name: str) -> str:
    return next((unit for suffix, unit in _UNITS.items() if name.endswith(suffix)), "")
