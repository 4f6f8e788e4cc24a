"""The points that a store reaches: each is told.

Each may be the end of the process. A power-loss test sets HILRIG_CRASH_AT=POINT[:N]: the process is killed when
it reaches POINT for the N-th time.
"""

import os
import signal
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final

from hilrig.core.errors import UsageError

CRASH_VARIABLE: Final = "HILRIG_CRASH_AT"

Tell = Callable[[str, Mapping[str, Any]], None]
"""Called with a point's name and what belongs to it, before the store goes on."""


def tell_nobody(point: str, fields: Mapping[str, Any]) -> None:
    """Take a point and do nothing with it."""


class CrashPoints:
    """Tells each point that is reached, and kills this process at the one that it was given.

    Args:
        tell: whom to tell.
        crash_at: `POINT` or `POINT:N`; empty: nowhere.

    Raises:
        UsageError: `crash_at` is not of that form.
    """

    def __init__(self, tell: Tell = tell_nobody, *, crash_at: str = "") -> None:
        self._tell = tell
        self._point, self._nth = _parse(crash_at)
        self._reached: Counter[str] = Counter()

    def reach(self, point: str, **fields: Any) -> None:
        """Tell that `point` is reached; the process may end here."""
        self._tell(point, fields)
        self._reached[point] += 1
        if point == self._point and self._reached[point] == self._nth:
            os.kill(os.getpid(), signal.SIGKILL)


def points_of_environment(tell: Tell) -> CrashPoints:
    """Return the points with the crash that the environment asks for."""
    return CrashPoints(tell, crash_at=os.environ.get(CRASH_VARIABLE, ""))


def _parse(crash_at: str) -> tuple[str, int]:
    point, _, nth = crash_at.partition(":")
    if nth and not (nth.isascii() and nth.isdigit() and int(nth) > 0):
        raise UsageError(f"{CRASH_VARIABLE}='{crash_at}' is not POINT or POINT:N with N counted from 1")
    return point, int(nth or 1)
