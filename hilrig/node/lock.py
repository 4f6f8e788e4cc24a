"""One process at a time changes a store."""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from typing import Final

from hilrig.node.disk import Disk, ReadOnlyDisk
from hilrig.node.layout import LOCK
from hilrig.node.store_fault import StoreBusyError

_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC  # a disk that went read-only can be locked all the same
_SAY: Final = os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
_HOLDER_MAX_BYTES: Final = 4096
_POLL_S: Final = 0.02


@contextmanager
def store_lock(disk: Disk, *, doing: str, wait_s: float = 0.0) -> Iterator[None]:
    """Hold the store while the block runs.

    The kernel's lock on a file ends with the process that took it, so there is no stale lock. What the file says
    only tells others who holds it: no state hangs on it, so it is not in the record of file calls either.

    Args:
        disk: of the store; one on which nothing changes needs no lock.
        doing: what for, as others are told.
        wait_s: how long another one is waited for.

    Raises:
        StoreBusyError: another process holds it.
        OSError: the lock file cannot be opened.
    """
    if isinstance(disk, ReadOnlyDisk):
        yield
        return
    fd = _take(disk, wait_s)
    try:
        _say(disk, _holder(doing))
        yield
    finally:
        _say(disk, b"")
        # Closing alone would leave the lock with a child that was forked, or has not quite started, meanwhile.
        fcntl.flock(fd, fcntl.LOCK_UN)
        os.close(fd)


def _take(disk: Disk, wait_s: float) -> int:
    if not disk.exists(LOCK):
        with suppress(FileExistsError):  # another one was faster
            disk.write_file(LOCK, b"")
    fd = os.open(disk.folder / LOCK, _READ)
    end_s = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() < end_s:
                time.sleep(_POLL_S)
                continue
            busy = _busy(disk, os.pread(fd, _HOLDER_MAX_BYTES, 0))
            os.close(fd)
            raise busy from error
        except OSError:
            os.close(fd)
            raise
        return fd


def _say(disk: Disk, text: bytes) -> None:
    with suppress(OSError):  # a full disk keeps nobody from making room
        fd = os.open(disk.folder / LOCK, _SAY)
        try:
            os.write(fd, text)
        finally:
            os.close(fd)


def _holder(doing: str) -> bytes:
    since = datetime.now(timezone.utc).isoformat(timespec="seconds")
    return json.dumps({"pid": os.getpid(), "doing": doing, "since_utc": since}).encode()


def _busy(disk: Disk, text: bytes) -> StoreBusyError:
    try:
        holder = json.loads(text)
        who = f"process {holder['pid']} ({holder['doing']}, since {holder['since_utc']})"
    except (ValueError, LookupError, TypeError):
        who = "another process"
    return StoreBusyError(
        f"{disk.folder} is being changed by {who}", hint="wait until that is done, and run it again"
    )
