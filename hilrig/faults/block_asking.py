"""States of a disk, each asked what runs on it.

They are built and mounted a batch at a time; what they said is counted.
"""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from hilrig.core.errors import PreconditionError
from hilrig.core.power_loss import BadRecovery, Recovery, UpdateSubject
from hilrig.faults import block_device
from hilrig.faults.asking import ask_all
from hilrig.faults.block_device import FileSystem
from hilrig.faults.block_log_format import LogEntry
from hilrig.faults.block_recording import STORE, Recording, StateBuilder
from hilrig.faults.block_states import DiskState, Promise, promise_for
from hilrig.faults.recovery_check import Found, check_recovery
from hilrig.faults.sparse_image import copy_image

BATCH: Final = 16
"""States mounted at once: one start of the asking program for all of them."""
SHOWN_BAD: Final = 20


@dataclass(slots=True)
class Tally:
    """What was found so far."""

    n_states: int = 0
    n_bad: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    bad: list[BadRecovery] = field(default_factory=list)
    recordings: dict[str, dict[str, Any]] = field(default_factory=dict)
    took_s: float = 0.0
    _place: str = ""

    def begin(self, place: str, *, n_entries: int, n_possible: int) -> None:
        """Say where the states that follow come from."""
        self._place = place
        possible = str(n_possible) if n_possible < 10**6 else f"2^{n_possible.bit_length() - 1} or more"
        self.recordings[place] = {"n_entries": n_entries, "n_possible": possible, "n_asked": 0}

    def add(self, found: Found, *, step: str, at: str) -> None:
        """Count one state."""
        self.n_states += 1
        self.recordings[self._place]["n_asked"] += 1
        self.counts[found.recovery.value] += 1
        if found.is_sound:
            return
        self.n_bad += 1
        if len(self.bad) < SHOWN_BAD:
            where = f"{self._place}: {at}"
            self.bad.append(BadRecovery(step=step, at=where, recovery=found.recovery, detail=found.detail))


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """A state to ask, and what may run in it."""

    state: DiskState
    promise: Promise


def cuts_of(recording: Recording, states: Sequence[DiskState]) -> tuple[Cut, ...]:
    """The states that a cut can have left since the first step began."""
    promised = ((state, promise_for(state, recording.spans)) for state in states)
    return tuple(Cut(state=state, promise=promise) for state, promise in promised if promise is not None)


class StateAsker:
    """Asks the states of one recording, in their order."""

    def __init__(
        self, subject: UpdateSubject, recording: Recording, *, file_system: FileSystem, folder: Path
    ) -> None:
        self._subject, self._recording = subject, recording
        self._file_system, self._folder = file_system, folder
        self._builder = StateBuilder(recording, folder)

    def ask(self, cuts: Sequence[Cut], tally: Tally) -> Iterator[int]:
        """Ask and tally all of them; yield after each batch how many are done."""
        block_device.require_room(self._folder, BATCH * self._builder.state_bytes)
        for start in range(0, len(cuts), BATCH):
            begun_s = time.monotonic()
            batch = cuts[start : start + BATCH]
            for cut, found in zip(batch, self._ask_batch(batch), strict=True):
                tally.add(found, step=cut.promise.step, at=words_of(cut.state, self._recording.log))
            tally.took_s += time.monotonic() - begun_s
            yield start + len(batch)

    def _ask_batch(self, batch: Sequence[Cut]) -> list[Found]:
        points: dict[int, Path] = {}
        try:
            refused = {index: said for index, cut in enumerate(batch) if (said := self._mount(index, cut, points))}
            answers = dict(
                zip(points, ask_all(self._subject, [point / STORE for point in points.values()]), strict=True)
            )
        finally:
            block_device.unmount_all(list(points.values()))
        return [
            Found(recovery=Recovery.UNMOUNTABLE, detail=refused[index])
            if index in refused
            else check_recovery(answers[index], allowed=cut.promise.may_run, releases=self._subject.releases)
            for index, cut in enumerate(batch)
        ]

    def _mount(self, index: int, cut: Cut, points: dict[int, Path]) -> str:
        """Mount a state and add where; return why it can't be."""
        image, point = self._folder / f"state-{index}.img", self._folder / f"state-{index}"
        self._builder.build(cut.state, image)
        try:
            block_device.mount(image, point, self._file_system)
        except PreconditionError as error:
            self._require_mountable()
            return error.message
        points[index] = point
        return ""

    def _require_mountable(self) -> None:
        """Mount the disk from before the update: where even that fails, the fault is this machine's.

        Raises:
            PreconditionError: it does.
        """
        image = self._folder / "probe.img"
        copy_image(self._recording.base, image)
        with block_device.mounted(image, self._folder / "probe", self._file_system):
            pass


def words_of(state: DiskState, log: Sequence[LogEntry]) -> str:
    """Say which cut it was, for people."""
    durable = sum(not entry.is_flush for entry in log[: state.base])
    n_writes = sum(not entry.is_flush for entry in log)
    if not state.kept:
        return f"after write {durable} of {n_writes} to the disk and a flush"
    since = ", ".join(str(1 + sum(not entry.is_flush for entry in log[:index])) for index in state.kept)
    return f"write {durable} of {n_writes} to the disk was flushed; of those after it the disk kept {since}"
