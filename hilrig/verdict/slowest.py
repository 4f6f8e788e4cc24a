"""The slowest decided frames."""

import numpy as np
from numpy.typing import NDArray

from hilrig.verdict.window import Window


def slowest(window: Window, n: int) -> NDArray[np.int64]:
    """Return the positions of the `n` slowest decided frames, slowest first, the earlier one of equals first.

    All of them when fewer were decided.
    """
    n_shown = min(n, window.n_decided)
    if not n_shown:
        return np.zeros(0, np.int64)
    floor_ns = window.sorted_latency_ns[window.n_decided - n_shown]
    slow = np.flatnonzero((window.latency_ns >= floor_ns) & window.measured.is_decided)
    order = np.argsort(-window.latency_ns[slow], kind="stable")[:n_shown]
    positions: NDArray[np.int64] = slow[order]
    return positions
