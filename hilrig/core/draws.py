"""Random numbers that are the same on every machine, in every version.

Each follows from a seed and its number alone. numpy's own generators promise their stream only within a version,
and a logarithm differs in its last bit from one C library to the next; a schedule that is computed again years
later may rest on neither.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

SURPRISE_BITS: Final = 30
"""Fractional bits of `surprise`: a nanosecond is 2^-30 of a second."""

_GAMMA: Final = 0x9E3779B97F4A7C15
_DRAWN_BITS: Final = 53  # as many as a float64 holds exactly
_1, _31, _63 = np.uint64(1), np.uint64(31), np.uint64(63)


def splitmix64(seed: int, numbers: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Return 64 random bits for each of some numbers, counted from 0: the outputs of splitmix64 by their place.

    Source: Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014; constants of the
    public-domain splitmix64.c by Vigna.
    """
    state = np.uint64(seed) + (numbers.astype(np.uint64) + _1) * np.uint64(_GAMMA)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: NDArray[np.uint64] = state ^ (state >> _31)
    return mixed


def surprise(random: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return -log2(U), 0 to 53, as multiples of 2^-30, for U = ((random >> 11) + 1) / 2^53 in (0, 1].

    With uniform `random` it is exponential with mean 1 / ln 2. Never less than the true value, and less than
    2^-28 over it.

    The logarithm's bits come one by one from squaring: x^2 of x in [1, 2) reaches 2 when the next bit is 1 (Knuth,
    TAOCP 1, section 1.2.2, exercise 25). Floats appear only where they are exact, to find the leading bit.
    """
    drawn = (random >> np.uint64(64 - _DRAWN_BITS)) + _1
    mantissa, exponent = np.frexp(drawn.astype(np.float64))
    x = (mantissa * 2.0**32).astype(np.uint64)  # fixed point: 2^31 is 1
    log2 = exponent.astype(np.uint64) - _1
    for _ in range(SURPRISE_BITS):
        x *= x
        bit = x >> _63
        x >>= bit + _31
        log2 <<= _1
        log2 |= bit
    surprise: NDArray[np.uint64] = np.uint64(_DRAWN_BITS << SURPRISE_BITS) - log2
    return surprise
