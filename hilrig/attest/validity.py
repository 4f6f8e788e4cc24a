"""From when to when a signed statement holds.

The wall clock decides this and nothing else.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Final

from hilrig.core.errors import ExpiredError, PreconditionError, TrustError
from hilrig.core.units import NS_PER_S, NS_PER_US

CLOCK_SKEW_NS: Final = 300 * NS_PER_S
"""Two machines with NTP differ by less than a second; without it they drift by minutes in a month."""

_UTC: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True, slots=True, kw_only=True)
class Validity:
    """When a statement was issued and when it ends, in nanoseconds since 1970 in UTC."""

    issued_ns: int
    expires_ns: int


def parse_validity(*, issued_at_utc: str, expires_at_utc: str, name: str) -> Validity:
    """Return the validity that a statement, which messages call `name`, states as two ISO 8601 times in UTC.

    Raises:
        TrustError: one is not such a time, or it ends before it begins.
    """
    issued_ns, expires_ns = _parse(issued_at_utc, name), _parse(expires_at_utc, name)
    if expires_ns <= issued_ns:
        raise TrustError(f"{name} ends at {expires_at_utc}, before it was issued at {issued_at_utc}")
    return Validity(issued_ns=issued_ns, expires_ns=expires_ns)


def holds_at(validity: Validity, moment_ns: int) -> bool:
    """Return whether a moment lies in a validity; before its begin by less than two clocks may differ counts."""
    return validity.issued_ns - CLOCK_SKEW_NS <= moment_ns < validity.expires_ns


def parse_moment(text: str, *, name: str) -> int:
    """Return an ISO 8601 time in UTC, from a statement which messages call `name`, in nanoseconds since 1970.

    Raises:
        TrustError: it is not such a time.
    """
    return _parse(text, name)


def refuse_outside(validity: Validity, *, now_ns: int, newest_signed_ns: int, name: str) -> None:
    """Refuse a statement that is over, and to judge at all by a clock that is not set.

    Args:
        validity: of the statement.
        now_ns: CLOCK_REALTIME.
        newest_signed_ns: the newest time that this node has seen in a signed statement; 0 when it saw none.
        name: what messages call the statement.

    Raises:
        PreconditionError: the clock shows a time before one that somebody has already signed at.
        ExpiredError: the statement is over.
    """
    newest_ns = max(validity.issued_ns, newest_signed_ns)
    if now_ns + CLOCK_SKEW_NS < newest_ns:
        raise PreconditionError(
            f"this node's clock shows {_shown(now_ns)}, but a statement was signed at {_shown(newest_ns)}:"
            f" the clock is not set, nobody can tell whether {name} is over",
            hint="set the clock (timedatectl, chronyc makestep), then try again",
        )
    if now_ns >= validity.expires_ns:
        raise ExpiredError(
            f"{name} ended at {_shown(validity.expires_ns)}; it is now {_shown(now_ns)}",
            hint="have it signed anew",
        )


def _parse(text: str, name: str) -> int:
    message = f"{name}: {text[:40]!a} is not a time such as 2026-11-21T05:33:12Z"
    if not _UTC.fullmatch(text):
        raise TrustError(message)
    try:
        since = datetime.fromisoformat(text.removesuffix("Z") + "+00:00") - _EPOCH
    except ValueError as error:
        raise TrustError(message) from error
    return (since.days * 86_400 + since.seconds) * NS_PER_S + since.microseconds * NS_PER_US


def _shown(moment_ns: int) -> str:
    return datetime.fromtimestamp(moment_ns // NS_PER_S, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
