"""The lease of a rig: one run at a time on one machine."""

import fcntl
import getpass
import json
import os
from datetime import datetime, timezone
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from hilrig.core.errors import PreconditionError, RigBusyError

LOCK_FILE: Final = "rig.lock"
_HOLDER_MAX_BYTES: Final = 4096
_EVERY_USER: Final = 0o666


class RigLease:
    """Holds the rig while its `with` block runs.

    The kernel's lock on a file is the lease: it ends with the process that took it, however that ends, so there is
    no stale lease. What the file says only tells others who holds it.

    Args:
        folder: where the lock file lives; the same for every run on this machine.
        run_id: the run that asks.

    Raises:
        RigBusyError: on entry, when another run holds the rig.
        PreconditionError: on entry, when the lock file can't be written.
    """

    def __init__(self, folder: Path, *, run_id: str) -> None:
        self._path = folder / LOCK_FILE
        self._run_id = run_id
        self._fd: int | None = None

    def __enter__(self) -> None:
        try:
            self._fd = self._take()
        except OSError as error:
            raise PreconditionError(
                f"{self._path}: expected a lock file that can be written, found: {error.strerror}",
                hint=f"let user {_user()} write {self._path.parent} and {LOCK_FILE} in it",
            ) from error

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._fd is not None:
            os.ftruncate(self._fd, 0)
            # Closing alone would leave the lock with a child that was forked, or has not quite started, meanwhile.
            fcntl.flock(self._fd, fcntl.LOCK_UN)
            os.close(self._fd)
            self._fd = None

    def _take(self) -> int:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fd = _open(self._path)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(fd, 0)
            os.pwrite(fd, self._holder(), 0)
        except BlockingIOError as error:
            busy = _busy(os.pread(fd, _HOLDER_MAX_BYTES, 0))
            os.close(fd)
            raise busy from error
        except OSError:
            os.close(fd)
            raise
        return fd

    def _holder(self) -> bytes:
        since = datetime.now(timezone.utc).isoformat(timespec="seconds")
        return json.dumps(
            {"run_id": self._run_id, "pid": os.getpid(), "user": _user(), "since_utc": since}
        ).encode()


def _open(path: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW  # never write where a planted link points
    try:
        fd = os.open(path, flags | os.O_EXCL, _EVERY_USER)
    except FileExistsError:
        return os.open(path, flags & ~os.O_CREAT)
    os.fchmod(fd, _EVERY_USER)  # users of one machine take turns, whatever the umask of the first
    return fd


def _busy(content: bytes) -> RigBusyError:
    holder = _read_holder(content)
    if holder is None:
        return RigBusyError(
            "the rig is held by another run, which has not written its name yet",
            hint="try again in a moment",
        )
    run_id, pid, user, since = (_printable(holder.get(key)) for key in ("run_id", "pid", "user", "since_utc"))
    return RigBusyError(
        f"the rig is held by run {run_id} (pid {pid}, user {user}) since {since}",
        hint="wait until it ends; Ctrl-C in its terminal ends it in order",
    )


def _read_holder(content: bytes) -> dict[str, Any] | None:
    try:
        holder = json.loads(content)
    except ValueError:  # written by hand, or just now
        return None
    return holder if isinstance(holder, dict) else None


def _printable(value: object) -> str:
    # Any user may write the file: nothing in it may reach a terminal as a control sequence, or run on for pages.
    return "".join(character for character in str(value)[:100] if character.isprintable())


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user id without a name, as in many containers
        return str(os.getuid())
