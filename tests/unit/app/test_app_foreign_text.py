"""hilrig.app.foreign_text: what people type."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilrig.app.foreign_text import given_text, one_line
from hilrig.core.errors import UsageError


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("Ada Lovelace", "Ada Lovelace"),
        ("  two\n\nlines\t ", "two lines"),
        ("\x1b[2Jgone", "[2Jgone"),
        ("abc\u202edcb", "abc dcb"),
        ("Ärger 溶接 </script>", "Ärger 溶接 </script>"),
        ("a\u2028b\x00c", "a b c"),
    ],
)
def test_control_and_format_characters_go(text, line):
    """Words stay as they are, markup too: escaping is the page's work."""
    assert one_line(text) == line


@given(st.text())
def test_one_line_is_printable_and_stays_what_it_is(text):
    """Nothing steers a terminal, and a second time changes nothing."""
    line = one_line(text)
    assert line.isprintable()
    assert one_line(line) == line


def test_a_text_that_is_too_long_is_refused_with_both_lengths():
    """It is not cut: half a note may say the opposite."""
    assert given_text("a" * 200, what="note", at_most=200) == "a" * 200
    with pytest.raises(UsageError, match="the note has 201 characters, at most 200 fit"):
        given_text("a" * 201, what="note", at_most=200)
