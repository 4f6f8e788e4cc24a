"""hilrig.rig.agent.event_log: numbered lines, written whole, read while they grow."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilrig.rig.agent.event_log import EventWriter, LineReader
from small_disks import mounted

pytestmark = pytest.mark.waiting


def read(path):
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def test_events_are_numbered_from_one(tmp_path):
    """Each with both clocks."""
    writer = EventWriter(tmp_path / "events.jsonl")
    writer.say("leased", run_id="r1")
    writer.say("heartbeat", phase="waiting")
    first, second = read(tmp_path / "events.jsonl")
    assert (first["seq"], first["kind"], first["run_id"]) == (1, "leased", "r1")
    assert (second["seq"], second["phase"]) == (2, "waiting")
    assert second["boottime_ns"] >= first["boottime_ns"] > 0


def test_a_second_writer_is_refused(tmp_path):
    """Two keepers would number alike."""
    EventWriter(tmp_path / "events.jsonl")
    with pytest.raises(FileExistsError):
        EventWriter(tmp_path / "events.jsonl")


def test_a_full_disk_delays_events_and_loses_none(tmp_path):
    """What it refused is written when there is room again, in order, without a torn line between."""
    with mounted(tmp_path / "disk", "size=64k") as disk:
        writer = EventWriter(disk / "events.jsonl")
        writer.say("first")
        ballast = disk / "ballast"
        with ballast.open("wb", buffering=0) as file:
            try:
                while file.write(bytes(4096)):
                    pass
            except OSError:
                pass
        for number in range(200):
            writer.say("late", number=number, text="x" * 100)
        assert writer.is_behind
        ballast.unlink()
        writer.flush()
        assert not writer.is_behind
        events = read(disk / "events.jsonl")
        assert [event["seq"] for event in events] == list(range(1, 202))
        assert [event["number"] for event in events[1:]] == list(range(200))


@given(st.lists(st.binary(max_size=40).map(lambda data: data.replace(b"\n", b"")), max_size=20), st.data())
def test_lines_are_read_once_whatever_the_writes_were(tmp_path_factory, lines, data):
    """Cut anywhere, also within a line: no line is lost, doubled or torn."""
    path = tmp_path_factory.mktemp("log") / "events.jsonl"
    whole = b"".join(line + b"\n" for line in lines)
    reader = LineReader(path, line_max_bytes=100)
    seen = list(reader.lines())
    at = 0
    while at < len(whole):
        end = data.draw(st.integers(at + 1, len(whole)))
        with path.open("ab") as file:
            file.write(whole[at:end])
        at = end
        seen += reader.lines()
    reader.close()
    assert seen == lines


def test_a_torn_line_that_is_cut_back_is_not_read(tmp_path):
    """A full disk tears a line; its writer cuts it back and writes another."""
    path = tmp_path / "events.jsonl"
    reader = LineReader(path, line_max_bytes=100)
    path.write_bytes(b"one\ntw")
    assert list(reader.lines()) == [b"one"]
    path.write_bytes(b"one\n")
    assert list(reader.lines()) == []
    path.write_bytes(b"one\nother\n")
    assert list(reader.lines()) == [b"other"]


def test_a_line_without_end_takes_no_memory(tmp_path):
    """What is longer than a line may be is passed over; what comes behind it is read."""
    path = tmp_path / "events.jsonl"
    reader = LineReader(path, line_max_bytes=1 << 20)
    path.write_bytes(b"x" * (5 << 20) + b"\nnext\n")
    assert list(reader.lines())[-1] == b"next"


def test_a_link_is_not_followed(tmp_path):
    """The run on the rig may have put it there."""
    (tmp_path / "secret").write_text("secret\n")
    (tmp_path / "events.jsonl").symlink_to(tmp_path / "secret")
    assert list(LineReader(tmp_path / "events.jsonl", line_max_bytes=100).lines()) == []
