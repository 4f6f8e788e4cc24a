"""Whether a chart's values need a logarithmic axis."""

from collections.abc import Iterable
from statistics import median
from typing import Literal

from hilrig.report.scale import LOG_FROM_RATIO


def scale_of(values: Iterable[float | None]) -> Literal["linear", "log"]:
    """Return `log` where the largest value would flatten the ordinary ones, and none is 0."""
    known = [value for value in values if value is not None]
    if not known or min(known) <= 0:
        return "linear"
    return "log" if max(known) > LOG_FROM_RATIO * median(known) else "linear"
