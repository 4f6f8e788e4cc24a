"""Moments in UTC as documents write them.

The gate compares them as nanoseconds. Nothing here asks what time it is.
"""

import re
from datetime import datetime, timezone
from typing import Final

from hilrig.core.units import NS_PER_S, NS_PER_US

SKEW_NS: Final = 300 * NS_PER_S
"""Two machines with NTP differ by less than a second; without it they drift by minutes in a month."""

NS_PER_DAY: Final = 86_400 * NS_PER_S

_UTC: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=timezone.utc)


def moment_ns(text: str) -> int | None:
    """Return nanoseconds since 1970 of `2026-11-21T05:33:12Z`; None where the text is no such moment."""
    if not _UTC.fullmatch(text):
        return None
    try:
        since = datetime.fromisoformat(text.removesuffix("Z") + "+00:00") - _EPOCH
    except ValueError:
        return None
    return (since.days * 86_400 + since.seconds) * NS_PER_S + since.microseconds * NS_PER_US


def moment_text(moment_ns: int) -> str:
    """Return a moment in nanoseconds since 1970 as ISO 8601 in UTC, to the second."""
    return datetime.fromtimestamp(moment_ns // NS_PER_S, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
