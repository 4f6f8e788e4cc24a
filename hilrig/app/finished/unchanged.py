"""What a run wrote is judged as it was written: whoever changes it meanwhile gets no signature."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from hilrig.core import files
from hilrig.core.canonical import sha256_hex
from hilrig.core.errors import TrustError
from hilrig.core.run import RunEvent, RunPlan
from hilrig.record.events import EVENTS_MAX_BYTES
from hilrig.record.journal_entry import Entry, parse_line
from hilrig.record.run_directory import write_atomic
from hilrig.record.untrusted_file import read_untrusted

WRITTEN: Final = "written"
"""In an event's detail: the sha256 of files that the run had written by then, by name."""

MAX_BYTES: Final = 64 << 20
JOURNAL_MAX_BYTES: Final = 1 << 28
"""A line is about 200 bytes a second: of a run of twelve days."""

_OF_ANOTHER_PROFILE: Final = frozenset({files.PROFILE, files.PLAN})


class Written:
    """The files of a run directory that are written once, with the digest of each as it was written.

    Args:
        run_dir: where they are.
    """

    def __init__(self, run_dir: Path) -> None:
        self.run_dir = run_dir
        self._sha256: dict[str, str] = {}

    def write(self, name: str, data: bytes) -> None:
        """Write a file, remember what it is.

        Raises:
            OSError: the disk is full.
        """
        write_atomic(self.run_dir / name, data)
        self._sha256[name] = sha256_hex(data)

    def noted(self) -> dict[str, dict[str, str]]:
        """Return the digests since the last call, as an event's detail has them."""
        noted, self._sha256 = self._sha256, {}
        return {WRITTEN: noted}


def refuse_changed_evidence(run_dir: Path, plan: RunPlan, events: Iterable[RunEvent]) -> None:
    """Hold the files of a run against the digests that it noted when it wrote them; older runs noted none.

    Raises:
        TrustError: one is not what the run wrote.
    """
    for name, sha256 in _noted(plan, events):
        _refuse_changed(run_dir / name, sha256, max_bytes=MAX_BYTES)


def refuse_other_digests(
    run_dir: Path, plan: RunPlan, events: Iterable[RunEvent], found: Mapping[str, str]
) -> None:
    """Do the same with the digests that are about to be signed: a file may have changed since it was read.

    Raises:
        TrustError: one is not what the run wrote.
    """
    for name, sha256 in _noted(plan, events):
        if found.get(name) != sha256:
            raise _changed(run_dir / name)


def _noted(plan: RunPlan, events: Iterable[RunEvent]) -> Iterator[tuple[str, str]]:
    """Give the files that a run noted, with their digests.

    A run that was judged by another profile has that one, with a plan of its own: those two are not among them.
    """
    exempt = _OF_ANOTHER_PROFILE if plan.judged_from is not None else frozenset()
    for event in events:
        noted = event.detail.get(WRITTEN, {})
        if isinstance(noted, dict):
            yield from ((name, str(noted[name])) for name in sorted(noted.keys() - exempt))


def refuse_changed_events(run_dir: Path, sha256: str) -> None:
    """Hold the events of a run that has just ended against the digest of what was appended.

    Raises:
        TrustError: they are not what the run wrote.
    """
    _refuse_changed(run_dir / files.EVENTS, sha256, max_bytes=EVENTS_MAX_BYTES)


def refuse_other_journals(run_dir: Path, chains: Mapping[str, str]) -> None:
    """Hold the journals of a run that has just ended against the chain that its writer came to.

    One that is damaged or gone is no matter of this: what is left of it is a recovery's.

    Raises:
        TrustError: one is whole, and another one than the run wrote.
    """
    for name, chain in chains.items():
        last = _last_entry(run_dir / name)
        if last is not None and last.chain != chain:
            raise _changed(run_dir / name)


def _last_entry(path: Path) -> Entry | None:
    data = read_untrusted(path, max_bytes=JOURNAL_MAX_BYTES)
    return None if data is None else parse_line(data[data.rfind(b"\n", 0, -1) + 1 :])


def _refuse_changed(path: Path, sha256: str, *, max_bytes: int) -> None:
    data = read_untrusted(path, max_bytes=max_bytes)
    if data is None or sha256_hex(data) != sha256:
        raise _changed(path)


def _changed(path: Path) -> TrustError:
    return TrustError(
        f"{path} is not what the run wrote: it was changed since, and nothing is signed over it",
        hint="start the run again, and let nobody write into its directory meanwhile",
    )
