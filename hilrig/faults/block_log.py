"""The depth `block_log`: real file systems on a disk that is cut between any two of its writes.

What an update writes to its disk is recorded below a real ext4 and xfs. From that every state is built that a cut
could have left on a disk with a write cache, mounted (the real journal replay), and asked which release it runs.
"""

import platform
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hilrig.core.power_loss import SOUND_STORE, Calibration, Depth, DepthResult, UpdateSubject
from hilrig.faults import block_device
from hilrig.faults.block_asking import StateAsker, Tally, cuts_of
from hilrig.faults.block_device import EXT4, EXT4_PLAIN, XFS, FileSystem
from hilrig.faults.block_recording import record_episode, start_disks
from hilrig.faults.block_states import disk_states, n_possible
from hilrig.faults.calibration import calibration_subjects
from hilrig.faults.stepping import Progress, stop_if

STATES_CAP: Final = 150
"""Per episode and file system: every prefix of its writes, then subsets. Some 60 states a second are asked."""
CALIBRATION_CAP: Final = 48
"""A wrong store shows itself in every third state or so."""


def why_not_block_log() -> str:
    """Return why this depth can't run here, in words with the next step; empty when it can."""
    return block_device.why_not()


def run_block_log(
    subject: UpdateSubject,
    *,
    seed: int,
    work: Path,
    progress: Progress,
    should_stop: Callable[[], bool],
) -> DepthResult:
    """Cut a subject's updates between any two writes of real file systems.

    Args:
        subject: its commands run here, with `{store}` on a disk made for that.
        seed: of the subsets that are drawn where there are too many.
        work: a folder in which one in memory is mounted meanwhile: a few hundred MiB for a store of a few MiB.
        progress: what is being done, states done, states in all of that.
        should_stop: looked at between batches of states.

    Raises:
        PreconditionError: a step of the subject fails without any cut.
        RunAbortedError: `should_stop` said so.
    """
    if reason := why_not_block_log():
        return DepthResult(depth=Depth.BLOCK_LOG, ran=False, reason=reason)
    begun_s = time.monotonic()
    with block_device.work_folder(work) as folder:
        examination = _Examination(seed=seed, folder=folder, progress=progress, should_stop=should_stop)
        calibrations = tuple(
            examination.calibrate(store, file_system)
            for file_system in _file_systems()
            for store in calibration_subjects(Depth.BLOCK_LOG)
        )
        tally = Tally()
        for file_system in _file_systems():
            examination.examine(subject, file_system, cap=STATES_CAP, tally=tally)
    return DepthResult(
        depth=Depth.BLOCK_LOG,
        ran=True,
        n_states=tally.n_states,
        counts=dict(sorted(tally.counts.items())),
        n_bad=tally.n_bad,
        bad=tuple(tally.bad),
        calibrations=calibrations,
        took_s=round(time.monotonic() - begun_s, 1),
        facts=_facts(tally),
    )


def _file_systems() -> tuple[FileSystem, ...]:
    return tuple(file_system for file_system in (EXT4, EXT4_PLAIN, XFS) if has(file_system))


def has(file_system: FileSystem) -> bool:
    """Return whether a file system can be made here."""
    return shutil.which(file_system.make[0]) is not None


def _facts(tally: Tally) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "file_systems": [file_system.words for file_system in _file_systems()],
        "kernel": platform.release(),
        "recordings": tally.recordings,
        "states_per_s": round(tally.n_states / tally.took_s, 1) if tally.took_s else None,
    }
    return facts if has(XFS) else facts | {"xfs": "left out: mkfs.xfs is missing (package xfsprogs)"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Examination:
    """One test in one folder: records episodes, builds their states, asks and tallies them."""

    seed: int
    folder: Path
    progress: Progress
    should_stop: Callable[[], bool]

    def calibrate(self, store: UpdateSubject, file_system: FileSystem) -> Calibration:
        """Put a store that is known under the same test: each file system hides other mistakes."""
        tally = Tally()
        self.examine(store, file_system, cap=CALIBRATION_CAP, tally=tally)
        name = store.name if store.name == SOUND_STORE else f"{store.name} on {file_system.words}"
        return Calibration(store=name, n_states=tally.n_states, n_caught=tally.n_bad)

    def examine(self, subject: UpdateSubject, file_system: FileSystem, *, cap: int, tally: Tally) -> None:
        """Add every state of a subject's episodes on one file system to a tally."""
        bases = start_disks(subject, file_system=file_system, folder=self.folder)
        for episode, base in bases.items():
            stop_if(self.should_stop)
            recording = record_episode(subject, episode, base=base, file_system=file_system, folder=self.folder)
            cuts = cuts_of(recording, disk_states(recording.log, seed=self.seed, cap=cap))
            place = f"{subject.name}, {episode} on {file_system.words}"
            tally.begin(place, n_entries=len(recording.log), n_possible=n_possible(recording.log))
            asker = StateAsker(subject, recording, file_system=file_system, folder=self.folder)
            for n_done in asker.ask(cuts, tally):
                self.progress(place, n_done, len(cuts))
                stop_if(self.should_stop)
