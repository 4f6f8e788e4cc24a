import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilrig.report.blocks import block

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
HEAD, TAIL = '<script type="application/json" id="some-id">', "</script>"


@given(JSON)
def test_a_block_gives_back_what_was_put_in(value):
    """Whatever JSON can hold comes back as it was, from between the two tags."""
    text = str(block("some-id", value))
    assert text.startswith(HEAD)
    assert text.endswith(TAIL)
    assert json.loads(text[len(HEAD) : -len(TAIL)]) == value


@pytest.mark.parametrize(
    "hostile",
    ["</script><script>alert(1)</script>", "<!--<script>", "]]>", "&lt;", "\u2028\u2029", "\u202eFAIL", "é\ud800"],
)
def test_no_text_ends_or_disguises_its_block(hostile):
    """Markup, comments, line separators, reading direction and broken Unicode stand there as escapes."""
    inner = str(block("some-id", [hostile, {hostile: hostile}]))[len(HEAD) : -len(TAIL)]
    assert inner.isascii()
    assert not set("<>&") & set(inner)
    assert json.loads(inner)[0] == hostile


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [1.0, -float("inf")]])
def test_numbers_that_json_does_not_have_are_refused(value):
    """A page never holds NaN: a gap is null, and whoever writes the block has to say so."""
    with pytest.raises(ValueError, match="JSON"):
        block("some-id", value)


@pytest.mark.parametrize("block_id", ["", "A", "1a", 'a"b', "a b", "a>", "é"])
def test_an_id_that_could_leave_its_attribute_is_refused(block_id):
    """Ids are hilrig's own words."""
    with pytest.raises(ValueError, match="lower-case"):
        block(block_id, 1)
