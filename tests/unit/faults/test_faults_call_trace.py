"""The record of file calls, read strictly."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilrig.core.errors import RecordError
from hilrig.faults.call_trace import WRITES_IN_A_ROW_MAX, FileCall, Op, merged, parse_trace


def line(op, **keys):
    return json.dumps({"op": op, **keys})


def test_every_call_of_the_document_is_read():
    """docs/node.md lists them."""
    data = base64.b64encode(b"abc").decode()
    calls = parse_trace(
        [
            line("create", path="tmp/x"),
            line("write", path="tmp/x", offset=4, data=data),
            line("truncate", path="tmp/x", size=2),
            line("fsync", path="tmp/x"),
            line("fsync_folder", path="."),
            line("rename", **{"from": "tmp/x", "to": "y"}),
            line("link", **{"from": "y", "to": "z"}),
            line("unlink", path="z"),
            line("mkdir", path="d"),
            line("rmdir", path="d"),
            line("chmod", path="y", mode=0o444),
            line("symlink", path="current", text="/elsewhere"),
            "",
        ]
    )
    assert {call.op for call in calls} == set(Op)
    assert calls[1] == FileCall(op=Op.WRITE, path="tmp/x", offset=4, data=b"abc")
    assert calls[5] == FileCall(op=Op.RENAME, path="tmp/x", target="y")
    assert calls[-1].target == "/elsewhere"


@pytest.mark.parametrize(
    "wrong",
    [
        "{",
        "[]",
        "null",
        line("frob", path="x"),
        line("create"),
        line("create", path="x", mode=1),
        line("create", path=7),
        line("create", path="../x"),
        line("create", path="/x"),
        line("create", path="a\0b"),
        line("write", path="x", offset=-1, data=""),
        line("write", path="x", offset=True, data=""),
        line("write", path="x", offset=0, data="%%%"),
        line("rename", **{"from": "x"}),
        line("rename", **{"from": "x", "to": "../y"}),
    ],
)
def test_a_line_that_is_no_call_is_refused_with_its_number(wrong):
    """A record with a hole is no evidence."""
    with pytest.raises(RecordError, match="line 2"):
        parse_trace([line("create", path="x"), wrong])


@given(st.text(max_size=200))
def test_no_text_makes_the_reader_fail_otherwise(text):
    """Whatever stands there: calls, or one clear message."""
    try:
        parse_trace(text.splitlines())
    except RecordError:
        return


def test_a_long_row_of_writes_becomes_a_few_with_the_same_bytes():
    """A model in a thousand pieces is torn in the same ways as one in eight."""
    pieces = [FileCall(op=Op.WRITE, path="x", offset=index * 3, data=b"abc") for index in range(1000)]
    sync = FileCall(op=Op.FSYNC, path="x")
    few = merged([*pieces, sync, *pieces[:2]])
    assert len(few) <= 2 * WRITES_IN_A_ROW_MAX + 1
    assert b"".join(call.data for call in few if call.op is Op.WRITE) == b"abc" * 1002
    assert sync in few


def test_writes_that_do_not_follow_each_other_stay_apart():
    """An overwrite, or another file between them, is a cut of its own."""
    calls = [
        FileCall(op=Op.WRITE, path="x", offset=0, data=b"a"),
        FileCall(op=Op.WRITE, path="x", offset=0, data=b"b"),
        FileCall(op=Op.WRITE, path="y", offset=1, data=b"c"),
    ]
    assert merged(calls) == tuple(calls)
