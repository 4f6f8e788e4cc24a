"""The lease of a rig as it lies in the work folder.

It says who holds it; here is decided whether that still counts. Whoever changes it holds the lock meanwhile. A
lease is void when its time is over or the rig was booted since; that of a run also when nobody keeps the run any
more. Then the holder's reservation below it, if there was one, counts again.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from hilrig.core.errors import RecordError, RigBusyError
from hilrig.core.rig import RigLeaseRecord
from hilrig.core.units import NS_PER_S
from hilrig.rig.agent.disk import disk_error, read_json, write_json
from hilrig.rig.agent.keeper_file import boot_id, keeper_lives
from hilrig.rig.agent.layout import RunFolder, WorkFolder, safe_run_id
from hilrig.rig.agent.seconds import boottime_ns

_LOCK_FLAGS: Final = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
_TEXTS: Final = ("holder", "run_id", "note", "boot_id", "since_utc")


@contextmanager
def locked(work: WorkFolder) -> Iterator[None]:
    """Let nobody else change the lease while the body runs; waits for whoever does so now.

    Raises:
        PreconditionError: the lock file cannot be made.
    """
    fd = _open_lock(work)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


@contextmanager
def locked_if_free(work: WorkFolder) -> Iterator[bool]:
    """Do the same, but wait for nobody: gives whether the lock is held.

    Raises:
        PreconditionError: the lock file cannot be made.
    """
    fd = _open_lock(work)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield True
    except BlockingIOError:
        yield False
    finally:
        os.close(fd)


def standing_lease(work: WorkFolder) -> RigLeaseRecord | None:
    """Return the lease that counts, None while the rig is free.

    Raises:
        RigBusyError: lease.json cannot be read: somebody may hold the rig.
    """
    try:
        lease = read_lease(work.lease)
        if lease is None or counts(work, lease):
            return lease
        return reservation_below(work.run(safe_run_id(lease.run_id))) if lease.run_id else None
    except RecordError as error:
        raise RigBusyError(
            f"the lease of the rig cannot be read: {error.message}",
            hint="make sure that nobody uses the rig, then: hilrig rigs release NAME --force",
        ) from error


def counts(work: WorkFolder, lease: RigLeaseRecord) -> bool:
    """Return whether a lease still holds the rig."""
    if not _is_in_time(lease):
        return False
    return not lease.run_id or keeper_lives(work.run(lease.run_id))


def reservation_below(run: RunFolder) -> RigLeaseRecord | None:
    """Return the reservation that the run was started under, None when there was none or its time is over.

    Raises:
        RecordError: it cannot be read.
    """
    lease = read_lease(_reservation(run))
    return lease if lease is not None and _is_in_time(lease) else None


def lay_below(run: RunFolder, lease: RigLeaseRecord) -> None:
    """Keep a reservation that counts again when the run has ended.

    Raises:
        PreconditionError: the disk is full or read-only.
    """
    write_lease(_reservation(run), lease)


def forget_below(run: RunFolder) -> None:
    """Have no reservation come back when the run has ended."""
    _reservation(run).unlink(missing_ok=True)


def give_back(work: WorkFolder, run: RunFolder) -> None:
    """End the lease of a run, if it still is the run's; the caller holds the lock.

    Raises:
        PreconditionError: the disk is full or read-only.
        RecordError: a record cannot be read.
    """
    lease = read_lease(work.lease)
    if lease is None or lease.run_id != run.run_id:
        return
    below = reservation_below(run)
    if below is None:
        work.lease.unlink(missing_ok=True)
    else:
        write_lease(work.lease, below)


def read_lease(path: Path) -> RigLeaseRecord | None:
    """Return the lease in `path`, None when there is none.

    Raises:
        RecordError: it is no lease.
    """
    found = read_json(path)
    return None if found is None else _record(path, found)


def write_lease(path: Path, lease: RigLeaseRecord) -> None:
    """Replace the lease in `path`.

    Raises:
        PreconditionError: the disk is full or read-only.
    """
    write_json(path, asdict(lease))


def left_s(lease: RigLeaseRecord) -> float:
    """Return for how long it holds yet, in seconds."""
    return max(0, lease.expires_boottime_ns - boottime_ns()) / NS_PER_S


def _open_lock(work: WorkFolder) -> int:
    try:
        return os.open(work.lease_lock, _LOCK_FLAGS, 0o600)
    except OSError as error:
        raise disk_error(work.path, error, needed_bytes=0) from error


def _is_in_time(lease: RigLeaseRecord) -> bool:
    return lease.boot_id == boot_id() and left_s(lease) > 0


def _reservation(run: RunFolder) -> Path:
    return run.path / "reservation.json"


def _record(path: Path, found: dict[str, Any]) -> RigLeaseRecord:
    expires_ns = found.get("expires_boottime_ns")
    texts = {name: text for name in _TEXTS if isinstance(text := found.get(name), str)}
    if type(expires_ns) is not int or len(texts) < len(_TEXTS):
        raise RecordError(f"{path} is no lease: expected {', '.join(_TEXTS)} and expires_boottime_ns")
    return RigLeaseRecord(**texts, expires_boottime_ns=expires_ns)
