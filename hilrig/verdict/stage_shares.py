"""Where the time goes: the stages' shares of the latency.

They are taken of all decided frames and of the slowest 1 %.
"""

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hilrig.core.analysis import StageShare
from hilrig.core.units import NS_PER_MS
from hilrig.verdict.measure import STAGES
from hilrig.verdict.slowest import slowest
from hilrig.verdict.window import INTENDED, RELEASE, Window

SLOWEST_PARTS: Final = 100
"""One frame in a hundred: those that a p99 limit is about."""

PARTS: Final = {
    "feeder_lateness": (INTENDED, RELEASE),
    **{name: ends for name, ends in STAGES.items() if name != "service"},  # the sum of three others
}
"""From which stamp to which a part of the latency lasts; together they are all of it."""

OTHER: Final = "other"


def stage_shares(window: Window) -> tuple[StageShare, ...]:
    """Return the share of each stage that the frames show, in the order of the frame's way; the shares sum to 100.

    A stage without stamps is left out: its time, and whatever else no stamps divide, is `other`. The slowest 1 %
    are at least one frame. Empty without decided frames, or with latencies that no clock can have measured.
    """
    is_decided = window.measured.is_decided
    n_slowest = -(-window.n_decided // SLOWEST_PARTS)
    everywhere = _totals_ns(window.latency_ns, window.measured.stamps_ns, is_decided)
    tail = slowest(window, n_slowest)
    at_worst = _totals_ns(
        window.latency_ns[tail], window.measured.stamps_ns[:, tail], np.ones(n_slowest, np.bool_)
    )
    if sum(everywhere.values()) <= 0 or sum(at_worst.values()) <= 0:
        return ()
    return tuple(_shares(everywhere, at_worst, n=window.n_decided, n_slowest=n_slowest))


def _totals_ns(
    latency_ns: NDArray[np.int64], stamps_ns: NDArray[np.int64], counts: NDArray[np.bool_]
) -> Mapping[str, int]:
    """Return the time of each stage that shows, summed exactly over the frames that count, and the rest."""
    totals_ns: dict[str, int] = {}
    n_shown = 0
    for name, (begin, end) in PARTS.items():
        shows = counts & (stamps_ns[begin] > 0) & (stamps_ns[end] > 0)
        n = int(np.count_nonzero(shows))
        if n:
            totals_ns[name] = int(np.sum(stamps_ns[end] - stamps_ns[begin], where=shows))
        n_shown += n
    rest_ns = int(np.sum(latency_ns, where=counts)) - sum(totals_ns.values())
    is_whole = n_shown == len(PARTS) * int(np.count_nonzero(counts))
    return totals_ns if is_whole else totals_ns | {OTHER: rest_ns}


def _shares(
    everywhere: Mapping[str, int], at_worst: Mapping[str, int], *, n: int, n_slowest: int
) -> Iterator[StageShare]:
    total_ns, worst_ns = sum(everywhere.values()), sum(at_worst.values())
    for stage, stage_ns in everywhere.items():
        slow_ns = at_worst.get(stage, 0)
        yield StageShare(
            stage=stage,
            mean_ms=stage_ns / (n * NS_PER_MS),
            share_pct=100 * stage_ns / total_ns,
            slowest_mean_ms=slow_ns / (n_slowest * NS_PER_MS),
            slowest_share_pct=100 * slow_ns / worst_ns,
            n_slowest=n_slowest,
        )
