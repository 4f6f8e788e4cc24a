import errno
import os
import time
from itertools import pairwise

import pyarrow as pa
import pytest
from record_samples import CAPABILITIES, frames_table, readings_table

from hilrig.record import journal as journal_module
from hilrig.record import run_directory
from hilrig.record.frames import FRAME_SCHEMA, decode_frames, encode_frames
from hilrig.record.journal import JournalWriter
from hilrig.record.journal_check import check_journal
from hilrig.record.journal_entry import FRAMES_JOURNAL, TELEMETRY_JOURNAL, parse_line
from hilrig.record.telemetry import encode_readings, reading_schema


def journal_of(folder, sizes=(300, 300, 40), *, close=True):
    writer = JournalWriter(folder, FRAMES_JOURNAL, FRAME_SCHEMA)
    first_id = 0
    for size in sizes:
        writer.append(encode_frames(frames_table(size, first_id=first_id)))
        first_id += size
    if close:
        writer.close()
    return writer


def recovered(folder):
    checked = check_journal(folder, FRAMES_JOURNAL)
    return checked, b"".join(decode_frames(batch).tobytes() for batch in checked.batches())


def test_what_was_written_is_read(tmp_path):
    """A closed journal gives back every row, and says that nothing is lost."""
    journal_of(tmp_path)
    checked, rows = recovered(tmp_path)
    assert rows == frames_table(640).tobytes()
    assert checked.is_closed
    assert checked.loss.is_none
    assert (checked.loss.n_batches_kept, checked.loss.n_rows_kept) == (3, 640)
    assert checked.schema.equals(FRAME_SCHEMA, check_metadata=True)


def test_any_arrow_library_opens_the_data_file(tmp_path):
    """The data file alone is a plain Arrow IPC stream."""
    journal_of(tmp_path)
    table = pa.ipc.open_stream((tmp_path / "frames.arrows").read_bytes()).read_all()
    assert table.num_rows == 640


def test_an_open_journal_is_whole_but_not_closed(tmp_path):
    """A journal of a run that still goes on has no loss, and does not claim to be complete."""
    journal_of(tmp_path, close=False).abandon()
    checked, rows = recovered(tmp_path)
    assert len(rows) == 640 * 64
    assert checked.loss.is_none
    assert not checked.is_closed


def test_both_files_cut_at_one_border_are_not_taken_for_complete(tmp_path):
    """Losing the same last batch from both files cannot be seen in the batches, but in the missing end line."""
    journal_of(tmp_path)
    path = tmp_path / "frames.journal"
    lines = path.read_bytes().splitlines(keepends=True)
    last = parse_line(lines[3])
    path.write_bytes(b"".join(lines[:3]))
    os.truncate(tmp_path / "frames.arrows", last.offset)
    checked, rows = recovered(tmp_path)
    assert len(rows) == 600 * 64
    assert not checked.is_closed


def test_lines_name_rows_ids_and_places(tmp_path):
    """Each line says where its batch lies and which frames are in it."""
    journal_of(tmp_path)
    lines = (tmp_path / "frames.journal").read_bytes().splitlines(keepends=True)
    entries = [parse_line(line) for line in lines]
    assert [entry.kind for entry in entries] == ["schema", "batch", "batch", "batch", "end"]
    assert [(entry.first_id, entry.last_id) for entry in entries[1:4]] == [(0, 299), (300, 599), (600, 639)]
    assert all(after.offset == entry.offset + entry.length for entry, after in pairwise(entries))


def test_telemetry_is_numbered_by_row(tmp_path):
    """Readings have no id of their own, so lines number them as they were written."""
    schema = reading_schema(CAPABILITIES)
    writer = JournalWriter(tmp_path, TELEMETRY_JOURNAL, schema)
    for _ in range(3):
        writer.append(encode_readings(readings_table(10), schema))
    writer.close()
    checked = check_journal(tmp_path, TELEMETRY_JOURNAL)
    assert [entry.first_id for entry in checked.entries] == [None, 0, 10, 20, None]
    assert checked.loss.n_rows_kept == 30


@pytest.mark.parametrize("name", ["frames.arrows", "frames.journal"])
def test_an_existing_file_is_never_written_over(tmp_path, name):
    """A second writer on the same folder is refused before it touches a byte."""
    (tmp_path / name).write_bytes(b"precious")
    with pytest.raises(FileExistsError):
        JournalWriter(tmp_path, FRAMES_JOURNAL, FRAME_SCHEMA)
    assert (tmp_path / name).read_bytes() == b"precious"


def test_a_link_in_the_place_of_a_file_is_not_written_through(tmp_path):
    """A planted symbolic link does not lead the writer out of the folder."""
    (tmp_path / "frames.arrows").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileExistsError):
        JournalWriter(tmp_path, FRAMES_JOURNAL, FRAME_SCHEMA)
    assert not (tmp_path / "elsewhere").exists()


class DiskOf:
    """A disk with room for so many more bytes: the last write that finds any room is cut short."""

    def __init__(self, n_bytes_free):
        self.n_bytes_free = n_bytes_free
        self.real_pwrite = os.pwrite

    def pwrite(self, fd, data, offset):
        if not self.n_bytes_free:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        n_bytes = self.real_pwrite(fd, data[: self.n_bytes_free], offset)
        self.n_bytes_free -= n_bytes
        return n_bytes


@pytest.mark.parametrize("n_bytes_free", [0, 1, 5_000, "data but 1", "data", "data and 1", "data and 100"])
def test_a_full_disk_keeps_no_half_batch_and_can_be_tried_again(tmp_path, monkeypatch, n_bytes_free):
    """ENOSPC anywhere in data or journal line leaves the state before the batch; with room again, all goes on."""
    writer = journal_of(tmp_path, close=False)
    batch = encode_frames(frames_table(300, first_id=640))
    n_data = batch.serialize().size
    room = {"data but 1": n_data - 1, "data": n_data, "data and 1": n_data + 1, "data and 100": n_data + 100}
    monkeypatch.setattr(run_directory.os, "pwrite", DiskOf(room.get(n_bytes_free, n_bytes_free)).pwrite)
    with pytest.raises(OSError, match="No space"):
        writer.append(batch)
    monkeypatch.undo()
    checked, rows = recovered(tmp_path)
    assert checked.loss.is_none
    assert len(rows) == 640 * 64
    writer.append(batch)
    writer.close()
    checked, rows = recovered(tmp_path)
    assert rows == frames_table(940).tobytes()
    assert checked.is_closed


def test_a_disk_that_does_not_even_truncate_leaves_a_countable_rest(tmp_path, monkeypatch):
    """When the half-written batch cannot be taken back, it counts as lost bytes and the rows before it stand."""
    writer = journal_of(tmp_path, close=False)

    def broken(*_):
        raise OSError(errno.EIO, "broken")

    monkeypatch.setattr(run_directory.os, "pwrite", DiskOf(5_000).pwrite)
    monkeypatch.setattr(journal_module.os, "ftruncate", broken)
    with pytest.raises(OSError, match="No space"):
        writer.append(encode_frames(frames_table(300, first_id=640)))
    monkeypatch.undo()
    checked, rows = recovered(tmp_path)
    assert len(rows) == 640 * 64
    assert checked.loss.n_data_bytes_dropped == 5_000
    assert "5000 bytes of frames.arrows have no journal line" in checked.loss.why


def test_data_is_on_the_disk_before_its_line_is_written(tmp_path, monkeypatch):
    """The order of writes and flushes is data, flush, line, flush: a line never vouches for bytes in the cache."""
    writer = journal_of(tmp_path, close=False)
    calls = []
    names = {writer._data_fd: "data", writer._journal_fd: "line"}
    pwrite, fdatasync = os.pwrite, os.fdatasync
    monkeypatch.setattr(os, "pwrite", lambda fd, *rest: calls.append(("write", names[fd])) or pwrite(fd, *rest))
    monkeypatch.setattr(os, "fdatasync", lambda fd: calls.append(("flush", names[fd])) or fdatasync(fd))
    writer.append(encode_frames(frames_table(3, first_id=640)))
    assert calls == [("write", "data"), ("flush", "data"), ("write", "line"), ("flush", "line")]


def test_appending_a_batch_costs_less_than_a_millisecond_without_the_disk(tmp_path, monkeypatch):
    """The best of many appends of 300 rows, encoding included and flushes left out, stays under 1 ms."""
    monkeypatch.setattr(os, "fdatasync", lambda _fd: None)
    writer = JournalWriter(tmp_path, FRAMES_JOURNAL, FRAME_SCHEMA)
    table = frames_table(300)
    costs_ns = []
    for _ in range(200):
        start_ns = time.perf_counter_ns()
        writer.append(encode_frames(table))
        costs_ns.append(time.perf_counter_ns() - start_ns)
    writer.close()
    assert min(costs_ns) < 1_000_000
