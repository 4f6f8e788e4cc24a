"""The end of a node's log for support: only keys from a list, only values of the shape that a key has.

A log line may hold anything, a password in an error's text too. So nothing is searched for and removed: what is
not known to be harmless stays behind.
"""

import json
import re
from collections.abc import Mapping
from typing import Final

N_LINES_MAX: Final = 200
_LINE_BYTES_MAX: Final = 64 << 10
_NUMBER_MAX: Final = 1e9
"""No count, time in ms or size in MiB of a log is larger; NaN and infinity are not below it either."""

_WORD: Final = re.compile(r"[a-z][a-z_]{0,39}")
_SHAPES: Final[Mapping[str, re.Pattern[str]]] = {
    "at_utc": re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z"),
    "event": re.compile(r"[a-z][a-z_.]{0,39}"),
    "node": re.compile(r"[a-z0-9][a-z0-9-]{0,31}"),
    "model_hash": re.compile(r"([0-9a-f]{64})?"),
    "config_version": re.compile(r"([0-9a-f]{12,64}|[0-9][0-9.]{0,15})?"),
    "runtime_version": re.compile(r"([a-z]+[ -][0-9.]{1,20})?"),
    "delegate_active": re.compile(r"([A-Za-z]{1,32}ExecutionProvider)?"),
    "error_code": re.compile(r"(HR-[0-9]{3,4})?"),
    "thermal_state": _WORD,
}
"""Text keys of the standard log lines, each with the only shape that is let through."""

_NUMBERS: Final = frozenset(
    {"seq", "load_time_ms", "p50_ms", "p95_ms", "p99_ms", "peak_ram_mb", "dropped_frames", "failed_frames"}
)
KEYS: Final = frozenset(_SHAPES) | _NUMBERS


def log_tail(data: bytes) -> bytes:
    """Return the last 200 JSON lines of a log as JSON lines; lines that are something else are left out."""
    lines = [kept for line in data.splitlines()[-N_LINES_MAX:] if (kept := _kept(line))]
    return b"".join(json.dumps(line, sort_keys=True).encode() + b"\n" for line in lines)


def _kept(line: bytes) -> dict[str, object]:
    if len(line) > _LINE_BYTES_MAX:
        return {}
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return (
        {key: value for key, value in said.items() if _is_harmless(key, value)} if isinstance(said, dict) else {}
    )


def _is_harmless(key: str, value: object) -> bool:
    if key in _NUMBERS:
        return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _NUMBER_MAX
    shape = _SHAPES.get(key)
    return shape is not None and isinstance(value, str) and shape.fullmatch(value) is not None
