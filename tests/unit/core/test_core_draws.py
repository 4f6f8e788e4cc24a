"""hilrig.core.draws: random numbers that no machine and no version changes."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hilrig.core.draws import SURPRISE_BITS, splitmix64, surprise

REFERENCE = [  # splitmix64.c, seed 1234567
    6457827717110365317,
    3203168211198807973,
    9817491932198370423,
    4593380528125082431,
    16408922859458223821,
]


def test_splitmix64_is_the_published_one():
    """The first outputs are those of the reference implementation, so that anybody can recompute a schedule."""
    assert splitmix64(1234567, np.arange(5)).tolist() == REFERENCE
    assert splitmix64(1234567, np.array([3, 0])).tolist() == [REFERENCE[3], REFERENCE[0]]


def test_the_largest_seed_wraps_as_the_reference_does():
    """Arithmetic is modulo 2^64: no seed overflows."""
    (drawn,) = splitmix64(2**64 - 1, np.array([0])).tolist()
    assert 0 <= drawn < 2**64


def test_surprise_at_its_ends():
    """The largest number is no surprise, the smallest one of 53 bits, a half one of one bit: exactly."""
    half = np.uint64((2**52 - 1) << 11)
    random = np.array([2**64 - 1, 0, half], np.uint64)
    assert surprise(random).tolist() == [0, 53 << SURPRISE_BITS, 1 << SURPRISE_BITS]


@given(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=50))
def test_surprise_is_the_logarithm(random: list[int]):
    """It is -log2(U), never less and less than 2^-28 more."""
    drawn = np.array([(number >> 11) + 1 for number in random], np.float64)
    exact = 53 - np.log2(drawn)  # its own error is below 2^-45
    over = surprise(np.array(random, np.uint64)) / 2.0**SURPRISE_BITS - exact
    assert over.min() > -(2.0**-40)
    assert over.max() < 2.0**-28


def test_surprise_is_the_same_for_one_and_for_many():
    """Vector length changes nothing: integers have no rounding that depends on it."""
    random = splitmix64(5, np.arange(1000))
    assert surprise(random).tolist() == [int(surprise(random[place : place + 1])[0]) for place in range(1000)]
