"""What a node left as evidence, read as data because nobody signed it.

That is its log and its journal; the documents that its people wrote are read in the same way.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timezone
from itertools import pairwise
from typing import Any, Final

from hilrig.core.gate_facts import DocumentFacts, LogFacts, RehearsalFacts
from hilrig.core.units import BYTES_PER_MIB, NS_PER_S

MIN_LOG_S: Final = 60.0
"""A shorter log says nothing of an hour: a start alone writes more than an hour of work."""
TIME_KEYS: Final = ("at_utc", "timestamp", "time")
S_PER_H: Final = 3_600.0
S_PER_DAY: Final = 86_400.0

_REVIEWED: Final = re.compile(rb"^Reviewed: (\d{4}-\d{2}-\d{2})\s*$", re.MULTILINE)


def log_facts(path: str, data: bytes) -> LogFacts:
    """Return what a node's log shows; a line that is no JSON object is broken, an empty one is nothing."""
    lines = [line for line in data.splitlines() if line.strip()]
    objects = [value for value in map(_object, lines) if value is not None]
    keys = frozenset.intersection(*(frozenset(one) for one in objects)) if objects else frozenset()
    span_s = _span_s(objects)
    return LogFacts(
        path=path,
        keys=keys,
        n_lines=len(lines),
        n_broken=len(lines) - len(objects),
        mib_per_hour=len(data) / BYTES_PER_MIB / span_s * S_PER_H if span_s >= MIN_LOG_S else None,
    )


def rehearsal_facts(path: str, data: bytes) -> RehearsalFacts:
    """Return what a store's journal (docs/node.md) says it did; a line that a power cut tore is passed over."""
    states = [value for value in map(_object, data.splitlines()) if value is not None]
    return RehearsalFacts(
        path=path,
        activated=tuple(_releases(states, "activate", "candidate")),
        confirmed=tuple(_releases(states, "confirm", "current")),
        rolled_back=dict(_rolled_back(states)),
    )


def document_facts(path: str, topic: str, data: bytes, *, now_ns: int) -> DocumentFacts:
    """Return a document's size and how long ago it was reviewed, by its newest line `Reviewed: 2026-11-21`."""
    reviewed = max(filter(None, map(_date, _REVIEWED.findall(data))), default=None)
    now = datetime.fromtimestamp(now_ns / NS_PER_S, timezone.utc)
    age_s = math.inf if reviewed is None else (now - reviewed).total_seconds()
    return DocumentFacts(
        path=path,
        topic=topic,
        n_bytes=len(data.strip()),
        age_days=age_s / S_PER_DAY,
    )


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _span_s(lines: list[dict[str, Any]]) -> float:
    """Return the time from the first to the last line that tells its time; 0 where fewer than two do."""
    moments = [moment for moment in map(_moment_s, lines) if moment is not None]
    return max(moments) - min(moments) if moments else 0.0


def _moment_s(line: Mapping[str, Any]) -> float | None:
    text = next((line[key] for key in TIME_KEYS if key in line), None)
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None
    return None if moment.tzinfo is None else moment.timestamp()


def _releases(states: list[dict[str, Any]], change: str, field: str) -> Iterator[str]:
    for state in states:
        if state.get("change") == change and isinstance(state.get(field), str):
            yield state[field]


def _rolled_back(states: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Give each release that a rollback barred, with the reason."""
    for before, state in pairwise([{}, *states]):
        if state.get("change") == "rollback":
            for release in sorted(_barred(state) - _barred(before)):
                yield release, str(state.get("reason", ""))


def _barred(state: Mapping[str, Any]) -> frozenset[str]:
    barred = state.get("barred")
    return frozenset(barred) if isinstance(barred, Mapping) else frozenset()


def _date(text: bytes) -> datetime | None:
    try:
        day = date.fromisoformat(text.decode())
    except ValueError:
        return None
    return datetime(day.year, day.month, day.day, tzinfo=timezone.utc)
