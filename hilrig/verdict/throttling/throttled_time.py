"""How long a run's hardware was slowed down, from its result alone."""

from collections.abc import Sequence
from typing import Final

from hilrig.core.units import NS_PER_S, s_to_ns

NO_ANSWER: Final = "the result says nothing of throttling"
NO_STRETCHES: Final = "it throttled; for how long was not recorded"


def throttled_s(
    stretches: Sequence[tuple[float, float]], *, n_events: float | None, reason: str
) -> tuple[float | None, str]:
    """Return seconds in which at least one device throttled, or None and why nobody can tell.

    Stretches are as wide as the readings around them, so this is the most that it can have been; where devices
    overlap, time counts once.

    Args:
        stretches: begin and end of each, seconds after the start of the measured part.
        n_events: episodes of thermal throttling; None when not measured. Without stretches only 0 says that there
            was none: no sign of throttling on a rig that cannot tell is no sign.
        reason: why there is no `n_events`.
    """
    if stretches:
        return _union_ns(stretches) / NS_PER_S, ""
    if n_events is None:
        return None, reason or NO_ANSWER
    return (None, NO_STRETCHES) if n_events else (0.0, "")


def _union_ns(stretches: Sequence[tuple[float, float]]) -> int:
    """Return the length of all stretches together, in whole nanoseconds so that their order cannot matter."""
    total_ns, reached_ns = 0, None
    for begin_ns, end_ns in sorted((s_to_ns(begin), s_to_ns(end)) for begin, end in stretches):
        from_ns = begin_ns if reached_ns is None else max(begin_ns, reached_ns)
        total_ns += max(0, end_ns - from_ns)
        reached_ns = end_ns if reached_ns is None else max(reached_ns, end_ns)
    return total_ns
