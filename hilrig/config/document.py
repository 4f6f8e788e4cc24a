"""A YAML file as plain values, each with the place where it is written."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, NamedTuple

from hilrig.core.errors import Problem

Path = tuple[str | int, ...]
"""Where a value stands in the document: keys, and indices of lists."""


class Mark(NamedTuple):
    """A position in a file; both count from 1."""

    line: int
    column: int


@dataclass(slots=True, kw_only=True)
class Document:
    """What a file holds: `data` in plain values, `problems` for what YAML itself or our subset of it forbids.

    Args:
        keys: where each key is written.
        marks: where to point for the value: at a scalar itself, at the key of a block or of an empty value.
        empty: keys without a value.
    """

    file: str
    data: Any = None
    keys: dict[Path, Mark] = field(default_factory=dict)
    marks: dict[Path, Mark] = field(default_factory=dict)
    empty: list[Path] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def get(self, path: Path) -> Any:
        """Return the value at `path`, or None when there is none."""
        value = self.data
        for part in path:
            value = _child(value, part)
        return value

    def written(self, path: Path) -> Path:
        """Return `path` up to the last part that is in the file."""
        while path and path not in self.marks:
            path = path[:-1]
        return path

    def mark(self, path: Path) -> Mark:
        """Return where the value at `path` is written; for a missing one, where the nearest block around it is."""
        return self.marks.get(self.written(path), Mark(1, 1))

    def problem(self, path: Path, code: str, message: str, hint: str = "") -> Problem:
        """Return a problem with the value at `path`."""
        return self._problem_at(self.mark(path), code, message, hint)

    def key_problem(self, path: Path, code: str, message: str, hint: str = "") -> Problem:
        """Return a problem with the key at the end of `path`."""
        return self._problem_at(self.keys.get(path) or self.mark(path), code, message, hint)

    def _problem_at(self, mark: Mark, code: str, message: str, hint: str) -> Problem:
        return Problem(file=self.file, line=mark.line, column=mark.column, code=code, message=message, hint=hint)


def dotted(path: Path) -> str:
    """Return `a.b[2]` for a path, the form that every message uses."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def merge(*groups: Sequence[Problem]) -> list[Problem]:
    """Return all problems in the order of the file; at one place only the first group that speaks of it counts.

    One mistake is often seen by several checks: a key given twice is also an unknown one, an alias also no number.
    """
    merged: list[Problem] = []
    for group in groups:
        taken = {(problem.line, problem.column) for problem in merged}
        merged += [problem for problem in group if (problem.line, problem.column) not in taken]
    return sorted(merged, key=attrgetter("line", "column"))


def _child(value: Any, part: str | int) -> Any:
    if isinstance(value, dict):
        return value.get(part)
    if isinstance(value, list) and isinstance(part, int) and part < len(value):
        return value[part]
    return None
