"""Starts queued runs, one after the other, each as soon as the rig is free; sleeps in the kernel until then."""

import fcntl
import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from hilrig.app.web.queue import Queue, QueuedRun
from hilrig.core.errors import HilrigError, RigBusyError
from hilrig.rig.lease import LOCK_FILE

RETRY_S: Final = 1.0
"""After somebody else took the rig between our look and our start."""

_HOLDER_MAX_BYTES: Final = 4096


class Starter:
    """Takes runs from the queue in a thread of its own.

    A run inherits the priority of the thread that starts it, so this thread must be started before the server
    lowers its own.

    Args:
        queue: where runs wait.
        lease_folder: of the rig's lock.
        start: starts a run that outlives this process and returns its directory; a HilrigError refuses it.
        on_change: called when `holder` changes.
    """

    def __init__(
        self,
        queue: Queue,
        *,
        lease_folder: Path,
        start: Callable[[QueuedRun], Path],
        on_change: Callable[[], None],
    ) -> None:
        self._queue = queue
        self._lease_folder = lease_folder
        self._start = start
        self._on_change = on_change
        self.holder = ""

    def start_thread(self) -> threading.Thread:
        """Begin; the thread ends with the process."""
        thread = threading.Thread(target=self._work, name="starter", daemon=True)
        thread.start()
        return thread

    def _work(self) -> None:
        while True:
            self._queue.wait_for_next()
            wait_until_free(self._lease_folder, on_wait=self._waits_for)
            self._waits_for("")
            run = self._queue.begin()
            if run is not None and not self._begun(run):
                time.sleep(RETRY_S)

    def _begun(self, run: QueuedRun) -> bool:
        """Return whether the run is settled: started or refused."""
        try:
            self._start(run)
        except RigBusyError:
            self._queue.put_back(run.entry_id)
            return False
        except HilrigError as error:
            self._queue.refuse(run.entry_id, reason=error.message, hint=error.hint)
        except Exception as error:  # noqa: BLE001 - one run's accident must not end the queue; a person reads it
            self._queue.refuse(run.entry_id, reason=f"hilrig failed: {error!r}", hint="hilrig doctor")
        else:
            self._queue.started(run.entry_id)
        return True

    def _waits_for(self, holder: str) -> None:
        if holder != self.holder:
            self.holder = holder
            self._on_change()


def wait_until_free(folder: Path, *, on_wait: Callable[[str], None]) -> None:
    """Return when no run holds the rig whose lock is in `folder`; nothing is polled.

    Args:
        folder: of the rig's lock.
        on_wait: called with who holds it, once, when there is a need to wait.
    """
    try:
        fd = os.open(folder / LOCK_FILE, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return  # never held, or not to be read: the run itself tells what is wrong
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        on_wait(_holder(os.pread(fd, _HOLDER_MAX_BYTES, 0)))
        fcntl.flock(fd, fcntl.LOCK_SH)
    finally:
        os.close(fd)


def _holder(content: bytes) -> str:
    """Return who holds the rig, for a person; any user may have written the file."""
    try:
        found = json.loads(content)
        run_id, user, since = (_printable(found[key]) for key in ("run_id", "user", "since_utc"))
    except (ValueError, KeyError, TypeError):
        return "another run"
    return f"run {run_id} (user {user}) since {since}"


def _printable(value: object) -> str:
    return "".join(character for character in str(value)[:100] if character.isprintable())
