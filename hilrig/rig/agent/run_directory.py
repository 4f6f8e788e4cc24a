"""The directory that a run writes, seen by its keeper: what happens in it is told on, requests are put into it."""

import json
import os
from collections.abc import Container
from pathlib import Path
from typing import Any, Final

from hilrig.core import files
from hilrig.core.errors import HilrigError
from hilrig.rig.agent.disk import open_inside, read_json, write_json
from hilrig.rig.agent.event_log import EventWriter, LineReader
from hilrig.rig.agent.layout import RunFolder
from hilrig.rig.agent.seconds import utc_now

EVENT_MAX_BYTES: Final = 1 << 20
"""The recorder's own bound (`hilrig.record.events`)."""

RESULT_MAX_BYTES: Final = 64 << 20
PHASE_MAX: Final = 40
ENDED_PHASES: Final = frozenset({"drain", "done", "judging"})
"""No more frames are offered: a request to end would only lie unsigned beside the result."""


class RunDirectory:
    """The one directory below reports/, once the run has named it."""

    def __init__(self, run: RunFolder, name: str) -> None:
        self.path = run.reports / name
        self._events = LineReader(self.path / files.EVENTS, line_max_bytes=EVENT_MAX_BYTES)

    def tell(self, events: EventWriter) -> None:
        """Tell the new events of the run as events of the keeper's own, as long as the disk takes them."""
        if events.is_behind:
            return
        for text in self._events.lines():
            event = _object(text)
            if event is not None:
                events.say("run_event", event=event)

    def phase(self) -> str:
        """Return where the run stands."""
        return phase_in(self.path)

    def ask_to_end(self, *, by: str, reason: str, is_lease_lost: bool) -> None:
        """Leave the request that the run looks for (`hilrig.record.stop_request`), unless it has one or ended.

        Raises:
            PreconditionError: the disk is full or read-only.
        """
        request = {"by": by, "reason": reason, "at_utc": utc_now()}
        if is_lease_lost:
            request["ended"] = "lease_lost"
        path = self.path / files.STOP_REQUEST
        if not os.path.lexists(path) and self.phase() not in ENDED_PHASES:
            write_json(path, request)

    def withdraw_late_request(self) -> None:
        """Remove a request that came after the run's files were hashed: no signature covers it."""
        path = self.path / files.STOP_REQUEST
        if path.is_file() and files.STOP_REQUEST not in _hashed_files(self.path):
            path.unlink()

    def close(self) -> None:
        """Read no more."""
        self._events.close()


def phase_in(folder: Path) -> str:
    """Return the phase in a run directory's status.json; `preflight` before there is one."""
    status = _read(folder / files.STATUS) or {}
    return str(status.get("phase", "preflight"))[:PHASE_MAX]


def named_directory(run: RunFolder, stated: object) -> str:
    """Return the name of the directory that a run says it writes; empty when there is no such one."""
    name = os.path.basename(stated) if isinstance(stated, str) else ""  # noqa: PTH119 - of a foreign text
    path = run.reports / name
    return name if name not in {"", ".", ".."} and path.is_dir() and not path.is_symlink() else ""


def _hashed_files(folder: Path) -> Container[str]:
    """Return the names in result.json; without one, the request is still to be seen and stays."""
    try:
        with os.fdopen(open_inside(folder, files.RESULT), "rb") as file:
            return frozenset(json.loads(file.read(RESULT_MAX_BYTES))["files"])
    except (HilrigError, ValueError, LookupError, TypeError):
        return (files.STOP_REQUEST,)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        return read_json(path)
    except HilrigError:
        return None


def _object(text: bytes) -> dict[str, Any] | None:
    try:
        event = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) else None
