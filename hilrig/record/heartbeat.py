"""The live status of a run, from which others see whether its process still lives."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hilrig.core import files
from hilrig.core.canonical import canonical_json
from hilrig.core.clock import Clock
from hilrig.core.errors import RecordError
from hilrig.core.units import BYTES_PER_MIB, NS_PER_S
from hilrig.record.run_directory import replacing, write_all
from hilrig.record.untrusted_file import read_json_object
from hilrig.record.utc import utc_text

STATUS_MAX_BYTES: Final = BYTES_PER_MIB
HEARTBEAT_MAX_AGE_NS: Final = (
    10 * NS_PER_S
)  # ten missed updates: an SD card's flush may hold the writer for seconds


_STARTTIME: Final = 19
"""Of the fields behind the name, which is the second: proc(5) counts it as the 22nd."""

SILENT_PHASES: Final = frozenset({"done", "judging"})
"""The files are complete and about to be signed: nobody writes the status any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """The last sign of life of a run's process. `heartbeat_ns` is CLOCK_MONOTONIC of the boot `boot_id`.

    `phase` is where the run stood; in some it gives no further sign. `began_ticks` is when the process began, in
    clock ticks after the boot: its number may be another's by now. None where a status of older runs lacks it.
    """

    heartbeat_ns: int
    pid: int
    boot_id: str
    phase: str = ""
    began_ticks: int | None = None

    def age_ns(self, clock: Clock) -> int | None:
        """Return how old it is; None when it comes from another boot."""
        return clock.monotonic_ns() - self.heartbeat_ns if self.boot_id == boot_id() else None

    def is_fresh(self, clock: Clock, *, max_age_ns: int = HEARTBEAT_MAX_AGE_NS) -> bool:
        """Return whether it comes from this boot and is young enough, or no younger one is to be expected."""
        age_ns = self.age_ns(clock)
        return age_ns is not None and age_ns >= 0 and (age_ns <= max_age_ns or self.phase in SILENT_PHASES)

    def process_lives(self) -> bool:
        """Return whether the process runs; in older runs it need not be the same, only one with its number."""
        if self.boot_id != boot_id() or not _exists(self.pid):
            return False
        return self.began_ticks is None or _began_ticks(self.pid) in {self.began_ticks, None}


def write_status(folder: Path, status: Mapping[str, Any], *, clock: Clock) -> None:
    """Replace status.json by `status` with a heartbeat: readers see the old one or the new one, whole.

    Raises:
        RecordError: `status` is not JSON.
        OSError: the disk is full or broken; the old status stands.
    """
    now = clock.triple()
    heartbeat = {
        "heartbeat_ns": now.monotonic_ns,
        "at_utc": utc_text(now.realtime_ns),
        "pid": os.getpid(),
        "began_ticks": _began_ticks(os.getpid()),
        "boot_id": boot_id(),
    }
    try:
        data = canonical_json({**status, **heartbeat})
    except (ValueError, TypeError) as error:
        raise RecordError(f"the status of a run should be JSON: {error}") from error
    with replacing(
        folder / files.STATUS
    ) as fd:  # no flush: it is for live readers, and another follows in a second
        write_all(fd, data, 0)


def read_status(folder: Path) -> dict[str, Any] | None:
    """Return status.json, None when there is none.

    Raises:
        RecordError: it is no JSON object, is a link, or is too large.
    """
    return read_json_object(folder / files.STATUS, max_bytes=STATUS_MAX_BYTES)


def heartbeat_of(status: Mapping[str, Any]) -> Heartbeat:
    """Return the heartbeat in a status.

    Raises:
        RecordError: a part is missing or of another type.
    """
    heartbeat_ns, pid, boot = (status.get(key) for key in ("heartbeat_ns", "pid", "boot_id"))
    if type(heartbeat_ns) is not int or type(pid) is not int or not isinstance(boot, str):
        raise RecordError(f"{files.STATUS}: expected heartbeat_ns, pid and boot_id, found {sorted(status)}")
    began = status.get("began_ticks")
    return Heartbeat(
        heartbeat_ns=heartbeat_ns,
        pid=pid,
        boot_id=boot,
        phase=str(status.get("phase", "")),
        began_ticks=began if type(began) is int else None,
    )


def boot_id() -> str:
    """Return the kernel's id of this boot (Linux, random.c: /proc/sys/kernel/random/boot_id).

    Raises:
        RecordError: the kernel does not tell.
    """
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError as error:
        raise RecordError(f"the kernel does not tell its boot id: {error.strerror}") from error


def _exists(pid: int) -> bool:
    if pid <= 0:
        return False  # 0 and below address groups of processes
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return not _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    """Return whether a process has ended and its parent has not asked how yet."""
    return _stat(pid)[:1] == [b"Z"]


def _began_ticks(pid: int) -> int | None:
    """Return when a process began, in clock ticks after the boot; None when it cannot be told."""
    fields = _stat(pid)
    return int(fields[_STARTTIME]) if len(fields) > _STARTTIME else None


def _stat(pid: int) -> list[bytes]:
    """Return the fields of a process behind its name (proc(5), `stat`); none when it is gone or hidden."""
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return []
