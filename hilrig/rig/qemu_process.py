"""The QEMU process of a virtual rig, told from any other that later has its pid."""

import json
import os
import signal
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from hilrig.core.errors import RigLostError
from hilrig.rig.identity import boot_id

END_LIMIT_S: Final = 10.0
"""A killed process is gone at once; one that waits for a dead disk is not, and nothing here can help it."""
POLL_S: Final = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class QemuProcess:
    """One process of one boot.

    Args:
        pid: as this machine counts them.
        start_ticks: field 22 of /proc/PID/stat (proc(5)): clock ticks since boot.
        boot_id: of this machine's boot that it runs in.
    """

    pid: int
    start_ticks: int
    boot_id: str

    @property
    def lives(self) -> bool:
        """Whether it is still there; a zombie is not."""
        return self.boot_id == boot_id(Path("/")) and _start_ticks(self.pid) == self.start_ticks

    def kill(self) -> None:
        """End it at once, as a power cut does; return when it is gone.

        Raises:
            RigLostError: it is not ours to kill, or does not go.
        """
        try:
            handle = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return
        try:
            if self.lives:  # the handle came first: what is checked here is what is killed
                signal.pidfd_send_signal(handle, signal.SIGKILL)
        except OSError as error:
            raise RigLostError(
                f"QEMU (pid {self.pid}) can't be killed: {error.strerror}",
                hint="it belongs to another user: ask the one who started the virtual rig",
            ) from error
        finally:
            os.close(handle)
        self._wait_gone()

    def _wait_gone(self) -> None:
        deadline_s = time.monotonic() + END_LIMIT_S
        while self.lives:
            if time.monotonic() > deadline_s:
                raise RigLostError(
                    f"QEMU (pid {self.pid}) is still there {END_LIMIT_S:g} s after it was killed",
                    hint="it waits for a disk that does not answer: see `dmesg`",
                )
            time.sleep(POLL_S)


def running(pid: int) -> QemuProcess | None:
    """Return the process that has this pid now; None when there is none."""
    ticks = _start_ticks(pid)
    return None if ticks is None else QemuProcess(pid=pid, start_ticks=ticks, boot_id=boot_id(Path("/")))


def write_process(path: Path, process: QemuProcess) -> None:
    """Keep which process it is, for whoever cuts the power later."""
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps(asdict(process)), encoding="ascii")
    draft.replace(path)


def read_process(path: Path) -> QemuProcess | None:
    """Return the process that was kept, if it lives; None also when the file is missing or damaged."""
    try:
        process = QemuProcess(**json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError):
        return None
    return process if process.lives else None


def _start_ticks(pid: int) -> int | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        state, *fields = text.rpartition(")")[2].split()  # the name before it may hold spaces and brackets
    except (OSError, ValueError):
        return None
    return None if state in {"Z", "X"} else int(fields[18])
