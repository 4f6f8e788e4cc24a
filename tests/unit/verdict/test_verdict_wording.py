"""Quantities in sentences."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilrig.verdict.wording import counted, listed, quantity


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (25.94321, "ms", "25.94 ms"),
        (45.0, "ms", "45 ms"),
        (0.0, "%", "0 %"),
        (-0.0, "%", "0 %"),
        (123_456.7, "frames", "123457 frames"),
        (0.001_234_5, "ms", "0.001234 ms"),
        (9.99999, "ms", "10 ms"),
        (1667.0, "us", "1667 µs"),
        (1.0, "bool", "yes"),
        (0.0, "bool", "no"),
        (0.8512, "1", "0.8512"),
    ],
)
def test_four_significant_digits_without_exponent(value: float, unit: str, text: str) -> None:
    """Numbers are read by people: no exponent, no trailing zeros, no minus zero."""
    assert quantity(value, unit) == text


@given(value=st.floats(1e-6, 1e9), beside=st.floats(1e-6, 1e9))
def test_different_numbers_never_look_equal(value: float, beside: float) -> None:
    """An observation beside its limit is written so that which one is larger can be seen."""
    if value != beside:
        assert quantity(value, "ms", beside=beside) != quantity(beside, "ms", beside=value)


def test_lists_say_how_many_they_hide() -> None:
    """A shortened list tells that it is one."""
    assert listed(["a", "b", "c"], at_most=2) == "a; b; and 1 more"
    assert listed(["a", "b"], at_most=2) == "a; b"


def test_one_is_singular() -> None:
    """`1 frame`, not `1 frames`."""
    assert [counted(n, "frame") for n in (0, 1, 2)] == ["0 frames", "1 frame", "2 frames"]


def test_a_quantity_too_small_to_mean_anything_is_said_to_be_small() -> None:
    """A drift of a billionth of a per cent is not printed to its last digit, and is not called 0."""
    assert quantity(1.112e-9, "%") == "less than 0.001 %"
    assert quantity(-9e-6, "ms") == "less than 0.001 ms"
    assert quantity(0.0, "%") == "0 %"


def test_one_event_is_no_events():
    """A count of one has its noun in the singular, also as an observation beside its limit."""
    assert quantity(1, "events", beside=0) == "1 event"
    assert quantity(2, "events") == "2 events"
    assert quantity(1, "frames") == "1 frame"
    assert quantity(1.0, "ms") == "1 ms"
