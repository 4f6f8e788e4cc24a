"""What a client may ask for."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilrig.app.web.forms import DURATION_MAX_S, named, start_form, stop_form
from hilrig.core.errors import HilrigError, UsageError

GOOD = {"profile": "weld", "duration_s": 90, "operator": "Ada", "note": "second shift"}


def body(**changes) -> bytes:
    return json.dumps(GOOD | changes).encode()


def test_a_whole_request_is_read():
    """Each part in its place."""
    form = start_form(body())
    assert (form.profile, form.duration_s, form.operator, form.note) == ("weld", 90.0, "Ada", "second shift")


def test_time_and_note_may_be_left_out():
    """Then the profile's time holds."""
    form = start_form(b'{"profile": "weld", "operator": "Ada"}')
    assert (form.duration_s, form.note) == (None, "")


@pytest.mark.parametrize("operator", ["", "   ", "\n\t", "\u200b\u202e", 3, None, ["Ada"], "x" * 201])
def test_a_name_is_a_name(operator):
    """Somebody starts a run: empty, invisible, very long or no text is nobody."""
    with pytest.raises(UsageError, match="the name"):
        start_form(body(operator=operator))


def test_texts_become_one_plain_line():
    """Control characters and marks that turn text around are gone; the words stay."""
    assert start_form(body(note=" a\r\nb\x1b[31m\u202ec\u2028 d ")).note == "a b [31m c d"


@pytest.mark.parametrize(
    "duration", [0, -1, DURATION_MAX_S + 1, True, "90", [90], float("nan"), float("inf"), 1e999]
)
def test_an_impossible_time_is_refused(duration):
    """Zero, a year, a text, no number."""
    with pytest.raises(HilrigError):
        start_form(body(duration_s=duration))


@pytest.mark.parametrize(
    "data",
    [b"", b"[]", b"{", b'"weld"', b"null", b'{"profile": "a", "profile": "b"}', b"\xff\xfe", b"[" * 5000],
)
def test_anything_but_one_strict_object_is_refused(data):
    """No key twice, no nesting bomb, no other encoding."""
    with pytest.raises(HilrigError):
        start_form(data)


def test_an_unknown_key_is_refused():
    """A misspelt wish is not dropped in silence."""
    with pytest.raises(UsageError, match="durations"):
        start_form(body(durations=3))


def test_a_stop_needs_a_name_and_a_reason():
    """Both are in the report; neither may be missing."""
    good = {"run": "r", "operator": "Ada", "reason": "smoke"}
    assert stop_form(json.dumps(good).encode()).reason == "smoke"
    for key in ("run", "operator", "reason"):
        with pytest.raises(UsageError, match="missing"):
            stop_form(json.dumps(good | {key: " "}).encode())


def test_one_named_text():
    """For a ticket's path or an entry of the queue."""
    assert named(b'{"path": "/runs/a.tar"}', "path") == "/runs/a.tar"
    with pytest.raises(UsageError, match="missing"):
        named(b"{}", "path")


@given(st.binary(max_size=200))
def test_bytes_are_a_form_or_a_refusal(data):
    """Never another error."""
    try:
        start_form(data)
    except HilrigError:
        return
