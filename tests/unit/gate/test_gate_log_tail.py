import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilrig.gate.log_tail import KEYS, log_tail

TOKEN = "ghp_R4nd0mT0kenThatMustNotLeave1234567"  # made up
LINE = {
    "event": "service.ready",
    "seq": 7,
    "node": "weld-3",
    "model_hash": "a" * 64,
    "config_version": "2",
    "runtime_version": "onnxruntime 1.31.1",
    "delegate_active": "CPUExecutionProvider",
    "error_code": "HR-203",
    "load_time_ms": 12.5,
    "thermal_state": "normal",
}


def line(**fields) -> bytes:
    return json.dumps(fields).encode() + b"\n"


def test_a_standard_line_is_kept_whole():
    """What support needs is all there."""
    assert [json.loads(one) for one in log_tail(line(**LINE)).splitlines()] == [LINE]


@pytest.mark.parametrize("key", [*sorted(KEYS), "reason", "detail", "message", "Authorization"])
def test_a_token_leaves_in_no_key(key):
    """Neither a key from the list nor another one lets a token through."""
    assert TOKEN.encode() not in log_tail(line(**{**LINE, key: TOKEN}) + line(**{key: [TOKEN]}))


def test_only_the_last_two_hundred_lines_are_looked_at():
    """A long log gives its end."""
    tail = log_tail(b"".join(line(seq=number) for number in range(1000)))
    assert [json.loads(one)["seq"] for one in tail.splitlines()] == list(range(800, 1000))


@pytest.mark.parametrize(
    "data",
    [b"password=hunter2\n", b'["a"]\n', b"1\n", b"\xff\xfe\n", b"[" * 60000 + b"\n", b'{"seq": NaN}\n', b""],
)
def test_what_is_no_json_object_stays_behind(data):
    """Plain text, lists, bytes that are no text, JSON that is too deep, numbers that are none."""
    assert log_tail(data) == b""


@given(st.binary(max_size=300) | st.dictionaries(st.text(), st.text() | st.integers()).map(lambda x: line(**x)))
def test_what_comes_out_is_json_of_known_keys(data):
    """Whatever goes in."""
    for one in log_tail(data).splitlines():
        assert set(json.loads(one)) <= KEYS
