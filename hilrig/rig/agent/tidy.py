"""Removing what nobody needs any more.

That is a run that was fetched, and old runs, half uploads, files and wheels. What lives is never touched: a run
whose keeper is there, and whatever somebody used within the last hour, because an upload may be under way that
is not yet a run.
"""

import os
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, Final

from hilrig.core.errors import RecordError, RigBusyError
from hilrig.core.units import BYTES_PER_MIB
from hilrig.rig.agent.arguments import count_of, run_of, work_folder_of
from hilrig.rig.agent.keeper_file import keeper_lives
from hilrig.rig.agent.layout import RunFolder, WorkFolder
from hilrig.rig.agent.lease_record import counts, give_back, locked, read_lease
from hilrig.rig.agent.seconds import seconds_of

IN_USE_S: Final = 3600.0
"""An upload that has not moved for this long has no client any more, also over the slowest link."""

WHEEL_UNUSED_S: Final = 7 * 24 * 3600.0
"""Each call of a client marks its wheel as used; one of last week's commits is not coming back."""

_CLOCK_WAS_SET_S: Final = 1_577_836_800.0
"""2020-01-01: no rig that has the time has files of this harness from before."""

_GONE: Final = ".gone-"
"""Begins the name of a folder that is being removed: half removed, it is still no run."""


def fetched(arguments: Mapping[str, Any], stream: BinaryIO) -> Iterator[Mapping[str, Any]]:  # noqa: ARG001 - a verb's form
    """Remove a run's folder: the client has everything.

    Raises:
        RigLostError: there is no such run.
        RigBusyError: the run still goes on.
    """
    work, run = work_folder_of(arguments), run_of(arguments)
    if keeper_lives(run):
        raise RigBusyError(f"run {run.run_id} still goes on", hint="wait until it has ended, or cancel it")
    _remove_run(work, run)
    yield {"removed": run.run_id}


def tidy(arguments: Mapping[str, Any], stream: BinaryIO) -> Iterator[Mapping[str, Any]]:  # noqa: ARG001 - a verb's form
    """Remove dead leases, runs untouched for `keep_runs_s`, half uploads, blobs over `keep_blobs_mib`, old wheels.

    Answers what was removed: `lease` (its holder, or None), `runs` (their ids), `n_parts`, `n_blobs`, `n_wheels`,
    `freed_mib` (of half uploads and blobs).
    """
    work = work_folder_of(arguments)
    keep_runs_s, keep_blobs_mib = seconds_of(arguments, "keep_runs_s"), count_of(arguments, "keep_blobs_mib")
    lease = _remove_dead_lease(work)
    runs = _remove_old_runs(work, keep_runs_s)
    parts = _remove(path for path in _files(work.blobs) if path.suffix and _unused_s(path) > IN_USE_S)
    blobs = _remove(_least_used(_files(work.blobs), keep_bytes=keep_blobs_mib * BYTES_PER_MIB))
    yield {
        "lease": lease,
        "runs": runs,
        "n_parts": len(parts),
        "n_blobs": len(blobs),
        "n_wheels": _remove_wheels(work),
        "freed_mib": round(sum(parts + blobs) / BYTES_PER_MIB, 1),
    }


def _remove_dead_lease(work: WorkFolder) -> str | None:
    with locked(work):
        try:
            lease = read_lease(work.lease)
        except RecordError:  # somebody may hold the rig: `release --force` is for a person
            return None
        if lease is None or counts(work, lease):
            return None
        if lease.run_id:
            give_back(work, work.run(lease.run_id))  # a reservation below it counts again
        else:
            work.lease.unlink()
        return lease.holder


def _remove_old_runs(work: WorkFolder, keep_s: float) -> list[str]:
    removed = []
    for folder in _folders(work.runs):
        if folder.name.startswith(_GONE):  # of a removal that was interrupted
            shutil.rmtree(folder, ignore_errors=True)
            continue
        run = RunFolder(folder)
        # A run without a keeper may be about to get one: the lease verb makes the folder first.
        if _run_unused_s(run) > max(keep_s, 0 if run.keeper.exists() else IN_USE_S) and not keeper_lives(run):
            _remove_run(work, run)
            removed.append(run.run_id)
    return removed


def _remove_run(work: WorkFolder, run: RunFolder) -> None:
    gone = run.path.with_name(_GONE + run.run_id)
    with locked(work):
        give_back(work, run)
        with suppress(FileNotFoundError):  # somebody else removes it just now
            run.path.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)


def _run_unused_s(run: RunFolder) -> float:
    touched = (run.path, run.keeper, run.events, run.followed, run.manifest, run.job)
    return min(_unused_s(path) for path in touched if path.exists())


def _least_used(blobs: list[Path], *, keep_bytes: int) -> Iterator[Path]:
    """Yield the blobs to remove, the one that nobody used for longest first, until the rest fits.

    A blob with a second name is in a run's profile, and removing it would free nothing.
    """
    total_bytes = sum(path.lstat().st_size for path in blobs)
    for path in sorted(blobs, key=_unused_s, reverse=True):
        if total_bytes <= keep_bytes:
            return
        if path.lstat().st_nlink == 1 and _unused_s(path) > IN_USE_S:
            total_bytes -= path.lstat().st_size
            yield path


def _remove_wheels(work: WorkFolder) -> int:
    """Remove wheels of last week and halves of unpacked ones, but none while a run may be using it."""
    if any(keeper_lives(RunFolder(folder)) for folder in _folders(work.runs)):
        return 0
    own = Path(__file__).resolve()
    old = [
        folder
        for folder in _folders(work.wheels)
        if _unused_s(folder) > (IN_USE_S if folder.name.startswith(".") else WHEEL_UNUSED_S)
        and folder.resolve() not in own.parents
    ]
    for folder in old:
        shutil.rmtree(folder, ignore_errors=True)
    return len(old)


def _remove(paths: Iterable[Path]) -> list[int]:
    """Remove files; return their sizes in bytes."""
    sizes = []
    for path in paths:
        sizes.append(path.lstat().st_size)
        path.unlink(missing_ok=True)
    return sizes


def _files(folder: Path) -> list[Path]:
    return [path for path in _entries(folder) if path.is_symlink() or path.is_file()]


def _folders(folder: Path) -> list[Path]:
    return [path for path in _entries(folder) if path.is_dir() and not path.is_symlink()]


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _unused_s(path: Path) -> float:
    """Return for how long nobody has changed or touched it.

    A rig without a clock of its own begins in 1970, until the network tells it the time: a date from then says
    nothing, and counting starts now. A clock that was set back makes everything look used.
    """
    changed_s = path.lstat().st_mtime
    if changed_s < _CLOCK_WAS_SET_S:
        os.utime(path, follow_symlinks=False)
        return 0.0
    return time.time() - changed_s
