"""Stalls of the host, in which it ran nobody, with the frames that they hit."""

import math
from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hilrig.core.telemetry import HOST_STALL
from hilrig.core.units import NS_PER_MS
from hilrig.core.verdict import Measurement
from hilrig.verdict.measure import unmeasured
from hilrig.verdict.telemetry.channels import Series, Telemetry
from hilrig.verdict.window import DECIDED, INTENDED, NEVER, Window

UNITS: Final = {
    "stall_count": "stalls",
    "stall_max_ms": "ms",
    "stall_total_ms": "ms",
    "stall_frames_hit": "frames",
}


def measure_stalls(telemetry: Telemetry, window: Window) -> Iterator[Measurement]:
    """Yield number, longest, sum, and frames hit; stalls that reach into the measured part count whole."""
    found = telemetry.named(HOST_STALL)
    if not found:
        for metric, unit in UNITS.items():
            yield unmeasured(metric, unit, "no stall sentinel ran")
        return
    gaps_ns = np.concatenate([_gaps_ns(series.valued(), window) for series in found], axis=1)
    lengths_ms = [float(length_ns) / NS_PER_MS for length_ns in gaps_ns[1] - gaps_ns[0]]
    values = (float(len(lengths_ms)), max(lengths_ms, default=0.0), math.fsum(lengths_ms), _n_hit(gaps_ns, window))
    for (metric, unit), value in zip(UNITS.items(), values, strict=True):
        yield Measurement(metric=metric, unit=unit, value=value, n=len(lengths_ms))


def _gaps_ns(series: Series, window: Window) -> NDArray[np.int64]:
    """Return begin and end of each gap that reaches into the measured part: 2 x n."""
    end_ns = series.t_ns + np.rint(series.value).astype(np.int64)
    reaches_in = (end_ns > window.start_ns) & (series.t_ns < window.end_ns)
    return np.stack([series.t_ns[reaches_in], end_ns[reaches_in]])


def _n_hit(gaps_ns: NDArray[np.int64], window: Window) -> float:
    """Return how many measured frames were under way, from due to decided, while a gap lasted."""
    due_ns, decided_ns = window.measured.stamps_ns[INTENDED], window.measured.stamps_ns[DECIDED]
    until_ns = np.where(window.measured.is_decided, decided_ns, NEVER)
    is_hit = np.zeros(window.n, np.bool_)
    for begin_ns, end_ns in gaps_ns.T.tolist():
        last = int(np.searchsorted(due_ns, end_ns))  # frames are due in order: those after it began later
        is_hit[:last] |= until_ns[:last] > begin_ns
    return float(np.count_nonzero(is_hit))
