"""Every state of a disk that a power cut in the midst of recorded file calls could have left. Pure.

A cut can come before and after every call. Of a file that was not synced its unsynced part is dropped, kept or
torn; of a folder that was not synced any number of its latest changes is missing, independently of other folders.
"""

import hashlib
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import product
from math import prod
from typing import Final

from hilrig.core.power_loss import UpdateStep
from hilrig.faults.call_trace import FileCall, Op
from hilrig.faults.disk_model import DiskModel, File, Folder, Link, apply_to_bytes

STATES_PER_CUT_MAX: Final = 512
"""Combinations of lost and kept parts at one cut; beyond it they are drawn. A store that syncs what it should
stays far below: it never has more than a few files and folders open."""


class Unsynced(str, Enum):
    """What becomes of a file's unsynced part."""

    KEPT = "kept"
    DROPPED = "dropped"
    TORN = "torn"  # the last write half done
    ALL_BUT_LAST = "kept but for its last write"  # a file cut to nothing, and never filled again
    LAST_ONLY = "kept only in its last write"  # writes reach the disk in any order
    ZEROS = "zeros"  # the new size is there, its data is not: what delayed allocation leaves


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedStep:
    """A step of an episode, and the calls that it made."""

    step: UpdateStep
    calls: tuple[FileCall, ...]


LINK: Final = "link to "
Tree = Mapping[str, str | None]
"""A disk: path -> sha256 of the file's bytes; None for a folder; `link to TEXT` for a symbolic link."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CrashState:
    """One state that a cut could have left.

    Args:
        step: the step that was cut.
        at: where in it and what was lost, in words.
        allowed: the releases that may run in it.
        tree: the disk.
    """

    step: str
    at: str
    allowed: tuple[str, ...]
    tree: Tree

    @property
    def key(self) -> tuple[object, ...]:
        """Return what tells it from all others: the disk, and what may run on it."""
        return (self.allowed, *sorted(self.tree.items()))


class CrashStates:
    """The states of one or more episodes, each once; `contents` has the bytes of every file by their sha256.

    Args:
        seed: of the draws where there are too many states at one cut.
    """

    def __init__(self, *, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - draws states, guards no secret
        self._seen: set[tuple[object, ...]] = set()
        self._digests: dict[tuple[int, int, Unsynced], str] = {}
        self._outcomes: dict[tuple[int, int], tuple[Unsynced, ...]] = {}
        self.contents: dict[str, bytes] = {}
        self.states: list[CrashState] = []
        self.n_cuts = 0
        self.n_possible = 0  # combinations of lost and kept parts, over all cuts
        self.n_built = 0  # those that were looked at

    def add_episode(self, name: str, base: Folder, steps: Sequence[RecordedStep]) -> DiskModel:
        """Add every state of an episode that starts on `base`; return the disk at its end."""
        self._digests.clear()  # of other files: their ids may come again
        self._outcomes.clear()
        model = DiskModel(base)
        for recorded in steps:
            step, where = recorded.step, f"{name}: {recorded.step.name}"
            self._cut(model, where, "before its first file call", step.may_run_during)
            for at, call in zip(call_words(recorded.calls), recorded.calls, strict=True):
                model.apply(call)
                self._cut(model, where, f"after {at}", step.may_run_during)
            self._cut(model, where, "after it had reported that it is done", step.may_run_after)
        return model

    def _cut(self, model: DiskModel, step: str, at: str, allowed: tuple[str, ...]) -> None:
        files = [file for file in model.files if file.pending]
        folders = [folder for folder in model.folders if folder.pending]
        choices: list[Sequence[int | Unsynced]] = [
            *(range(len(folder.pending), folder.n_sure - 1, -1) for folder in folders),
            *(self._outcomes_of(file) for file in files),
        ]
        self.n_cuts += 1
        self.n_possible += prod(map(len, choices))
        for chosen in self._combinations(choices):
            self.n_built += 1
            kept = dict(zip(folders, chosen[: len(folders)], strict=True))
            lost = dict(zip(files, chosen[len(folders) :], strict=True))
            if _loses_no_file(kept):  # type: ignore[arg-type] # the first choices are numbers
                self._add(model.root, step, at, allowed, kept, lost)  # type: ignore[arg-type] # as above

    def _outcomes_of(self, file: File) -> tuple[Unsynced, ...]:
        key = (id(file), file.mark)
        if key not in self._outcomes:
            self._outcomes[key] = outcomes(file)
        return self._outcomes[key]

    def _combinations(self, choices: list[Sequence[int | Unsynced]]) -> Iterator[tuple[int | Unsynced, ...]]:
        """Yield all combinations; of too many the two extremes and a draw."""
        if prod(map(len, choices)) <= STATES_PER_CUT_MAX:
            yield from product(*choices)
            return
        yield tuple(options[0] for options in choices)
        yield tuple(options[-1] for options in choices)
        for _ in range(STATES_PER_CUT_MAX - 2):
            yield tuple(self._random.choice(options) for options in choices)

    def _add(
        self,
        root: Folder,
        step: str,
        at: str,
        allowed: tuple[str, ...],
        kept: Mapping[Folder, int],
        lost: Mapping[File, Unsynced],
    ) -> None:
        found: dict[File, str] = {}
        tree = dict(self._tree(root, "", kept, lost, found))
        words = _lost_words(kept, {path: lost[file] for file, path in found.items() if file in lost})
        state = CrashState(step=step, at="; ".join((at, *words)), allowed=allowed, tree=tree)
        if state.key not in self._seen:
            self._seen.add(state.key)
            self.states.append(state)

    def _tree(
        self,
        folder: Folder,
        prefix: str,
        kept: Mapping[Folder, int],
        lost: Mapping[File, Unsynced],
        found: dict[File, str],
    ) -> Iterator[tuple[str, str | None]]:
        for name, node in folder.after(kept.get(folder, 0)).items():
            if isinstance(node, File):
                found.setdefault(node, prefix + name)
                yield prefix + name, self._digest(node, lost.get(node, Unsynced.KEPT))
            elif isinstance(node, Link):
                yield prefix + name, LINK + node.text
            else:
                yield prefix + name, None
                yield from self._tree(node, f"{prefix}{name}/", kept, lost, found)

    def _digest(self, file: File, outcome: Unsynced) -> str:
        key = (id(file), file.mark, outcome)
        if key not in self._digests:
            data = bytes_after(file, outcome)
            digest = hashlib.sha256(data).hexdigest()
            self.contents[digest] = data
            self._digests[key] = digest
        return self._digests[key]


def outcomes(file: File) -> tuple[Unsynced, ...]:
    """Return what can become of a file's unsynced part, each outcome that differs from those before it."""
    first: dict[bytes, Unsynced] = {}
    for outcome in Unsynced:
        first.setdefault(bytes_after(file, outcome), outcome)
    return tuple(first.values())


def bytes_after(file: File, outcome: Unsynced) -> bytes:
    """Return a file's bytes after a cut."""
    calls = file.pending
    match outcome:
        case Unsynced.KEPT:
            return file.after(calls)
        case Unsynced.DROPPED:
            return file.durable
        case Unsynced.TORN:
            return file.after([*calls[:-1], *_half(calls[-1:])])
        case Unsynced.ALL_BUT_LAST:
            return file.after(calls[:-1])
        case Unsynced.LAST_ONLY:
            return file.after(calls[-1:])
        case Unsynced.ZEROS:
            return _zeros(file)


def _half(calls: list[FileCall]) -> Iterator[FileCall]:
    for call in calls:
        if call.op is Op.WRITE:
            half = call.data[: len(call.data) // 2]
            yield FileCall(op=Op.WRITE, path=call.path, offset=call.offset, data=half)


def _zeros(file: File) -> bytes:
    """Return what lasted of a file, and zeros up to its newest size."""
    data, smallest = bytearray(file.durable), len(file.durable)
    for call in file.pending:
        apply_to_bytes(data, call)
        smallest = min(smallest, len(data))
    return file.durable[:smallest] + bytes(max(0, len(data) - smallest))


def call_words(calls: Sequence[FileCall]) -> Iterator[str]:
    """Yield each call in words, with its number among those of its kind on its path."""
    counted: dict[tuple[Op, str], int] = {}
    for call in calls:
        key = (call.op, call.path)
        counted[key] = counted.get(key, 0) + 1
        if call.target:
            yield f"{call.op.value} of {call.path} to {call.target}"
        elif call.op is Op.FSYNC_FOLDER:
            yield f"fsync {counted[key]} of the folder {call.path}"
        else:
            yield f"{call.op.value} {counted[key]} of {call.path}"


def _loses_no_file(kept: Mapping[Folder, int]) -> bool:
    """Return whether every name that was taken away had its file renamed to is there."""
    for folder, n_changes in kept.items():
        for change in folder.pending[:n_changes]:
            needed = change.needs
            if needed is not None and needed in needed.folder.pending[kept.get(needed.folder, 0) :]:
                return False
    return True


def _lost_words(kept: Mapping[Folder, int], lost: Mapping[str, Unsynced]) -> Iterator[str]:
    for folder, n_changes in kept.items():
        n_lost = len(folder.pending) - n_changes
        if n_lost:
            yield f"the last {n_lost} of {len(folder.pending)} changes of names in {folder.path} lost"
    for path, outcome in lost.items():
        if outcome is not Unsynced.KEPT:
            yield f"unsynced part of {path} {outcome.value}"
