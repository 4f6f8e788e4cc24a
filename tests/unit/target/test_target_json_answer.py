"""hilrig.target.json_answer: JSON from a service that is not trusted to send any."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilrig.core.frame import OutcomeReason
from hilrig.target.json_answer import DEPTH_MAX, read_json_object
from hilrig.target.outcome import FrameError


def test_an_object_is_returned():
    """NaN is let through: a score that is NaN fails as one."""
    answer = read_json_object(b'{"score": NaN, "x": [1, {"y": "]"}]}')
    assert answer["score"] != answer["score"]
    assert answer["x"] == [1, {"y": "]"}]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[1]",
        b"null",
        b'{"a": 1',
        b'{"a": 1} {"b": 2}',
        b"<html>",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"a":' * 900 + b"1" + b"}" * 900,
        b'{"a": ' + b"9" * 100_000 + b"}",
    ],
)
def test_anything_else_is_a_bad_answer(data):
    """Whatever it is, it is this frame's failure."""
    with pytest.raises(FrameError) as caught:
        read_json_object(data)
    assert caught.value.reason is OutcomeReason.BAD_ANSWER
    assert len(caught.value.message) < 400


def test_what_is_nested_to_the_bound_is_read():
    """One level more is refused."""
    inner = b"[" * (DEPTH_MAX - 1) + b"]" * (DEPTH_MAX - 1)
    assert read_json_object(b'{"a":' + inner + b"}")
    with pytest.raises(FrameError, match="nested"):
        read_json_object(b'{"a":[' + inner + b"]}")


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_no_bytes_raise_anything_else(data):
    """An object or a failed frame; nothing in between."""
    try:
        assert isinstance(read_json_object(data), dict)
    except FrameError:
        with pytest.raises((ValueError, AssertionError)):
            assert isinstance(json.loads(data), dict)
