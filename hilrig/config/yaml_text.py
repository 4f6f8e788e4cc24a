"""What is wrong with a file before it has a structure: its encoding, its syntax, in words for a technician."""

from typing import Any, Final, NoReturn

import yaml

from hilrig.config.document import Mark
from hilrig.core.errors import ConfigError, Problem

SIZE_MAX_BYTES: Final = 1 << 20

_FOREIGN_STARTS: Final = {
    b"\xef\xbb\xbf": "a byte order mark",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}

# PyYAML's words -> our message, hint. The first part that occurs in its text decides.
_SYNTAX: Final = {
    "could not find expected ':'": (
        "expected 'key: value', found a line without ':'",
        "did a comment or a text run on into a new line? start it with '#', or join it to the line above",
    ),
    "'\\t' that cannot start any token": ("a tab; YAML is indented with spaces only", "replace the tab by spaces"),
    "expected <block end>": (
        "this line does not fit the lines above: its indentation, or a missing '- ' or ':'",
        "keys of one block start in the same column",
    ),
    "expected ',' or": ("a '[' or '{' opens here and does not close", "close it, or separate its items by commas"),
    "unexpected end of stream": ("a quote opens here and does not close", "close it in the same line"),
    "unexpected document separator": ("a quote opens here and does not close", "close it in the same line"),
    "unknown escape character": (
        "an unknown escape after a backslash in double quotes",
        "use single quotes for text with backslashes",
    ),
    "that cannot start any token": ("a value can't start with this character", "put the value in quotes"),
    "expected the node content": (
        "expected a value here",
        "is a '[' or '{' before it not closed, or a comma too much?",
    ),
    "alphabetic or numeric character": (
        "'&' and '*' start anchors, which are not allowed",
        "put the text in quotes",
    ),
    "incompatible YAML document": ("the %YAML line asks for a version that is not read here", "remove the line"),
    "undefined tag handle": ("tags ('!') are not allowed", "write the plain value, in quotes if it is text"),
}
_POINTS_AT_START: Final = (
    "could not find expected ':'",
    "expected ',' or",
    "unexpected end",
    "unexpected document",
)


def decode(data: bytes, *, file: str) -> str:
    """Return the text of a UTF-8 file without byte order mark or control characters.

    Raises:
        ConfigError: it is larger than 1 MiB or no such text.
    """
    if len(data) > SIZE_MAX_BYTES:
        _refuse(
            file, Mark(0, 0), "too_large", f"larger than {SIZE_MAX_BYTES >> 20} MiB", "is this the right file?"
        )
    for start, name in _FOREIGN_STARTS.items():
        if data.startswith(start):
            _refuse(
                file,
                Mark(1, 1),
                "encoding",
                f"starts with {name}; expected plain UTF-8",
                "save as UTF-8 without it",
            )
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        mark = _mark_after(data[: error.start].decode())
        _refuse(file, mark, "encoding", f"byte 0x{data[error.start]:02x} is not UTF-8", "save as UTF-8")
    control = yaml.SafeLoader.NON_PRINTABLE.search(text)
    if control:
        mark = _mark_after(text[: control.start()])
        message = f"control character U+{ord(control.group()):04X}, expected text"
        _refuse(file, mark, "encoding", message, "is this the right file? save as UTF-8")
    return text


def syntax_problem(error: yaml.YAMLError, *, file: str) -> Problem:
    """Return PyYAML's complaint in our words, at the place that a person has to look at."""
    technical = str(getattr(error, "problem", error))
    if "mapping values are not allowed" in technical:
        return _second_colon(error, file=file)
    message, hint = next((ours for theirs, ours in _SYNTAX.items() if theirs in technical), (technical, ""))
    mark: Any = getattr(error, "problem_mark", None)
    if any(theirs in technical for theirs in _POINTS_AT_START):
        mark = getattr(error, "context_mark", None) or mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
    return Problem(file=file, line=line, column=column, code="syntax", message=message, hint=hint)


def _second_colon(error: Any, *, file: str) -> Problem:
    """Tell two keys in one line from a key that is indented too deep: PyYAML says the same of both."""
    mark = error.problem_mark
    before = mark.buffer[: mark.pointer].rpartition("\n")[2]
    if ": " in before:
        message = f"two keys in one line: '{before.strip()[-60:]}:'"
        hint = "give every key a line of its own; put text that holds ': ' in quotes"
    else:
        message = "a key is indented deeper than the line above, which already has a value"
        hint = "keys of one block start in the same column"
    return Problem(
        file=file, line=mark.line + 1, column=mark.column + 1, code="syntax", message=message, hint=hint
    )


def _mark_after(text: str) -> Mark:
    return Mark(text.count("\n") + 1, len(text) - text.rfind("\n"))


def _refuse(file: str, mark: Mark, code: str, message: str, hint: str) -> NoReturn:
    raise ConfigError(
        [Problem(file=file, line=mark.line, column=mark.column, code=code, message=message, hint=hint)]
    )
