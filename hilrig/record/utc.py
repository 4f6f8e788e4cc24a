"""Wall-clock time as text, for people: durations never come from it."""

from datetime import datetime, timezone

from hilrig.core.errors import RecordError
from hilrig.core.units import NS_PER_S, NS_PER_US


def utc_text(realtime_ns: int) -> str:
    """Return a CLOCK_REALTIME reading as ISO 8601 in UTC, to the microsecond."""
    seconds, rest_ns = divmod(realtime_ns, NS_PER_S)
    moment = datetime.fromtimestamp(seconds, timezone.utc).replace(microsecond=rest_ns // NS_PER_US)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def compact_utc(text: str) -> str:
    """Return an ISO 8601 time with an offset in the form that a run's folder begins with: `20261121T053312Z`.

    Raises:
        RecordError: it is not such a time.
    """
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))  # Python 3.10 does not read the Z
    except ValueError as error:
        raise RecordError(f"a run's start should be ISO 8601 in UTC, found '{text}'") from error
    if moment.tzinfo is None:
        raise RecordError(f"a run's start should carry its offset from UTC, found '{text}'")
    return moment.astimezone(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
