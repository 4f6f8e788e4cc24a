"""What goes wrong with a store, with the code that is shown for it.

Its logs and its status show it.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hilrig.core.errors import StoreError
from hilrig.core.exits import ExitCode

DAMAGED = "HR-101"
STATE_UNREADABLE = "HR-102"
DISK_REFUSES = "HR-103"
TRIES_USED_UP = "HR-104"
RELEASE_REFUSED = "HR-105"
NO_RELEASE = "HR-201"


class StoreFault(StoreError):  # noqa: N818 - a fault of the store with its code; StoreError is its base
    """A store that is not safe, or refuses what was asked.

    Args:
        code: from `hilrig.core.error_codes`.
    """

    def __init__(self, message: str, *, code: str, hint: str = "") -> None:
        super().__init__(f"{code}: {message}", hint=hint)
        self.code = code


class StoreBusyError(StoreError):
    """Another process is changing the store: nothing is wrong, come back when it is done."""

    exit_code = ExitCode.RIG_BUSY


@contextmanager
def disk_faults(store: Path) -> Iterator[None]:
    """Turn what a disk says into what a person can act on.

    Raises:
        StoreFault: HR-103.
    """
    try:
        yield
    except OSError as error:
        at = os.fspath(error.filename) if error.filename else str(store)
        denied = error.errno in {errno.EACCES, errno.EPERM}
        raise StoreFault(
            f"the disk of {store} refuses: {error.strerror or error} ({at})",
            code=DISK_REFUSES,
            hint=f"run it as the user who owns {store}" if denied else f"df {store}, then the kernel's log: dmesg",
        ) from error
