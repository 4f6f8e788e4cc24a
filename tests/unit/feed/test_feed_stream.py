import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilrig.feed.stream import Stream

KEYS = st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=3)


def test_first_numbers_are_pinned():
    """The stream's first numbers are the same as on the day that the golden set was made."""
    stream = Stream(7, 0, 3)
    assert [stream.integer(0, 1000) for _ in range(4)] == [776, 989, 961, 31]
    assert stream.unit() == 0.2166931874193313
    assert stream.octets(5).tolist() == [121, 73, 52, 218, 219]


@given(KEYS)
def test_equal_keys_give_equal_numbers(key):
    """A key decides the whole stream."""
    assert Stream(*key).octets(64).tobytes() == Stream(*key).octets(64).tobytes()


@given(KEYS, st.integers(-1000, 1000), st.integers(1, 1000))
def test_integers_stay_in_range(key, low, span):
    """An integer is at least `low` and less than `high`."""
    stream = Stream(*key)
    assert all(low <= stream.integer(low, low + span) < low + span for _ in range(20))


@pytest.mark.parametrize("first", [(1, 2), (2, 1), (1, 2, 0), (12,)])
def test_different_keys_give_different_streams(first):
    """Neither the order of key words nor a further zero is ignored."""
    assert Stream(*first).octets(32).tobytes() != Stream(1, 3).octets(32).tobytes()


def test_integers_reach_both_ends_evenly():
    """A die shows all its faces about equally often."""
    stream = Stream(5)
    counts = np.bincount([stream.integer(0, 6) for _ in range(6000)], minlength=6)
    assert len(counts) == 6
    assert counts.min() > 850
    assert counts.max() < 1150


def test_octets_have_the_asked_shape_and_are_uniform():
    """Bytes fill any shape, also one that is no multiple of a word, from 0 to 255."""
    octets = Stream(5).octets(3, 7, 1001)
    assert octets.shape == (3, 7, 1001)
    assert octets.dtype == np.uint8
    assert (octets.min(), octets.max()) == (0, 255)
    assert abs(float(octets.mean()) - 127.5) < 2


def test_signed_is_float32_around_zero():
    """Signed numbers are float32 in [-1, 1): float64 would change every later rounding."""
    values = Stream(5).signed(10_000)
    assert values.dtype == np.float32
    assert values.min() >= -1
    assert values.max() < 1
    assert abs(float(values.mean())) < 0.05


@given(KEYS)
def test_sign_and_unit_stay_in_range(key):
    """A sign is -1 or 1, a unit number less than 1."""
    stream = Stream(*key)
    assert {stream.sign() for _ in range(20)} <= {-1, 1}
    assert all(0 <= stream.unit() < 1 for _ in range(20))
