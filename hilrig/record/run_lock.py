"""The lock on a run directory: one process at a time writes or recovers it."""

import fcntl
import os
from pathlib import Path

from hilrig.core.errors import RecordError


def lock_run(folder: Path) -> int:
    """Take the lock of a run directory; return the descriptor that holds it, until closed or the process ends.

    Raises:
        RecordError: another process holds it, or there is no such folder.
    """
    try:
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise RecordError(f"{folder} should be a run directory: {error.strerror}") from error
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(fd)
        raise RecordError(
            f"{folder} is still being written by another process", hint="wait until the run ends: hilrig list"
        ) from error
    except OSError as error:
        os.close(fd)
        raise RecordError(f"{folder} cannot be locked: {error.strerror}") from error
    return fd
