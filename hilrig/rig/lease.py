"""The lease of a rig: one run at a time on one machine."""

import fcntl
import getpass
import json
import os
from contextlib import ExitStack, suppress
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
    no stale lease. The file's folder is locked as well: whoever deletes the file does not free the rig. What the
    file says only tells others who holds it.

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
        self._fds: tuple[int, ...] = ()

    def __enter__(self) -> None:
        try:
            self._fds = self._take()
        except OSError as error:
            raise PreconditionError(
                f"{self._path}: expected a lock file that can be written, found: {error.strerror}",
                hint=f"let user {_user()} write {self._path.parent} and {LOCK_FILE} in it",
            ) from error

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._fds:
            os.ftruncate(self._fds[0], 0)
        for fd in self._fds:
            # Closing alone would leave the lock with a child that was forked, or has not quite started, meanwhile.
            with suppress(OSError):
                fcntl.flock(fd, fcntl.LOCK_UN)
            os.close(fd)
        self._fds = ()

    def _take(self) -> tuple[int, int]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with ExitStack() as opened:
            file_fd = _open(self._path)
            opened.callback(os.close, file_fd)
            folder_fd = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
            opened.callback(os.close, folder_fd)
            try:
                fcntl.flock(file_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _lock_folder(folder_fd)
            except BlockingIOError as error:
                raise _busy(os.pread(file_fd, _HOLDER_MAX_BYTES, 0)) from error
            os.ftruncate(file_fd, 0)
            os.pwrite(file_fd, self._holder(), 0)
            opened.pop_all()
        return file_fd, folder_fd

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


def _lock_folder(fd: int) -> None:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:  # a network file system locks only what is open for writing (flock(2)), which no folder is
        return


def _busy(content: bytes) -> RigBusyError:
    holder = _read_holder(content)
    if holder is None:
        return RigBusyError(
            f"the rig is held by another run, whose name is not in {LOCK_FILE}",
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
