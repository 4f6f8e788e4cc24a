"""Random numbers that are the same on every machine, for every numpy release.

numpy guarantees the raw output of a bit generator for good, but not what `Generator` makes of it. So everything
here is derived from `PCG64.random_raw` with integer arithmetic, or with one exactly rounded float operation.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from hilrig.feed.plane import Plane

_UNIT: Final = 2.0**-53


class Stream:
    """A stream of random numbers that depends on its key alone. Key words are below 2^32."""

    def __init__(self, *key: int) -> None:
        self._bits = np.random.PCG64(np.random.SeedSequence(key))

    def unit(self) -> float:
        """Return a number in [0, 1), a multiple of 2^-53."""
        return (int(self._bits.random_raw()) >> 11) * _UNIT

    def between(self, low: float, high: float) -> float:
        """Return a number in [low, high)."""
        return low + (high - low) * self.unit()

    def integer(self, low: int, high: int) -> int:
        """Return an integer in [low, high)."""
        return low + ((int(self._bits.random_raw()) >> 32) * (high - low) >> 32)

    def sign(self) -> int:
        """Return -1 or 1."""
        return 1 - 2 * self.integer(0, 2)

    def chance(self, probability: float) -> bool:
        """Return True with the given probability."""
        return self.unit() < probability

    def octets(self, *shape: int) -> NDArray[np.uint8]:
        """Return an array of uniformly distributed bytes."""
        n_bytes = int(np.prod(shape))
        words: NDArray[np.uint64] = self._bits.random_raw(-(-n_bytes // 8))
        return words.astype("<u8").view(np.uint8)[:n_bytes].reshape(shape)

    def signed(self, *shape: int) -> Plane:
        """Return an array of numbers in [-1, 1), multiples of 2^-7."""
        return (self.octets(*shape).astype(np.float32) - 128.0) * 0.0078125
