"""The explanation of some late frames, as numbers."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hilrig.verdict.attribution.origin import Origins, Positions


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Explanation:
    """What explains each of n frames.

    Args:
        positions: the frames, n places in `Window.measured`.
        origins: where each lost its time.
        found_ns: findings x n: how much of the excess each of `evidence.FINDINGS` can explain.
        finding: n indices of the finding that carries, -1 where none does.
        service: n indices of the co-resident service that was active, -1 without one.
        code: n indices in the order of `Cause`.
    """

    positions: Positions
    origins: Origins
    found_ns: NDArray[np.float64]
    finding: NDArray[np.int64]
    service: NDArray[np.int64]
    code: NDArray[np.int64]
