import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilrig.attest.strict_json import MAX_DEPTH, read_strict_json
from hilrig.core.canonical import canonical_json
from hilrig.core.errors import TrustError


def read(data: bytes, max_bytes: int = 1 << 20):
    return read_strict_json(data, name="a.json", max_bytes=max_bytes)


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), (1 << 63) - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner)
    ),
    max_leaves=20,
)


@given(JSON_VALUES)
def test_whatever_hilrig_writes_is_read_back_unchanged(value):
    """Canonical JSON of any document that hilrig can write is read back equal."""
    assert read(canonical_json(value)) == value


@given(st.binary(max_size=200) | st.text('[]{}",:\\u0dDeE+-.19nNaIif \n', max_size=80).map(str.encode))
def test_no_input_gets_past_the_trust_error(data):
    """Arbitrary bytes are either JSON that the standard reader takes too, or a TrustError that names the file."""
    message = "a.json"
    try:
        assert read(data) == json.loads(data)
    except TrustError as error:
        message = error.message
    assert message.startswith("a.json")
    assert message.isprintable()


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b'{"a":1,"a":1}', "the key 'a' stands twice"),
        (b'[{"x":{"a":1,"b":2,"a":3}}]', "the key 'a' stands twice"),
        (b'{"a":1,"\\u0061":2}', "the key 'a' stands twice"),
        (b"[NaN]", "NaN is not a JSON number"),
        (b"[-Infinity]", "-Infinity is not a JSON number"),
        (b"[1e999]", "'1e999' is too large for a double"),
        (b"[-1.5e400]", "too large for a double"),
        (b"[9223372036854775808]", "does not fit in 64 bits"),
        (b"[-9223372036854775809]", "does not fit in 64 bits"),
        (b"[" + b"9" * 100_000 + b"]", "does not fit in 64 bits"),
        (b'["\\ud83d"]', r"half of a surrogate pair, \ud83d"),
        (b'{"\\udc00":1}', r"half of a surrogate pair, \udc00"),
        (b'["\xed\xa0\x80"]', "is not UTF-8: byte 0xed at offset 2"),
        (b"\xef\xbb\xbf{}", "byte order mark"),
        ('{"a":1}'.encode("utf-16"), "byte order mark"),
        ('{"a":1}'.encode("utf-16-be"), "a.json:1:1: not JSON"),
        (b'{"a":\n 1 2}', "a.json:2:4: not JSON"),
        (b"{} {}", "a.json:1:4: not JSON"),
        (b'["\x00"]', "not JSON"),
        (b"", "a.json:1:1: not JSON"),
        (b"{'a':1}", "not JSON"),
        (b"[01]", "not JSON"),
    ],
)
def test_what_readers_disagree_about_is_refused(data, expected):
    """Each trap that a lenient reader takes is refused with what is wrong and where."""
    with pytest.raises(TrustError) as caught:
        read(data)
    assert expected in caught.value.message


def test_the_largest_integers_are_read_exactly():
    """Both ends of the signed 64-bit range are inside."""
    assert read(b"[9223372036854775807,-9223372036854775808]") == [(1 << 63) - 1, -(1 << 63)]


def test_depth_has_a_limit():
    """The deepest allowed nesting is read, one level more is refused, and brackets in strings do not count."""
    assert read(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)
    assert read(b'["' + b"[" * 1000 + b'\\"[["]')
    with pytest.raises(TrustError, match="nested deeper than 32"):
        read(b'{"a":' * (MAX_DEPTH + 1) + b"1" + b"}" * (MAX_DEPTH + 1))
    with pytest.raises(TrustError, match="nested deeper than 32"):
        read(b"[" * 500_000)


def test_size_has_a_limit():
    """A document of exactly the limit is read, one byte more is refused before it is looked at."""
    assert read(b'"abc"', max_bytes=5) == "abc"
    with pytest.raises(TrustError, match="6 bytes long, expected at most 5"):
        read(b'"abcd"', max_bytes=5)


@pytest.mark.parametrize("unit", [b'\\"', b'"', b"\\", b'"\\', b"[{"])
def test_hostile_text_is_refused_in_linear_time(unit):
    """Half a megabyte of quotes and backslashes takes seconds of CPU time at most, not minutes."""
    start = time.thread_time()
    with pytest.raises(TrustError):
        read(b'"' + unit * (500_000 // len(unit)) + b"[")
    assert time.thread_time() - start < 10


def test_a_hostile_key_cannot_write_to_the_terminal():
    """Escape sequences and length of a key are tamed in the message."""
    key = json.dumps("\x1b[2J" + "x" * 10_000)
    with pytest.raises(TrustError) as caught:
        read(f"{{{key}:1,{key}:2}}".encode())
    assert "\x1b" not in caught.value.message
    assert len(caught.value.message) < 120
