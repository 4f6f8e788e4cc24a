"""A file of /proc or /sys that stays open to be read at every round.

Reading a kept descriptor with `pread` costs a third to a ninth of open, read, close. It also stays with the
process that it was opened for: when that one is gone, a new one with the same number is not read by mistake.
"""

import errno
import os
from pathlib import Path
from typing import Final

from hilrig.core.telemetry import Reason

_CHUNK_BYTES: Final = 1 << 16

_REASONS: Final = {
    errno.EAGAIN: Reason.OFFLINE,  # what a powered-down thermal sensor of a Jetson answers
    errno.ENODATA: Reason.OFFLINE,
    errno.EACCES: Reason.NO_PERMISSION,
    errno.EPERM: Reason.NO_PERMISSION,
    errno.EROFS: Reason.NO_PERMISSION,
    errno.EOPNOTSUPP: Reason.NOT_SUPPORTED,  # pressure files of a kernel started with psi=0
    errno.ENOENT: Reason.LOST,
    errno.ENODEV: Reason.LOST,
    errno.ENXIO: Reason.LOST,
    errno.ESRCH: Reason.LOST,  # a /proc/PID file of a process that ended
}


class KeptFile:
    """One file, opened when built. Nothing here raises: what can't be done is a reason, in words in `detail`.

    Args:
        path: what to open.
        flags: for `os.open`: O_RDONLY or O_WRONLY.
    """

    def __init__(self, path: Path, flags: int = os.O_RDONLY) -> None:
        self._path = path
        self._fd: int | None = None
        self._unopened = Reason.LOST
        self.detail = ""
        try:
            self._fd = os.open(path, flags)
        except OSError as error:
            missing = error.errno in {errno.ENOENT, errno.ENOTDIR}
            self._unopened = Reason.ABSENT if missing else self._reason(error)
            self.detail = f"{path}: {error.strerror}"

    def read(self) -> bytes | Reason:
        """Return the whole content as it is now, or why there is none."""
        if self._fd is None:
            return self._unopened
        self.detail = ""
        try:
            return _read_whole(self._fd)
        except OSError as error:
            return self._reason(error)

    def write(self, data: bytes) -> Reason | None:
        """Write `data` at the start; return why that failed, None when it worked."""
        if self._fd is None:
            return self._unopened
        try:
            os.pwrite(self._fd, data, 0)
        except OSError as error:
            return self._reason(error)
        return None

    def unexpected(self) -> Reason:
        """Return ERROR, and say in `detail` that the content is not what the kernel documents."""
        self.detail = f"{self._path}: unexpected content"
        return Reason.ERROR

    def close(self) -> None:
        """Close the file; reads then answer LOST."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _reason(self, error: OSError) -> Reason:
        self.detail = f"{self._path}: {error.strerror}"
        return _REASONS.get(error.errno or 0, Reason.ERROR)


def _read_whole(fd: int) -> bytes:
    # A sequence file such as /proc/vmstat hands out about a page per call: only an empty answer is its end.
    data = chunk = os.pread(fd, _CHUNK_BYTES, 0)
    while chunk:
        chunk = os.pread(fd, _CHUNK_BYTES, len(data))
        data += chunk
    return data
