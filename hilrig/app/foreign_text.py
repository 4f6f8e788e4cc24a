"""What people type for others to read: one line, of printable characters only."""

from typing import Final

from hilrig.core.errors import UsageError

OPERATOR_MAX: Final = 200
NOTE_MAX: Final = 2000
REASON_MAX: Final = 500


def one_line(text: str) -> str:
    """Return a text without control and format characters (escape sequences, bidi marks), in one line.

    Every run of such characters and of white space becomes one space.
    """
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def given_text(text: str, *, what: str, at_most: int) -> str:
    """Return a text that a person gave, in one line.

    Raises:
        UsageError: it has more than `at_most` characters.
    """
    line = one_line(text)
    if len(line) > at_most:
        raise UsageError(f"the {what} has {len(line)} characters, at most {at_most} fit", hint="shorten it")
    return line
