"""What pydantic found wrong, in words for a technician, at its place in the file."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from pydantic import ValidationError

from hilrig.config.document import Document, Path, dotted
from hilrig.config.key_tree import did_you_mean
from hilrig.config.keys import PATTERN_WORDS
from hilrig.core.errors import Problem

OWN_KINDS: Final = ("wrong_type", "out_of_range", "wrong_value", "no_checks")
"""Kinds of error that our own validators raise, with messages that are complete."""

UnknownKeyHint = Callable[[Path], str]

_FAULTS: Final = {
    "float_type": ("wrong_type", "expected a number, found {found}"),
    "int_type": ("wrong_type", "expected a whole number, found {found}"),
    "int_from_float": ("wrong_type", "expected a whole number, found {found}"),
    "bool_type": ("wrong_type", "expected true or false, found {found}"),
    "string_type": ("wrong_type", "expected text, found {found}"),
    "tuple_type": ("wrong_type", "expected a list, found {found}"),
    "list_type": ("wrong_type", "expected a list, found {found}"),
    "model_type": ("wrong_type", "expected a block of keys, found {found}"),
    "dict_type": ("wrong_type", "expected a block of keys, found {found}"),
    "dataclass_type": ("wrong_type", "expected a block of keys, found {found}"),
    "greater_than": ("out_of_range", "expected more than {gt}, found {found}"),
    "greater_than_equal": ("out_of_range", "expected at least {ge}, found {found}"),
    "less_than": ("out_of_range", "expected less than {lt}, found {found}"),
    "less_than_equal": ("out_of_range", "expected at most {le}, found {found}"),
    "too_short": ("wrong_value", "expected at least {min_length} item(s), found {length}"),
    "too_long": ("wrong_value", "expected at most {max_length} item(s), found {length}"),
    "string_too_short": ("wrong_value", "expected at least {min_length} character(s), found {found}"),
    "string_too_long": ("wrong_value", "expected at most {max_length} characters, found {found}"),
    "string_pattern_mismatch": ("wrong_value", "expected {pattern}, found {found}"),
    "enum": ("wrong_value", "expected {expected}, found {found}"),
    "literal_error": ("wrong_value", "expected {expected}, found {found}"),
    "value_error": ("wrong_value", "{error}"),
}
"""What pydantic calls a mistake -> our code for it, our words."""
_FALSE_WORDS: Final = frozenset({"no", "off", "n"})
_TRUE_WORDS: Final = frozenset({"yes", "on", "y"})
_PLAIN_NUMBER: Final = re.compile(r"[-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?")
_NUMBER_WITH_UNIT: Final = re.compile(r"([-+]?[0-9]*\.?[0-9]+)\s*[A-Za-zµ%]+")
_CLOCK: Final = re.compile(r"[0-9]+(?::[0-9]+)+")
_GROUPED: Final = re.compile(r"[0-9]+(?:[_,' ][0-9]+)+")


def problems_of(
    error: ValidationError, document: Document, *, at: Path = (), unknown_key_hint: UnknownKeyHint
) -> list[Problem]:
    """Return one problem per mistake; `at` is where the validated value stands in the document."""
    details = error.errors(include_url=False, include_context=True)
    return [_problem(detail, document, (*at, *detail["loc"]), unknown_key_hint) for detail in details]


def _problem(
    detail: Mapping[str, Any], document: Document, path: Path, unknown_key_hint: UnknownKeyHint
) -> Problem:
    kind = detail["type"]
    if kind == "missing":
        return document.problem(path[:-1], "missing_key", f"missing key '{dotted(path)}'")
    if kind in ("extra_forbidden", "unexpected_keyword_argument"):
        return document.key_problem(path, "unknown_key", f"unknown key '{path[-1]}'", unknown_key_hint(path))
    code, fault = _fault(kind, detail)
    path = document.written((*path, *_blamed_key(detail)))
    return document.problem(path, code, f"'{dotted(path)}': {fault}", _hint(kind, detail))


def _fault(kind: str, detail: Mapping[str, Any]) -> tuple[str, str]:
    """Return the problem's code, and what was expected with what was found."""
    if kind in OWN_KINDS:
        return kind, detail["msg"]
    code, words = _FAULTS.get(kind, ("wrong_value", "{jargon}, found {found}"))
    jargon = detail["msg"].replace("Input should be ", "expected ")
    context = {name: _short(value) for name, value in detail.get("ctx", {}).items()}
    found = detail["input"]
    length = len(found) if isinstance(found, list | dict) else 0
    return code, words.format_map({**context, "jargon": jargon, "found": describe(found), "length": length})


def _blamed_key(detail: Mapping[str, Any]) -> Path:
    """Return the key that a class blames in its own words when it refuses a block as a whole."""
    if detail["type"] != "value_error" or not isinstance(detail["input"], dict):
        return ()
    words = re.findall(r"\w+", detail["msg"])
    return tuple(key for key in detail["input"] if key in words)[:1]


def _hint(kind: str, detail: Mapping[str, Any]) -> str:
    found = detail["input"]
    if kind in ("enum", "literal_error") and isinstance(found, str):
        return did_you_mean(found, re.findall(r"'([^']*)'", detail["ctx"]["expected"]))
    if kind == "string_type" and isinstance(found, bool | int | float):
        return "put it in quotes"
    if kind == "string_type" and found is None:
        return 'write a text; the word null needs quotes: "null"'
    if not isinstance(found, str):
        return ""
    if kind == "bool_type":
        return _boolean_hint(found)
    return _number_hint(found) if kind in ("float_type", "int_type", "wrong_type") else ""


def _boolean_hint(text: str) -> str:
    word = text.lower()
    if word in ("true", "false"):
        return f"write {word} in small letters, without quotes"
    if word in _FALSE_WORDS | _TRUE_WORDS:
        return f"in YAML 1.2 '{text}' is text, not a boolean: write {'false' if word in _FALSE_WORDS else 'true'}"
    return ""


def _number_hint(text: str) -> str:
    if _PLAIN_NUMBER.fullmatch(text):
        return "remove the quotes"
    if _CLOCK.fullmatch(text):
        return "no clock notation: write one number in the unit that ends the key's name"
    with_unit = _NUMBER_WITH_UNIT.fullmatch(text)
    if with_unit:
        return f"write {with_unit.group(1)} alone, in the unit that ends the key's name"
    return "write digits only, with a point before decimals" if _GROUPED.fullmatch(text) else ""


def describe(value: Any) -> str:
    """Return a value as a message quotes it."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f"the text '{value[:60]}'" + ("..." if len(value) > 60 else "")  # noqa: PLR2004 - one line's worth
    if isinstance(value, list):
        return "a list"
    return "a block of keys" if isinstance(value, dict) else str(value)


def _short(value: Any) -> Any:
    """Return a limit without needless decimals, a pattern in words, anything else as it is."""
    if isinstance(value, float):
        return f"{value:g}"
    return PATTERN_WORDS.get(value, value) if isinstance(value, str) else value
