import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilrig.config.scalars import resolve


@pytest.mark.parametrize(
    "text",
    [
        "no",
        "No",
        "off",
        "on",
        "yes",
        "y",
        "n",
        "tRUE",
        "1:30",
        "2026-11-20",
        "1_000",
        "0,5",
        "45ms",
        "1e",
        "0x",
        "0o8",
        "0b11",
        "+",
        ".",
        "-.",
        "e3",
        "1.2.3",
        "١٢",
        "nan",
        "inf",
        "Infinity",
        "<<",
        "=",
        "NULLS",
        "1 2",
    ],
)
def test_what_yaml_1_1_guessed_stays_text(text: str):
    """Text that older YAML turned into booleans, base-60 numbers or dates stays the text that was written."""
    assert resolve(text) == text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("TRUE", True),
        ("False", False),
        ("", None),
        ("~", None),
        ("null", None),
        ("0", 0),
        ("-7", -7),
        ("+12", 12),
        ("017", 17),
        ("0o17", 15),
        ("0x1F", 31),
        ("1e3", 1000.0),
        ("1.", 1.0),
        (".5", 0.5),
        ("-1.5E-2", -0.015),
        ("999999999999999999", 999999999999999999),
    ],
)
def test_core_schema_values(text: str, value: object):
    """Booleans, nulls and numbers are exactly those of the YAML 1.2 core schema, with the right Python type."""
    assert resolve(text) == value
    assert type(resolve(text)) is type(value)


@pytest.mark.parametrize(
    "text", [".nan", ".NaN", ".inf", "-.inf", "+.INF", "1e999", "-1e400", "9" * 19, "9" * 5000]
)
def test_numbers_that_cannot_be_compared_are_refused(text: str):
    """A number that is not finite, or too long to mean the same everywhere, is refused instead of read."""
    with pytest.raises(ValueError, match=r"number|expected"):
        resolve(text)


@given(st.text(max_size=30))
def test_any_text_is_a_finite_value_or_refused(text: str):
    """No text whatever yields a number that is not finite."""
    try:
        value = resolve(text)
    except ValueError:
        return
    assert not isinstance(value, float) or math.isfinite(value)
