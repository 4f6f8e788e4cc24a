"""How fast the target's memory grows, with the growth that the run could have seen at all."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from hilrig.core.metrics import METRICS
from hilrig.core.units import BYTES_PER_MIB, NS_PER_S, S_PER_MIN
from hilrig.verdict.estimate import Estimate, Estimated, TooLittle, Unknown
from hilrig.verdict.statistics.theil_sen import theil_sen
from hilrig.verdict.telemetry.blocks import BLOCK_NS, block_means, n_blocks
from hilrig.verdict.telemetry.channels import Series, Telemetry
from hilrig.verdict.window import Window

METRIC: Final = "host_memory_growth_mib_per_h"
N_BLOCKS_MIN: Final = 10
"""Ten blocks have 45 slopes between them: fewer leave hardly any inside a 99 % interval."""

N_BLOCKS_MAX: Final = 2_000
"""Two million slopes. Longer runs get longer blocks, which costs no sharpness worth having."""

COUNT_ERROR_MIB: Final = 0.25
"""The kernel adds to what it counts as resident in batches of up to 64 pages of 4 KiB (TASK_RSS_EVENTS_THRESH,
mm/memory.c): readings of unchanged memory may differ by so much, and equal ones hide as much."""

MEMORY_MAX_MIB: Final = float(1 << 40)
"""An exbibyte: what is beyond is no memory, and would overflow the arithmetic."""

_NS_PER_H: Final = 3600 * NS_PER_S
_WIDTH_FALLS_WITH: Final = 3  # of a slope: with the square root of the duration's third power


def memory_growth(telemetry: Telemetry, window: Window) -> Estimated:
    """Return the growth of the target's resident memory in MiB/h: the Theil-Sen slope of means over 20 s blocks.

    The frames that the instrument shares with the target are of one size all along, so they add no slope. The
    interval is wider than the slope's own by what the kernel's counting may be off between start and end.
    """
    found = [series for need in METRICS[METRIC].needs for series in telemetry.meeting(need)]
    if not found:
        return Unknown(reason=f"this rig has no channel {' or '.join(map(str, METRICS[METRIC].needs))}")
    read = [series for series in found if series.valued().within(window).t_ns.size]
    if not read:
        return Unknown(reason="; ".join(series.why_empty() for series in found))
    return _growth(read[0], window)


def _growth(series: Series, window: Window) -> Estimated:
    n_possible = n_blocks(window, BLOCK_NS)
    block_ns = BLOCK_NS * max(1, -(-n_possible // N_BLOCKS_MAX))
    means_mib = block_means(series, window, block_ns) / BYTES_PER_MIB
    at = np.flatnonzero(np.isfinite(means_mib))
    if at.size < N_BLOCKS_MIN:
        return _too_few(int(at.size), n_possible)
    if not ((means_mib[at] > 0) & (means_mib[at] < MEMORY_MAX_MIB)).all():
        return Unknown(reason="the source reads 0 bytes or more than any machine has")
    return _estimate(at, means_mib[at], block_ns)


def _estimate(at: NDArray[np.int64], means_mib: NDArray[np.float64], block_ns: int) -> Estimate:
    slope = theil_sen(at.astype(np.float64), means_mib)
    per_h = _NS_PER_H / block_ns
    off_mib_per_h = COUNT_ERROR_MIB / int(at[-1] - at[0]) * per_h
    return Estimate(
        value=slope.value * per_h,
        lower=slope.lower * per_h - off_mib_per_h,
        upper=slope.upper * per_h + off_mib_per_h,
        n=slope.n,
        basis=f"{slope.n} blocks of {block_ns // NS_PER_S} s",
        measured_min=slope.n * block_ns / (NS_PER_S * S_PER_MIN),
        width_falls_with=_WIDTH_FALLS_WITH,
    )


def _too_few(n: int, n_possible: int) -> TooLittle:
    block_s = BLOCK_NS // NS_PER_S
    is_short = n_possible < N_BLOCKS_MIN
    return TooLittle(
        reason=f"{n} blocks of {block_s} s say nothing about growth, {N_BLOCKS_MIN} are the least",
        n=n,
        minutes_needed=(N_BLOCKS_MIN - n_possible) * block_s / S_PER_MIN if is_short else None,
    )
