"""An update recorded on its way to the disk, so that any state of that disk can be built again."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hilrig.core.errors import PreconditionError
from hilrig.core.power_loss import UpdateStep, UpdateSubject
from hilrig.faults import block_device
from hilrig.faults.block_device import FileSystem
from hilrig.faults.block_log_format import LogEntry, read_log
from hilrig.faults.block_states import DiskState, StepSpan
from hilrig.faults.sparse_image import copy_image, data_bytes, is_same
from hilrig.faults.stepping import INSTALL_EPISODE, install, require_done, run_step

STORE: Final = "store"
"""The store's folder on the disk."""
JOURNAL_BYTES: Final = 16 << 20
"""What replaying a journal can write: ext4's has 4 MiB here, xfs writes only what it replays."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """What reached the disk during an episode.

    Args:
        base: the disk before it.
        log: what was written since, in order.
        spans: where in the log each step ran.
    """

    base: Path
    log: tuple[LogEntry, ...]
    spans: tuple[StepSpan, ...]


def start_disks(subject: UpdateSubject, *, file_system: FileSystem, folder: Path) -> dict[str, Path]:
    """Make the disk that each episode of a subject starts from; the installation runs once for all of them.

    Raises:
        PreconditionError: the installation fails.
    """
    empty, installed = folder / "empty.img", folder / "installed.img"
    block_device.make_image(empty, file_system)
    copy_image(empty, installed)
    with block_device.mounted(installed, folder / "mnt", file_system) as point:
        install(subject, point / STORE)
    return {episode: empty if episode == INSTALL_EPISODE else installed for episode in subject.episodes}


def record_episode(
    subject: UpdateSubject, episode: str, *, base: Path, file_system: FileSystem, folder: Path
) -> Recording:
    """Run the steps of an episode on a copy of its disk `base` that is recorded.

    Raises:
        PreconditionError: a step fails without any cut, or the record is not the whole of what was written.
    """
    image, log = folder / "recorded.img", folder / "writes.log"
    copy_image(base, image)
    log.unlink(missing_ok=True)
    with (
        block_device.recorded(image, log=log, disk=folder / "disk") as disk,
        block_device.mounted(disk, folder / "mnt", file_system) as point,
    ):
        block_device.flush(point)  # what mounting wrote is no part of the update
        sizes = [_run_recorded(subject, step, point / STORE, log) for step in subject.episodes[episode]]
        block_device.flush(point)  # the file system's own write-back, as it would come within half a minute
        end = log.stat().st_size
    entries = read_log(log.read_bytes())
    _check_complete(base, image, entries, folder)
    return _recording(base, entries, subject.episodes[episode], sizes=sizes, end=end)


def _run_recorded(subject: UpdateSubject, step: UpdateStep, store: Path, log: Path) -> tuple[int, int]:
    """Return how long the log was before a step and after it."""
    begin = log.stat().st_size
    require_done(run_step(step.argv, store), name=step.name, subject=subject)
    return begin, log.stat().st_size


def _check_complete(base: Path, image: Path, entries: Sequence[LogEntry], folder: Path) -> None:
    """A record that leaves something out would build states that never were."""
    rebuilt = folder / "rebuilt.img"
    copy_image(base, rebuilt)
    apply_entries(rebuilt, entries)
    if not is_same(rebuilt, image):
        message = "the block log is not the whole of what was written: the disk built from it is another"
        raise PreconditionError(message, hint="nothing can be said from it; see `dmesg`")


def _recording(
    base: Path,
    entries: Sequence[LogEntry],
    steps: Sequence[UpdateStep],
    *,
    sizes: Sequence[tuple[int, int]],
    end: int,
) -> Recording:
    ends = [entry.end for entry in entries]
    spans = tuple(
        StepSpan(step=step, begin=bisect_right(ends, first), end=bisect_right(ends, last))
        for step, (first, last) in zip(steps, sizes, strict=True)
    )
    return Recording(base=base, log=tuple(entries[: bisect_right(ends, end)]), spans=spans)


def apply_entries(image: Path, entries: Sequence[LogEntry]) -> None:
    """Write entries of a log to a disk."""
    with image.open("r+b") as file:
        for entry in entries:
            file.seek(entry.offset)
            file.write(entry.data)


class StateBuilder:
    """Builds states of one recording, in the order of their `base`."""

    def __init__(self, recording: Recording, folder: Path) -> None:
        self._log = recording.log
        self._rolling = folder / "rolling.img"
        self._done = 0
        copy_image(recording.base, self._rolling)

    @property
    def state_bytes(self) -> int:
        """How much a state takes at most, with what mounting it writes: the journal once over."""
        written = sum(len(entry.data) for entry in self._log)
        return data_bytes(self._rolling) + 2 * written + JOURNAL_BYTES

    def build(self, state: DiskState, target: Path) -> None:
        """Make the disk that this cut left."""
        apply_entries(self._rolling, self._log[self._done : state.base])
        self._done = state.base
        copy_image(self._rolling, target)
        apply_entries(target, [self._log[index] for index in state.kept])
