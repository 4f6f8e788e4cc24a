"""The last things that happened in a run, in words, from the end of events.jsonl."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from hilrig.app.foreign_text import one_line
from hilrig.core.errors import RecordError
from hilrig.core.files import EVENTS
from hilrig.record.untrusted_file import open_untrusted

TAIL_BYTES: Final = 64 << 10
"""A line a minute is the clock's: this is hours of a quiet run. What is older is in the report."""

WORDS_MAX: Final = 300
_PHASES: Final = {
    "warmup": "warm-up began",
    "measure": "measuring began",
    "drill": "the drill began: faults on purpose, nothing of it counts for the other limits",
    "drain": "no more frames are offered",
    "done": "everything is on the disk",
}
_WORDS: Final = {
    "run_created": "started",
    "failure_certain": "FAIL is certain: {reason}",
    "stop_requested": "{reason}",
    "child_lost": "the {role} process was lost: {how}",
    "fault": "fault {name}: {state}",
    "co_resident": "companion {name}: {state}",
    "worker_lost": "the worker process was lost to fault {name}: {how}",
    "worker_returned": "another worker process has loaded the model in {load_time_ms:.0f} ms",
    "disk_full": "the record could not be written: {error}",
    "recovered": "recovered from the journals",
}


def last_events(run_dir: Path, *, at_most: int) -> tuple[str, ...]:
    """Return the last events that mean something to a person, the newest first: `05:33:12 measuring began` (UTC).

    A file that is missing or damaged gives the events that can be read.
    """
    found = []
    for line in reversed(_tail(run_dir / EVENTS)):
        words = _in_words(line)
        if words:
            found.append(words)
        if len(found) == at_most:
            break
    return tuple(found)


def _tail(path: Path) -> list[bytes]:
    try:
        file = open_untrusted(path)
    except RecordError:
        return []
    if file is None:
        return []
    with file:
        n_bytes = file.seek(0, os.SEEK_END)
        file.seek(max(0, n_bytes - TAIL_BYTES))
        return file.read(TAIL_BYTES).splitlines()  # of a line that is cut, the rest is no JSON


def _in_words(line: bytes) -> str:
    try:
        event = json.loads(line)
        words = _words(str(event["kind"]), event["detail"])
        return one_line(f"{str(event['at_utc'])[11:19]} {words}")[:WORDS_MAX] if words else ""
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return ""


def _words(kind: str, detail: Mapping[str, Any]) -> str:
    """Return an event in words; empty for those that only the verdict needs."""
    if kind == "phase":
        return _PHASES.get(detail["phase"], "")
    if kind == "run_ended":
        return f"ended: {detail['reason'] or detail['ended']}"
    return _WORDS.get(kind, "").format_map(detail)
