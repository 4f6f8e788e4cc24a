"""The file of recorded arrivals that a profile may name."""

import os.path
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import islice, pairwise
from pathlib import Path
from typing import Final

from pydantic_core import PydanticCustomError

from hilrig.config.arrival_rules import decision_gap_problems
from hilrig.config.document import Document
from hilrig.config.limit_model import DURATION_MAX_MINUTES, read_frame_rate
from hilrig.config.source_file import whole_file_problem
from hilrig.core.canonical import sha256_hex
from hilrig.core.errors import ConfigError, Problem
from hilrig.core.profile import ArrivalModel
from hilrig.core.units import NS_PER_MS, NS_PER_S, S_PER_MIN

ARRIVALS_MAX: Final = 100_000
SIZE_MAX_BYTES: Final = 4 << 20  # forty bytes a line
SPAN_MAX_NS: Final = DURATION_MAX_MINUTES * S_PER_MIN * NS_PER_S  # the longest run
RATE_OFF_MAX: Final = Fraction(1, 100)
PROBLEMS_MAX: Final = 10  # of a file that is no trace at all, the first lines say enough

_WHERE: Final = ("arrivals", "trace")
_HEADER: Final = "t_ms"
_HINT: Final = "one arrival time in ms a line"
_TIME: Final = re.compile(r"[0-9]{1,15}(\.[0-9]{0,20})?(e[-+]?[0-9]{1,2})?", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """Recorded arrivals: the time from each to the next, the last one's being the mean; the file's sha256."""

    gaps_ns: tuple[int, ...]
    sha256: str


def read_trace(document: Document, folder: Path) -> tuple[Trace | None, list[Problem]]:
    """Return the trace that a profile in `folder` names, and what is wrong with it; None when it names none."""
    name = document.get(_WHERE)
    if document.get(("arrivals", "model")) != ArrivalModel.TRACE.value or not isinstance(name, str):
        return None, []
    if not os.path.isfile(folder / name):  # noqa: PTH113 - Path's raises on a long name
        hint = "paths start at the profile's folder"
        return None, [document.problem(_WHERE, "missing_file", f"no file '{name}' in {folder}", hint)]
    try:
        trace = load_trace(folder / name)
    except ConfigError as error:
        return None, list(error.problems)
    return trace, list(_unlike_profile(document, trace))


def load_trace(path: Path) -> Trace:
    """Return the trace in a file.

    A byte order mark and the line ends of Windows are taken as they come: spreadsheets write both.

    Raises:
        ConfigError: it can't be read or is no trace; the first mistakes, each at its line.
    """
    try:
        with path.open("rb") as file:
            data = file.read(SIZE_MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError([whole_file_problem(path, "unreadable", f"can't be read: {error.strerror}")]) from error
    lines = _lines(path, data)
    first = 1 if lines[0] == _HEADER else 0
    faults = [_problem(path, number, message) for number, message in islice(_faults(lines, first), PROBLEMS_MAX)]
    if faults:
        raise ConfigError(faults)
    return Trace(gaps_ns=_gaps_ns(path, list(map(Decimal, lines[first:]))), sha256=sha256_hex(data))


def _lines(path: Path, data: bytes) -> list[str]:
    if len(data) > SIZE_MAX_BYTES:
        message = f"larger than {SIZE_MAX_BYTES >> 20} MiB"
        raise ConfigError([whole_file_problem(path, "too_large", message, "is this the right file?")])
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"byte 0x{data[error.start]:02x} is not UTF-8"
        raise ConfigError([_problem(path, data[: error.start].count(b"\n") + 1, message)]) from error
    return [line.strip(" \t\r") for line in text.rstrip(" \t\r\n").split("\n")]


def _faults(lines: list[str], first: int) -> Iterator[tuple[int, str]]:
    """Yield number and mistake of each line that is no time, or one before that of the line above."""
    if len(lines) - first > ARRIVALS_MAX:
        yield first + ARRIVALS_MAX + 1, f"more than {ARRIVALS_MAX} arrivals"
    before: Decimal | None = None
    for number, line in enumerate(lines[first:], first + 1):
        if not _TIME.fullmatch(line):
            yield number, f"expected one time in ms, found {repr(line[:40]) if line else 'an empty line'}"
            continue
        time_ms = Decimal(line)
        if before is not None and time_ms < before:
            yield number, f"{line[:40]} comes after {before}: times must ascend"
        before = time_ms


def _gaps_ns(path: Path, times_ms: list[Decimal]) -> tuple[int, ...]:
    """Return the time from each arrival to the next: arrivals are rounded to a nanosecond, gaps never."""
    span_ns = (times_ms[-1] - times_ms[0]) * NS_PER_MS if times_ms else 0
    if span_ns < 1:
        hint = "a trace needs two arrivals at different times"
        raise ConfigError([whole_file_problem(path, "wrong_value", "the arrivals take no time", hint)])
    if span_ns > SPAN_MAX_NS:
        message = f"the arrivals take longer than {DURATION_MAX_MINUTES // (24 * 60)} days"
        raise ConfigError([whole_file_problem(path, "wrong_value", message, "are the times in ms?")])
    at_ns = [round((time_ms - times_ms[0]) * NS_PER_MS) for time_ms in times_ms]
    gaps_ns = [after - before for before, after in pairwise(at_ns)]
    return (*gaps_ns, round(Fraction(at_ns[-1], len(gaps_ns))))


def _unlike_profile(document: Document, trace: Trace) -> Iterator[Problem]:
    """Say where the trace is not what the profile's limits are about."""
    try:
        asked_fps = read_frame_rate(document.get(("hil_validation", "latency", "frame_rate_fps")))
    except PydanticCustomError:
        return  # the frame rate speaks for itself
    own_fps = Fraction(NS_PER_S * len(trace.gaps_ns), sum(trace.gaps_ns))
    if abs(own_fps - asked_fps) > RATE_OFF_MAX * asked_fps:
        message = f"the trace has {float(own_fps):.6g} fps, but 'frame_rate_fps' is {float(asked_fps):.6g}"
        hint = f"within {float(100 * RATE_OFF_MAX):g} % of each other, or the limits are about another line"
        yield document.problem(_WHERE, "contradiction", message, hint)
    yield from decision_gap_problems(document, max(trace.gaps_ns) / NS_PER_MS, rate_fps=asked_fps)


def _problem(path: Path, line: int, message: str) -> Problem:
    return Problem(file=str(path), line=line, column=1, code="wrong_value", message=message, hint=_HINT)
