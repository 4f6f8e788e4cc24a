"""What goes to the terminal: results to stdout, everything else to stderr, errors with the next step."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer

from hilrig.core.errors import ConfigError, HilrigError, Problem


def _to_stderr(text: str) -> None:
    typer.echo(text, err=True)


class State:
    """How this process prints: whether stdout is kept for JSON, and how a note gets to stderr."""

    wants_json = False
    tell: Callable[[str], None] = staticmethod(_to_stderr)


state = State()

STATUS_COLORS = {
    "PASS": "green",
    "FAIL": "red",
    "INCONCLUSIVE": "yellow",
    "NOT_MEASURED": "yellow",
    "ok": "green",
    "limited": "yellow",
    "broken": "red",
}


def say(text: str = "") -> None:
    """Print a line for a person: to stdout, or to stderr when stdout is kept for JSON."""
    typer.echo(text, err=state.wants_json)


def note(text: str) -> None:
    """Print a line about what goes on, to stderr."""
    state.tell(text)


@contextmanager
def notes_told_by(tell: Callable[[str], None]) -> Iterator[None]:
    """Hand notes to `tell` while a bar has the terminal: else they would be written into it."""
    before, state.tell = state.tell, tell
    try:
        yield
    finally:
        state.tell = before


def print_json(value: Any) -> None:
    """Print the command's one JSON object to stdout."""
    typer.echo(json.dumps(value, indent=2, sort_keys=True, allow_nan=False))


def word(status: str, *, width: int = 0) -> str:
    """Return a status word, filled up to `width` characters, in its colour where colours are wanted."""
    padded = f"{status:<{width}}"
    if os.environ.get("NO_COLOR") or not sys.stdout.isatty():
        return padded
    return typer.style(padded, fg=STATUS_COLORS.get(status), bold=True)


def next_steps(*commands: str) -> None:
    """Print the commands that a person would type next."""
    say()
    for index, command in enumerate(commands):
        say(f"{'next: ' if index == 0 else '      '}{command}")


def fail(error: HilrigError) -> None:
    """Print an error: to stderr for people, as the one object on stdout when JSON is wanted."""
    if state.wants_json:
        print_json({"error": error.message, "hint": error.hint, "exit_code": int(error.exit_code)})
    if isinstance(error, ConfigError) and error.problems:
        for problem in error.problems:
            note(_printable(_excerpt(problem)))
        count = len(error.problems)
        note(f"{count} mistake{'s' if count > 1 else ''}")
    else:
        note(_printable(f"error: {error.message}"))
    if error.hint:
        note(_printable(f"next: {error.hint}"))


def _printable(text: str) -> str:
    """Return a text with what a terminal would obey, or turn round, as an escape: it may be a stranger's."""
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)


def _excerpt(problem: Problem) -> str:
    """Return a mistake with the line that it is in, as compilers show it."""
    where = f"{problem.file}:{problem.line}:{problem.column}" if problem.line else problem.file
    lines = [f"error: {where}: {problem.message}"]
    source = None if problem.code == "secret" else _source_line(problem)  # a log would keep it
    if source is not None:
        number = str(problem.line)
        lines += [f"  {number} | {source}", f"  {' ' * len(number)} | {' ' * (problem.column - 1)}^"]
    if problem.hint:
        lines.append(f"  help: {problem.hint}")
    if os.environ.get("GITHUB_ACTIONS"):
        lines.append(f"::error file={problem.file},line={problem.line},col={problem.column}::{problem.message}")
    return "\n".join(lines)


def _source_line(problem: Problem) -> str | None:
    if not problem.line:
        return None
    try:
        lines = Path(problem.file).read_text(errors="replace").splitlines()
    except OSError:
        return None  # shown without the line: the place is named all the same
    if problem.line > len(lines):
        return None
    return "".join(c if c.isprintable() else " " for c in lines[problem.line - 1][:200])
