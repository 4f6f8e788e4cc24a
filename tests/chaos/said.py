"""What every command owes its caller, whatever was done: a documented exit code, one clear sentence."""

from collections.abc import Iterator
from typing import Final

from chaos.place import Called
from hilrig.core.exits import ExitCode

TRACEBACK: Final = "Traceback (most recent call last)"
RAW: Final = ("[Errno ", "ended with status 1:", "Error(", "KeyError:", "object has no attribute", "NoneType")
"""Words of Python's own that a person can do nothing with."""

CODES: Final = frozenset(int(code) for code in ExitCode)
VERDICTS: Final = frozenset({ExitCode.OK, ExitCode.FAIL, ExitCode.INCONCLUSIVE, ExitCode.ABORTED})
ANSWERS: Final = frozenset({("node", "status"), ("gate", "status"), ("gate", "check")})
"""Commands whose other exit codes are answers, with a sentence on stdout."""

SENTENCE_MAX: Final = 1_500


def wrong_with(called: Called, *, killed: bool = False) -> Iterator[str]:
    """Say what is wrong with what a command gave; `killed`: it was this test that ended it."""
    text = called.out + called.err
    if called.code is None:
        yield f"it hung for {called.took_s:.0f} s"
        return
    if TRACEBACK in text:
        yield f"a Python traceback, {_last_line(text)}"
        return
    if called.code < 0:
        if not killed:
            yield f"it died of signal {-called.code}"
        return
    if called.code not in CODES:
        yield f"exit code {called.code}, which is none of hilrig's: {_last_line(text)}"
    yield from _errors(called)


def _errors(called: Called) -> Iterator[str]:
    errors = [line for line in called.err.splitlines() if line.startswith(("error: ", "Error: "))]
    for raw in RAW:
        if any(raw in line for line in errors):
            yield f"an error in Python's words: {errors[0][:200]}"
    if any(len(line) > SENTENCE_MAX for line in errors):
        yield f"an error of {max(map(len, errors))} characters: {errors[0][:100]}..."
    if any(not (character.isprintable() or character in "\n\t") for character in called.err):
        yield "control characters on stderr"
    is_answer = called.code in VERDICTS or (called.words[:2] in ANSWERS and called.out.strip())
    if not is_answer and not errors and "NOT VERIFIED" not in called.out:
        yield f"exit code {called.code} without an error: {_last_line(called.out + called.err)}"


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1][:300] if lines else "(nothing was said)"
