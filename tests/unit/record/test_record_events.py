import errno
import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hilrig.core.errors import RecordError
from hilrig.record import events as events_module
from hilrig.record.events import EventWriter, read_events


def write_events(folder, n_events=4):
    writer = EventWriter(folder)
    for number in range(n_events):
        writer.append(
            "phase", {"phase": number, "note": "line\nbreak µ"}, t_ns=number, at_utc="2026-11-21T05:33:12Z"
        )
    writer.close()
    return (folder / "events.jsonl").read_bytes()


def test_events_come_back_in_order(tmp_path):
    """Each event is one line; sequence, stamp, time, kind and detail come back equal."""
    write_events(tmp_path)
    log = read_events(tmp_path)
    assert log.loss.is_none
    assert [(event.seq, event.t_ns, event.kind) for event in log.events] == [(i, i, "phase") for i in range(4)]
    assert log.events[2].detail == {"phase": 2, "note": "line\nbreak µ"}


def test_an_event_is_on_the_disk_when_the_call_returns(tmp_path, monkeypatch):
    """Every event is flushed by itself."""
    flushed = []
    monkeypatch.setattr(os, "fdatasync", flushed.append)
    write_events(tmp_path, 3)
    assert len(flushed) == 3


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(data=st.data())
def test_a_torn_tail_is_counted_and_the_events_before_it_stand(tmp_path, data):
    """Cut anywhere, with zeros or garbage behind: the whole lines before are kept, every byte after is counted."""
    path = tmp_path / "events.jsonl"
    if not path.exists():
        write_events(tmp_path)
        (tmp_path / "whole").write_bytes(path.read_bytes())
    whole = (tmp_path / "whole").read_bytes()
    n_bytes = data.draw(st.integers(0, len(whole)))
    garbage = data.draw(st.one_of(st.binary(max_size=40), st.integers(0, 5000).map(bytes)))
    path.write_bytes(whole[:n_bytes] + garbage)
    log = read_events(tmp_path)
    assert whole.startswith(log.data)
    assert len(log.events) == log.data.count(b"\n")
    assert log.loss.n_line_bytes_dropped == len(log.tail) == n_bytes + len(garbage) - len(log.data)
    assert log.loss.is_none == (not log.tail)


@pytest.mark.parametrize(
    "line",
    [
        b'{"seq":2,"t_ns":1,"at_utc":"","kind":"phase","detail":{}}\n',
        b'{"seq":4,"t_ns":"1","at_utc":"","kind":"phase","detail":{}}\n',
        b'{"seq":4,"t_ns":1,"at_utc":"","kind":"phase","detail":{},"spare":1}\n',
        b'{"seq":4,"seq":4,"t_ns":1,"at_utc":"","kind":"phase","detail":{}}\n',
        b'{"seq":4,"t_ns":1,"at_utc":"","kind":"phase","detail":{"x":NaN}}\n',
        b"\n",
        b"[" * 5000 + b"\n",
        b'{"seq":4,"t_ns":1,"at_utc":"","kind":"phase","detail":{"x":"' + b"x" * (1 << 20) + b'"}}\n',
    ],
)
def test_a_line_that_is_no_event_ends_the_log(tmp_path, line):
    """Lines out of order, of other types or keys, too deep, too long: nothing from there on is taken."""
    whole = write_events(tmp_path)
    later = b'{"seq":5,"t_ns":1,"at_utc":"","kind":"phase","detail":{}}\n'
    (tmp_path / "events.jsonl").write_bytes(whole + line + later)
    log = read_events(tmp_path)
    assert len(log.events) == 4
    assert log.loss.where == "events.jsonl:5"
    assert log.loss.n_lines_dropped == 2


def test_missing_events_are_a_loss(tmp_path):
    """No file is not the same as no events."""
    log = read_events(tmp_path)
    assert log.events == ()
    assert log.loss.why == "events.jsonl is missing"


def test_a_giant_is_refused(tmp_path, monkeypatch):
    """An events file larger than any run writes is refused by its size."""
    write_events(tmp_path)
    monkeypatch.setattr(events_module, "EVENTS_MAX_BYTES", 100)
    with pytest.raises(RecordError, match="at most 100 bytes"):
        read_events(tmp_path)


@pytest.mark.parametrize("detail", [{"x": float("nan")}, {"x": object()}, {"x": "x" * (1 << 20)}, {("a", 1): 2}])
def test_a_detail_that_is_no_json_is_refused_and_not_numbered(tmp_path, detail):
    """A bad event leaves no line and no gap in the sequence."""
    writer = EventWriter(tmp_path)
    with pytest.raises(RecordError, match="event bad"):
        writer.append("bad", detail, t_ns=0, at_utc="")
    writer.append("good", {}, t_ns=0, at_utc="")
    writer.close()
    assert [event.seq for event in read_events(tmp_path).events] == [0]


def test_a_full_disk_keeps_no_half_event(tmp_path, monkeypatch):
    """ENOSPC in the middle of a line leaves the file as it was before; the next event fits again."""
    writer = EventWriter(tmp_path)
    writer.append("first", {}, t_ns=0, at_utc="")
    pwrite = os.pwrite
    room = [10]

    def nearly_full(fd, data, offset):
        if not room:
            raise OSError(errno.ENOSPC, "full")
        return pwrite(fd, data[: room.pop()], offset)

    monkeypatch.setattr(os, "pwrite", nearly_full)
    with pytest.raises(OSError, match="full"):
        writer.append("second", {}, t_ns=0, at_utc="")
    monkeypatch.undo()
    writer.append("third", {}, t_ns=0, at_utc="")
    writer.close()
    log = read_events(tmp_path)
    assert log.loss.is_none
    assert [(event.seq, event.kind) for event in log.events] == [(0, "first"), (1, "third")]
