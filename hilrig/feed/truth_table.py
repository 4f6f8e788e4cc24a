"""The truth table of an image folder: a CSV file `file,labels`, read strictly."""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hilrig.core.errors import ConfigError, PreconditionError, Problem
from hilrig.core.frame import Truth

_HEADER: Final = ["file", "labels"]
_SEPARATOR: Final = ";"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    line: int
    fields: list[str]


def read_truths(path: Path, files: Sequence[str]) -> dict[str, Truth]:
    """Return the truth of every image in `files`: its labels, none for a good part.

    A row names an image and its labels separated by `;`. Every image has exactly one row.

    Raises:
        PreconditionError: the file cannot be read.
        ConfigError: with every mistake in the file.
    """
    rows = _read_rows(path)
    problems = [*_header_problems(path, rows), *_row_problems(path, rows[1:], files)]
    if problems:
        raise ConfigError(problems, hint=f"correct {path}; every image needs one row, a good part has no labels")
    return {row.fields[0]: Truth(labels=_labels(row)) for row in rows[1:]}


def _read_rows(path: Path) -> list[_Row]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            return [_Row(line=reader.line_num, fields=fields) for fields in reader if fields]
    except OSError as error:
        raise PreconditionError(
            f"{path}: expected a truth table, found: {error.strerror}", hint="correct the feed's option truth"
        ) from error
    except csv.Error as error:
        raise ConfigError(
            [_problem(path, reader.line_num, 1, "syntax", f"expected CSV, found: {error}")]
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError([_problem(path, 0, 0, "syntax", f"expected UTF-8, found: {error.reason}")]) from error


def _header_problems(path: Path, rows: Sequence[_Row]) -> Iterable[Problem]:
    header = rows[0] if rows else _Row(line=1, fields=[])
    if header.fields != _HEADER:
        found = ",".join(header.fields) or "nothing"
        yield _problem(path, header.line, 1, "header", f"expected the header file,labels; found {found}")


def _row_problems(path: Path, rows: Sequence[_Row], files: Sequence[str]) -> Iterable[Problem]:
    first_line: dict[str, int] = {}
    known = frozenset(files)
    for row in rows:
        name = row.fields[0]
        if len(row.fields) != len(_HEADER):
            found = f"expected 2 fields, a file and its labels separated by ';'; found {len(row.fields)}"
            yield _problem(path, row.line, 1, "fields", found)
        elif "" in (labels := _labels(row)) or len(set(labels)) != len(labels):
            found = f"expected different labels separated by ';', found '{row.fields[1]}'"
            yield _problem(path, row.line, len(name) + 2, "labels", found)
        if name not in known:
            yield _problem(path, row.line, 1, "unknown_file", f"expected an image of the folder, found '{name}'")
        if name in first_line:
            again = f"expected one row for each image, found '{name}' again (first in line {first_line[name]})"
            yield _problem(path, row.line, 1, "duplicate", again)
        first_line.setdefault(name, row.line)
    for name in files:
        if name not in first_line:
            yield _problem(path, 0, 0, "unlisted", f"expected a row for each image, found none for '{name}'")


def _labels(row: _Row) -> tuple[str, ...]:
    text = row.fields[1].strip()
    return tuple(label.strip() for label in text.split(_SEPARATOR)) if text else ()


def _problem(path: Path, line: int, column: int, code: str, message: str) -> Problem:
    return Problem(file=str(path), line=line, column=column, code=code, message=message)
