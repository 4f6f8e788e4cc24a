"""What companions answered, written down as it happens.

Each probe and each exit is a line, appended at once. A run that is killed loses no line of it, a power cut those
of the last seconds. At the end of the run the lines become companions.json; a run that never came to its end is
read from the lines.
"""

import json
import os
from collections.abc import Iterator, Sequence
from enum import Enum
from pathlib import Path
from typing import Final, NamedTuple

from hilrig.core.companion import CompanionRecord, CompanionSpec, ProbeSeries

JOURNAL: Final = "companions.jsonl"
LINE_BYTES_MAX: Final = 1000
FAILED_US: Final = -1


class Probed(NamedTuple):
    """One probe: when it was due, how long the answer took from then, how late it was sent by our own fault."""

    t_ns: int
    answer_us: int
    late_us: int


class Kind(str, Enum):
    """What a line tells."""

    ALONE = "alone"  # a probe before the model ran
    TOGETHER = "together"  # a probe beside it
    EXIT = "exit"  # the companion's process ended by itself
    KEPT = "kept"  # beside the model, all companions were still watched


class CompanionJournal:
    """The open journal. Lines are whole: each is one write to a file that was opened for appending.

    Used by several threads.
    """

    def __init__(self, run_dir: Path) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        self._fd = os.open(run_dir / JOURNAL, flags, 0o644)

    def probe(self, kind: Kind, name: str, probed: Probed) -> None:
        """Append a probe.

        Raises:
            OSError: the disk is full.
        """
        self._append(kind, name, *probed)

    def exit(self, name: str, t_ns: int, status: int) -> None:
        """Append that a companion's process ended by itself.

        Raises:
            OSError: the disk is full.
        """
        self._append(Kind.EXIT, name, t_ns, status, 0)

    def kept(self, t_ns: int) -> None:
        """Append that the companions are still watched.

        Raises:
            OSError: the disk is full.
        """
        self._append(Kind.KEPT, "", t_ns, 0, 0)

    def flush(self) -> None:
        """Put the lines where a power cut cannot take them.

        Raises:
            OSError: the disk is broken.
        """
        os.fdatasync(self._fd)

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)

    def _append(self, kind: Kind, name: str, *numbers: int) -> None:
        os.write(self._fd, json.dumps([kind.value, name, *numbers]).encode() + b"\n")


def read_journal(run_dir: Path, companions: Sequence[CompanionSpec]) -> tuple[CompanionRecord, ...]:
    """Return what the journal of a run directory holds of each companion; a torn last line is left out.

    Raises:
        OSError: it cannot be read.
    """
    found: dict[tuple[str, str], list[Probed]] = {}
    for kind, name, probed in _lines(run_dir / JOURNAL):
        found.setdefault((kind, name), []).append(probed)
    return tuple(
        CompanionRecord(
            name=one.name,
            alone=_series(found.get((Kind.ALONE, one.name), [])),
            together=_series(found.get((Kind.TOGETHER, one.name), [])),
            exits=tuple((t_ns, status) for t_ns, status, _ in found.get((Kind.EXIT, one.name), [])),
            kept_until_ns=max((probed.t_ns for probed in found.get((Kind.KEPT, ""), [])), default=0),
        )
        for one in companions
    )


def _lines(path: Path) -> Iterator[tuple[str, str, Probed]]:
    with path.open("rb") as file:
        while line := file.readline(LINE_BYTES_MAX):
            try:
                kind, name, *numbers = json.loads(line)
            except (ValueError, TypeError):
                return  # torn by a power cut: what is behind it cannot be trusted either
            if len(numbers) != len(Probed._fields) or {type(one) for one in numbers} != {int}:
                return
            yield str(kind), str(name), Probed(*numbers)


def _series(probes: Sequence[Probed]) -> ProbeSeries:
    t_ns, answer_us, late_us = zip(*probes, strict=True) if probes else ((), (), ())
    return ProbeSeries(t_ns=t_ns, answer_us=answer_us, late_us=late_us)
