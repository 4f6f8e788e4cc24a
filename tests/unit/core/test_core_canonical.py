"""hilrig.core.canonical: one byte form, or none."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilrig.core.canonical import canonical_json, sha256_hex

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text("aäß\u2028"),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("abé"), inner),
    max_leaves=8,
)


@given(JSON)
def test_reading_it_back_gives_the_same_bytes(value):
    """Canonical bytes are a fixed point: parse and write again, and nothing changes."""
    data = canonical_json(value)
    assert canonical_json(json.loads(data)) == data


def test_the_order_of_keys_does_not_matter():
    """Two dictionaries that are equal have the same bytes."""
    assert canonical_json({"b": 1, "a": 2}) == canonical_json({"a": 2, "b": 1}) == b'{"a":2,"b":1}'


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_a_number_that_json_does_not_have_is_refused(bad):
    """NaN and infinity never reach a signed file."""
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json([bad])


def test_the_digest_is_the_one_of_sha256sum():
    """The empty input's digest is the well-known one."""
    assert sha256_hex(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
