"""Simulated systems of known truth, for tests of what statistics promise. All take a seeded generator."""

import numpy as np
from numpy.typing import NDArray


def bursty(rng: np.random.Generator, *, n: int, share: float, mean_frames: int) -> NDArray[np.bool_]:
    """Return frames over the limit in bursts of geometric length, `share` of all in the long run."""
    on = rng.geometric(1 / mean_frames, n)
    off = rng.geometric(share / (mean_frames * (1 - share)), n)
    ends = np.cumsum(np.column_stack((off, on)).ravel())
    over: NDArray[np.bool_] = np.searchsorted(ends, np.arange(n), side="right") % 2 == 1
    return over


def autoregressive(rng: np.random.Generator, *, n_runs: int, n: int, correlation: float) -> NDArray[np.float64]:
    """Return `n_runs` stationary AR(1) series (rows) of standard deviation 1."""
    noise = rng.standard_normal((n, n_runs))
    noise[1:] *= np.sqrt(1 - correlation**2)
    for index in range(1, n):
        noise[index] += correlation * noise[index - 1]
    return noise.T
