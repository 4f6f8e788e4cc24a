"""The runs of a reports folder as the technician's page shows them.

One of them may go on now; the others are those before it.
"""

import json
import os
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from hilrig.core import files
from hilrig.core.errors import HilrigError, RecordError, UsageError
from hilrig.core.live import LiveRun, LiveState
from hilrig.record.listing import RESULT_MAX_BYTES
from hilrig.record.untrusted_file import read_untrusted

HISTORY_MAX_RUNS: Final = 50
"""What a person scrolls through; `hilrig list` shows the others."""

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")
"""Every name that hilrig gives, and nothing that needs escaping in an address."""

_MARKS: Final = (files.RESULT, files.STATUS, files.PLAN)


@dataclass(frozen=True, slots=True, kw_only=True)
class PastRun:
    """One row of the history.

    Args:
        status: PASS, FAIL, INCONCLUSIVE; of an unfinished run its state: running, stale, lost; `unreadable`.
        sentence: the verdict's, or what to do next.
        took_s: from its start to its end; None while unknown.
        is_complete: whether its report is there, and the last signature over it.
    """

    name: str
    profile_name: str
    rig: str
    operator: str
    note: str
    started_at_utc: str
    status: str
    sentence: str
    took_s: float | None
    is_complete: bool


class Runs:
    """Looks at a reports folder; what is finished is read once. For several threads.

    Args:
        reports: the folder.
        look: one look at a run's directory.
    """

    def __init__(self, reports: Path, *, look: Callable[[Path], LiveRun]) -> None:
        self._reports = reports
        self._look = look
        self._finished: dict[str, tuple[tuple[int, int], PastRun]] = {}
        self._ended: dict[str, str] = {}
        self._lock = threading.Lock()

    def current(self) -> LiveRun | None:
        """Return the run that goes on, the newest when there are several; None when there is none."""
        with self._lock:
            names = self._names()
            self._ended = {name: how for name, how in self._ended.items() if name in names}
            looks = [self._looked(name) for name in names if not self._has_ended(name)]
        going = [live for live in looks if live and live.state in (LiveState.RUNNING, LiveState.STALE)]
        return going[0] if going else None

    def mark(self) -> str:
        """Return a text that changes when a run has ended or is gone, as far as `current` has seen."""
        with self._lock:
            return str(hash(frozenset(self._ended.items())))

    def history(self) -> tuple[PastRun, ...]:
        """Return the newest runs, the newest first."""
        with self._lock:
            return tuple(self._past(name) for name in self._names()[:HISTORY_MAX_RUNS])

    def find(self, name: str) -> Path:
        """Return the directory of the run that a client names.

        Raises:
            UsageError: there is none of that name.
        """
        known = next((known for known in self._names() if known == name), None)
        if known is None:
            raise UsageError("there is no such run", hint="load the page again")
        return self._reports / known

    def _names(self) -> list[str]:
        """Return the names of the run directories, the newest first."""
        with os.scandir(self._reports) as found:
            return sorted((entry.name for entry in found if self._is_run(entry)), reverse=True)

    def _is_run(self, entry: "os.DirEntry[str]") -> bool:
        if not _NAME.fullmatch(entry.name) or not entry.is_dir(follow_symlinks=False):
            return False
        return entry.name in self._ended or any(os.path.lexists(f"{entry.path}/{mark}") for mark in _MARKS)

    def _has_ended(self, name: str) -> bool:
        """Return whether a run needs no look: it is judged, complete, or its process is gone."""
        how = self._ended.get(name)
        if how != "complete" and (self._reports / name / files.RESULT).exists():
            self._ended[name] = "complete" if self._is_complete(name) else "judged"
        return name in self._ended

    def _is_complete(self, name: str) -> bool:
        return (self._reports / name / files.VIEWS).exists()

    def _looked(self, name: str) -> LiveRun | None:
        try:
            live = self._look(self._reports / name)
        except HilrigError:
            return None  # being made just now, or damaged: the history says which
        if live.state is LiveState.LOST and live.heartbeat_age_s is not None:
            self._ended[name] = "lost"
        return live

    def _past(self, name: str) -> PastRun:
        path = self._reports / name / files.RESULT
        try:
            found = path.lstat()
        except FileNotFoundError:
            return self._unfinished(name)
        stamp = (found.st_mtime_ns, found.st_size)
        kept = self._finished.get(name)
        if kept is None or kept[0] != stamp:
            kept = self._finished[name] = (stamp, self._read(name, path))
        return replace(kept[1], is_complete=self._is_complete(name))

    def _read(self, name: str, path: Path) -> PastRun:
        try:
            return _finished_run(name, _json_object(path))
        except RecordError as error:
            return _other(name, status="unreadable", sentence=error.message)

    def _unfinished(self, name: str) -> PastRun:
        live = self._looked(name)
        if live is None:
            return _other(name, status="unreadable", sentence=f"hilrig recover {name}")
        return PastRun(
            name=name,
            profile_name=live.profile_name,
            rig=live.rig,
            operator=live.operator,
            note=live.note,
            started_at_utc=live.started_at_utc,
            status=live.state.value,
            sentence=f"hilrig recover {name}" if live.state is LiveState.LOST else live.if_stopped_now,
            took_s=live.elapsed_s,
            is_complete=False,
        )


def _json_object(path: Path) -> Mapping[str, Any]:
    data = read_untrusted(path, max_bytes=RESULT_MAX_BYTES)
    try:
        value = json.loads(data or b"")
    except (ValueError, RecursionError) as error:
        raise RecordError(f"{files.RESULT} is not JSON: {error}") from error
    return value if isinstance(value, dict) else {}


def _finished_run(name: str, result: Mapping[str, Any]) -> PastRun:
    judgement = result.get("judgement")
    if not isinstance(judgement, dict):
        raise RecordError(f"{files.RESULT} holds no judgement")
    started, ended = _text(result, "started_at_utc"), _text(result, "ended_at_utc")
    return PastRun(
        name=name,
        profile_name=_text(result, "profile_name"),
        rig=_text(result, "rig"),
        operator=_text(result, "operator"),
        note=_text(result, "note"),
        started_at_utc=started,
        status=_text(judgement, "status"),
        sentence=_text(judgement, "sentence"),
        took_s=_seconds_between(started, ended),
        is_complete=False,
    )


def _other(name: str, *, status: str, sentence: str) -> PastRun:
    return PastRun(
        name=name,
        profile_name="",
        rig="",
        operator="",
        note="",
        started_at_utc="",
        status=status,
        sentence=sentence,
        took_s=None,
        is_complete=False,
    )


def _text(values: Mapping[str, Any], key: str) -> str:
    value = values.get(key, "")
    return value if isinstance(value, str) else ""


def _seconds_between(started_at_utc: str, ended_at_utc: str) -> float | None:
    try:
        started, ended = (
            datetime.fromisoformat(text.replace("Z", "+00:00")) for text in (started_at_utc, ended_at_utc)
        )
        return (ended - started).total_seconds()
    except (ValueError, TypeError):
        return None
