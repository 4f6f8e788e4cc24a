"""hilrig.cli.options: durations with their unit."""

from contextlib import suppress

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from hilrig.cli.options import parse_duration


@pytest.mark.parametrize(
    ("text", "s"), [("90s", 90), ("10m", 600), ("10min", 600), ("8h", 28_800), ("1h30m", 5400), ("0.5h", 1800)]
)
def test_a_duration_says_its_unit(text, s):
    """Seconds, minutes and hours, alone or together."""
    assert parse_duration(text) == s


@pytest.mark.parametrize("text", ["", "10", "h", "10 m", "ten", "1h-5m", "0s", "1e3s", "10ms", "5m!", "+5m"])
def test_anything_else_is_asked_for_again(text):
    """A number without a unit, or text around it, is never guessed at."""
    with pytest.raises(typer.BadParameter):
        parse_duration(text)


@given(st.text(max_size=12))
def test_no_text_breaks_it(text):
    """Any text is seconds above zero or a usage error."""
    with suppress(typer.BadParameter):
        assert parse_duration(text) > 0
