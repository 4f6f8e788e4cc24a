"""The frames that a percentile is taken of: all measured ones, or those of a part of the run."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hilrig.verdict.statistics.percentile_bounds import nearest_rank
from hilrig.verdict.window import INTENDED, NEVER, Window


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Part:
    """Consecutive measured frames.

    Args:
        words: what a sentence says of them; empty for the whole run.
        latency_ns: in the order of the frames, NEVER without a decision.
        sorted_latency_ns: the same, ascending.
        n_decided: how many of them were decided.
        n_final: frames that this part has, or would have had but for an early end.
    """

    words: str
    latency_ns: NDArray[np.int64]
    sorted_latency_ns: NDArray[np.int64]
    n_decided: int
    n_final: int

    @property
    def n(self) -> int:
        """Return the number of frames."""
        return int(self.latency_ns.size)

    def percentile_ns(self, permille: int) -> int | None:
        """Return the nearest-rank percentile of all frames; None when it is that of an undecided one."""
        return self.latency_at(nearest_rank(self.n, permille))

    def latency_at(self, rank: int) -> int | None:
        """Return the latency with this 1-based rank in nanoseconds; None when it is that of an undecided frame."""
        latency_ns = int(self.sorted_latency_ns[rank - 1])
        return None if latency_ns == NEVER else latency_ns


def whole_run(window: Window) -> Part:
    """Return all measured frames."""
    return Part(
        words="",
        latency_ns=window.latency_ns,
        sorted_latency_ns=window.sorted_latency_ns,
        n_decided=window.n_decided,
        n_final=window.n_final,
    )


def part_after(window: Window, after_ns: int, *, words: str) -> Part:
    """Return the frames that were due `after_ns` or more after the start of the measured part."""
    first = int(np.searchsorted(window.measured.stamps_ns[INTENDED], window.start_ns + after_ns))
    ordered_ns = _without(window.sorted_latency_ns, np.sort(window.latency_ns[:first]))
    return Part(
        words=words,
        latency_ns=window.latency_ns[first:],
        sorted_latency_ns=ordered_ns,
        n_decided=int(np.searchsorted(ordered_ns, NEVER)),
        n_final=window.n_final - first,
    )


def _without(ordered_ns: NDArray[np.int64], removed_ns: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return ascending values without some, also ascending: cheaper than sorting the rest of a long run."""
    nth_of_equals = np.arange(removed_ns.size) - np.searchsorted(removed_ns, removed_ns)
    return np.delete(ordered_ns, np.searchsorted(ordered_ns, removed_ns) + nth_of_equals)
