"""The runs in a reports folder, each with its state."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Final

from hilrig.core import files
from hilrig.core.clock import Clock
from hilrig.core.errors import RecordError
from hilrig.core.matrix import MATRIX
from hilrig.core.search import RUNS
from hilrig.core.units import BYTES_PER_MIB
from hilrig.core.verdict import RunStatus
from hilrig.record.heartbeat import heartbeat_of, read_status
from hilrig.record.remote import rig_of
from hilrig.record.untrusted_file import read_json_object

RESULT_MAX_BYTES: Final = 64 * BYTES_PER_MIB

_NAME: Final = re.compile(r"(?P<start>\d{8}T\d{6}Z)-(?P<profile>.+)-(?P<run_id>[^-]+)")
_MARKS: Final = (files.RESULT, files.STATUS, files.FRAMES_JOURNAL, files.PLAN)
"""Any of these makes a folder a run, whatever its name."""


class RunState(str, Enum):
    """Where a run stands, as its folder shows."""

    FINISHED = "finished"  # result.json is there
    RUNNING = "running"
    LOST = "lost"  # no sign of life for ten seconds; or on a rig, and nobody here follows it: hilrig watch
    RECOVERABLE = "recoverable"  # its process is gone
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEntry:
    """One run of a reports folder.

    Args:
        started_at: UTC start as in the folder's name, `20261121T053312Z`; empty when the name is another.
        profile_name: from the folder's name, or empty.
        status: the verdict of a finished run, else None.
        detail: why a run is unreadable, or what its last status says; for a person.
    """

    path: Path
    started_at: str
    profile_name: str
    state: RunState
    status: RunStatus | None
    detail: str


def list_runs(reports: Path, *, clock: Clock) -> list[RunEntry]:
    """Return the runs in `reports`, the newest first; other folders, files and links are passed over.

    Raises:
        RecordError: `reports` cannot be read.
    """
    try:
        with os.scandir(reports) as found:
            folders = [Path(entry.path) for entry in found if entry.is_dir(follow_symlinks=False)]
    except OSError as error:
        raise RecordError(f"the reports folder {reports} cannot be read: {error.strerror}") from error
    runs = [_entry(folder, clock) for folder in folders if _is_run(folder)]
    return sorted(runs, key=lambda run: (run.started_at, run.path.name), reverse=True)


def _is_run(folder: Path) -> bool:
    if (folder / RUNS).is_dir():  # a search: its runs lie in there
        return False
    if (folder / MATRIX).is_file():  # many rigs together: their runs lie beside it
        return False
    return bool(_NAME.fullmatch(folder.name)) or any(os.path.lexists(folder / mark) for mark in _MARKS)


def _entry(folder: Path, clock: Clock) -> RunEntry:
    match = _NAME.fullmatch(folder.name)
    try:
        state, status, detail = _state(folder, clock)
    except RecordError as error:
        state, status, detail = RunState.UNREADABLE, None, error.message
    return RunEntry(
        path=folder,
        started_at=match["start"] if match else "",
        profile_name=match["profile"] if match else "",
        state=state,
        status=status,
        detail=detail,
    )


def _state(folder: Path, clock: Clock) -> tuple[RunState, RunStatus | None, str]:
    result = read_json_object(folder / files.RESULT, max_bytes=RESULT_MAX_BYTES)
    if result is not None:
        return RunState.FINISHED, _verdict(result), ""
    status = read_status(folder)
    if status is None:
        return RunState.RECOVERABLE, None, f"{files.STATUS} is missing"
    heartbeat = heartbeat_of(status)
    detail = f"last sign of life {status.get('at_utc', 'unknown')}, process {heartbeat.pid}"
    rig, lives = rig_of(folder), heartbeat.process_lives()
    if rig:
        followed = "" if lives else f"nobody here follows it (hilrig watch {folder}), "
        detail = f"on rig {rig}, {followed}{detail}"
    if not lives:
        return (RunState.LOST if rig else RunState.RECOVERABLE), None, detail
    return (RunState.RUNNING if heartbeat.is_fresh(clock) else RunState.LOST), None, detail


def _verdict(result: Mapping[str, Any]) -> RunStatus:
    judgement = result.get("judgement")
    found = judgement.get("status") if isinstance(judgement, dict) else None
    try:
        return RunStatus(found)
    except ValueError as error:
        expected = ", ".join(status.value for status in RunStatus)
        raise RecordError(
            f"{files.RESULT}: expected judgement.status to be {expected}, found {found!r}"
        ) from error
