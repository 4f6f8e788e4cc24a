"""The local run directory of a run on a rig while it goes on there: every live view reads it like one of here."""

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from hilrig.core.canonical import canonical_json
from hilrig.core.clock import Clock
from hilrig.core.errors import RecordError, RigLostError
from hilrig.core.files import EVENTS
from hilrig.record.heartbeat import read_status, write_status
from hilrig.record.remote import RemoteRun, read_remote, write_remote
from hilrig.record.run_directory import write_atomic
from hilrig.record.run_lock import lock_run

LOG_NAME: Final = "run.log"
_NAME: Final = re.compile(r"\d{8}T\d{6}Z-[A-Za-z0-9][A-Za-z0-9._-]{0,99}-(?P<run_id>[^-/]+)")


class Mirror:
    """A run directory with remote.json, written by one process at a time.

    Args:
        run_dir: the directory, with remote.json in it.
        clock: of the signs of life.

    `warnings` and `link_warning` are shown beside those of the run; the second only while it is set.

    Raises:
        RecordError: another process mirrors this run, or it was fetched already.
    """

    def __init__(self, run_dir: Path, *, clock: Clock) -> None:
        self.run_dir, self._clock = run_dir, clock
        self._lock: int | None = lock_run(run_dir)
        remote = read_remote(run_dir)
        if remote is None:
            self.close()
            raise RecordError(f"{run_dir} is on no rig (any more)", hint=f"hilrig watch {run_dir}")
        self.remote = remote
        self.warnings: tuple[str, ...] = ()
        self.link_warning = ""
        self._beat_ns: object = None
        (run_dir / EVENTS).unlink(missing_ok=True)  # they come again, from the first one on

    def keep(self, name: str, data: bytes) -> None:
        """Put a file of the run there.

        Raises:
            OSError: it cannot be written.
        """
        write_atomic(self.run_dir / name, data)

    def event(self, event: Mapping[str, Any]) -> None:
        """Append an event of the run."""
        with (self.run_dir / EVENTS).open("ab") as file:
            file.write(canonical_json(dict(event)) + b"\n")

    def status(self, status: Mapping[str, Any]) -> None:
        """Show the run's live state, when the run itself gave a new sign of life: ours is none of its."""
        if status.get("heartbeat_ns") == self._beat_ns and self._beat_ns is not None:
            return
        self._beat_ns = status.get("heartbeat_ns")
        self._write(status)

    def phase(self, phase: str, **detail: Any) -> None:
        """Show what is done here with the run: `fetching`, or trying to reach the rig again."""
        self._write({**(read_status(self.run_dir) or {}), "phase": phase, **detail})

    def touch(self) -> None:
        """Show that this process has the run in hand, and its warnings; what the run itself told stands."""
        self._write(read_status(self.run_dir) or {"phase": "loading"})

    def last_words(self, words: str) -> None:
        """Leave what ended the following where live views look; what is fetched takes its place."""
        with (self.run_dir / LOG_NAME).open("a", encoding="utf-8") as log:
            log.write(f"{words}\n")

    def remove(self) -> None:
        """Remove the directory: the run left nothing."""
        shutil.rmtree(self.run_dir, ignore_errors=True)

    def close(self) -> None:
        """Let others mirror it."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _write(self, status: Mapping[str, Any]) -> None:
        told = status.get("warnings")
        ours = (*self.warnings, self.link_warning) if self.link_warning else self.warnings
        warnings = [*(told if isinstance(told, list) else ()), *ours]
        write_status(self.run_dir, {**status, "warnings": list(dict.fromkeys(warnings))}, clock=self._clock)


def make_mirror(reports: Path, name: str, remote: RemoteRun, *, clock: Clock) -> Mirror:
    """Make the local directory of a run that has begun on a rig.

    Args:
        reports: where run directories are.
        name: as the rig says it; believed only when it is a run directory's name and this run's.
        remote: where the run is.
        clock: of the signs of life.

    Raises:
        RigLostError: the rig says another name.
        RecordError: the directory is there already, or cannot be made.
    """
    match = _NAME.fullmatch(name)
    if match is None or match["run_id"] != remote.run_id:
        raise RigLostError(f"rig {remote.rig.name} named a run directory {name[:200]!r}, which is not this run's")
    run_dir = reports / name
    try:
        run_dir.mkdir(mode=0o755)
        write_remote(run_dir, remote)
    except OSError as error:
        raise RecordError(
            f"{run_dir} cannot be made: {error.strerror}", hint="make room or choose --reports"
        ) from error
    return Mirror(run_dir, clock=clock)
