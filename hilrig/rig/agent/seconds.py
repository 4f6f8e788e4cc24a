"""Lengths of time that come from the other end of the link.

The clock that they are measured on is here too.
"""

import time
from collections.abc import Mapping
from typing import Any, Final

from hilrig.core.errors import UsageError
from hilrig.core.units import NS_PER_S

SECONDS_MAX: Final = 366 * 24 * 3600.0
"""A year: what is longer is a mistake, and stays far within 64 bits of nanoseconds."""


def seconds_of(arguments: Mapping[str, Any], name: str) -> float:
    """Return the argument `name`, seconds from 0 to a year.

    Raises:
        UsageError: it is missing or something else.
    """
    value = arguments.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= SECONDS_MAX:
        raise UsageError(f"{name} should be seconds from 0 to {SECONDS_MAX:.0f}, found {value!r:.100}")
    return float(value)


def to_ns(seconds: float) -> int:
    """Return seconds as whole nanoseconds."""
    return round(seconds * NS_PER_S)


def boottime_ns() -> int:
    """Return CLOCK_BOOTTIME in nanoseconds: it counts suspended time, and no clock setting moves it."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def utc_now() -> str:
    """Return the wall clock as ISO 8601 in UTC, for people only."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
