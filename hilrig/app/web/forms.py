"""What a client may ask for, read strictly: known keys, right types, sane lengths."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from hilrig.app.foreign_text import NOTE_MAX, OPERATOR_MAX, REASON_MAX, given_text
from hilrig.attest.strict_json import read_strict_json
from hilrig.core.errors import UsageError
from hilrig.core.units import S_PER_MIN

BODY_MAX_BYTES: Final = 64 * 1024
DURATION_MAX_S: Final = 7 * 24 * 60 * S_PER_MIN
"""A week: anything longer is a slip of the finger."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StartForm:
    """A run that somebody wants to be started."""

    profile: str
    duration_s: float | None
    operator: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StopForm:
    """A run that somebody wants to be stopped, and why."""

    run: str
    operator: str
    reason: str


def start_form(body: bytes) -> StartForm:
    """Return what the body asks for.

    Raises:
        UsageError: something is missing, too long or of another type.
        TrustError: it is not strict JSON.
    """
    values = _values(body, {"profile", "duration_s", "operator", "note"})
    return StartForm(
        profile=_text(values, "profile", what="profile", at_most=OPERATOR_MAX),
        duration_s=_duration_s(values.get("duration_s")),
        operator=_text(values, "operator", what="name", at_most=OPERATOR_MAX),
        note=_text(values, "note", what="note", at_most=NOTE_MAX, may_be_empty=True),
    )


def stop_form(body: bytes) -> StopForm:
    """Return what the body asks for; raises as `start_form`."""
    values = _values(body, {"run", "operator", "reason"})
    return StopForm(
        run=_text(values, "run", what="run", at_most=OPERATOR_MAX),
        operator=_text(values, "operator", what="name", at_most=OPERATOR_MAX),
        reason=_text(values, "reason", what="reason", at_most=REASON_MAX),
    )


def named(body: bytes, key: str) -> str:
    """Return the one text that the body holds, as `key`; raises as `start_form`."""
    return _text(_values(body, {key}), key, what=key, at_most=REASON_MAX)


def _values(body: bytes, known: set[str]) -> Mapping[str, Any]:
    values = read_strict_json(body, name="the request", max_bytes=BODY_MAX_BYTES)
    if not isinstance(values, dict):
        raise UsageError(f"the request should be a JSON object, found {type(values).__name__}")
    unknown = sorted(set(values) - known)
    if unknown:
        raise UsageError(f"the request should hold {', '.join(sorted(known))}; found {unknown[0][:40]!r}")
    return values


def _text(values: Mapping[str, Any], key: str, *, what: str, at_most: int, may_be_empty: bool = False) -> str:
    value = values.get(key, "")
    if not isinstance(value, str):
        raise UsageError(f"the {what} should be a text, found {type(value).__name__}")
    text = given_text(value, what=what, at_most=at_most)
    if not text and not may_be_empty:
        raise UsageError(f"the {what} is missing", hint=f"fill in the {what}")
    return text


def _duration_s(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise UsageError("the duration should be a number of seconds")
    if not 0 < value <= DURATION_MAX_S:
        raise UsageError(f"the duration should be more than 0 and at most {DURATION_MAX_S} s, found {value}")
    return float(value)
