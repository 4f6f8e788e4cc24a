import errno
import json
import os
import subprocess
import sys
import tracemalloc

import numpy as np
import pyarrow as pa
import pytest
from record_samples import CAPABILITIES, frames_table, new_run, readings_table

from hilrig.core.clock import ManualClock
from hilrig.core.errors import RecordError
from hilrig.core.ports import RecordWriter
from hilrig.record.events import read_events
from hilrig.record.frames import decode_frames
from hilrig.record.heartbeat import boot_id
from hilrig.record.journal_check import check_journal
from hilrig.record.journal_entry import FRAMES_JOURNAL, TELEMETRY_JOURNAL
from hilrig.record.telemetry import capabilities_of
from hilrig.record.writer import RunWriter
from seen_processes import fields


@pytest.fixture
def folder(tmp_path):
    """Return the folder of a new run."""
    return new_run(tmp_path)


@pytest.fixture
def writer(folder):
    """Return a writer of that run, closed at the end."""
    writer = RunWriter(folder, clock=ManualClock(7))
    yield writer
    writer.close()


def kept(folder, spec=FRAMES_JOURNAL):
    return check_journal(folder, spec).loss.n_rows_kept


def test_it_is_a_record_writer(writer):
    """The run directory serves where the supervisor's port is asked for."""
    port: RecordWriter = writer
    port.flush()


def test_rows_gather_to_a_batch(folder, writer):
    """Nothing is written below 300 frames; the 300th puts all on the disk."""
    writer.frames(frames_table(299))
    assert kept(folder) == 0
    writer.frames(frames_table(1, first_id=299))
    assert kept(folder) == 300


def test_flush_puts_everything_on_the_disk(folder, writer):
    """After a flush, rows of both streams are in the journals, however few."""
    writer.channels(CAPABILITIES)
    writer.frames(frames_table(3))
    writer.readings(readings_table(5))
    writer.flush()
    assert (kept(folder), kept(folder, TELEMETRY_JOURNAL)) == (3, 5)


def test_flush_without_rows_writes_nothing(folder, writer):
    """An idle run does not fill the disk with empty batches."""
    writer.channels(CAPABILITIES)
    sizes = [path.stat().st_size for path in sorted(folder.iterdir())]
    writer.frames(frames_table(0))
    writer.flush()
    writer.flush()
    assert [path.stat().st_size for path in sorted(folder.iterdir())] == sizes


def test_a_table_may_be_overwritten_after_the_call(folder, writer):
    """Rows are copied: the supervisor hands over views of a ring that goes on turning."""
    ring = frames_table(10)
    writer.frames(ring)
    ring["frame_id"] = 0
    writer.close()
    rows = np.concatenate([decode_frames(batch) for batch in check_journal(folder, FRAMES_JOURNAL).batches()])
    assert rows.tobytes() == frames_table(10).tobytes()


def test_closing_ends_both_journals(folder, writer):
    """After close, both journals say that nothing can be missing; a second close does nothing."""
    writer.channels(CAPABILITIES)
    writer.frames(frames_table(3))
    writer.close()
    writer.close()
    assert check_journal(folder, FRAMES_JOURNAL).is_closed
    telemetry = check_journal(folder, TELEMETRY_JOURNAL)
    assert telemetry.is_closed
    assert capabilities_of(telemetry.schema) == CAPABILITIES


def test_readings_before_their_channels_are_refused(writer):
    """Numbers of channels that nobody named would say nothing."""
    with pytest.raises(RecordError, match="call channels first"):
        writer.readings(readings_table(1))


def test_events_carry_the_wall_clock_of_the_injected_clock(folder, writer):
    """An event keeps the stamp it was given, and the UTC of the moment it was written."""
    writer.event("phase", {"phase": 1}, 5)
    event = read_events(folder).events[0]
    assert (event.seq, event.t_ns, event.kind, event.detail) == (0, 5, "phase", {"phase": 1})
    assert event.at_utc == "2023-11-14T22:13:20.000000Z"


def test_a_status_carries_the_sign_of_life(folder, writer):
    """Whoever reads the status can tell whether this process on this boot still writes it."""
    writer.status({"n_offered": 4, "pid": "overridden"})
    status = json.loads((folder / "status.json").read_bytes())
    assert status == {
        "n_offered": 4,
        "heartbeat_ns": 7,
        "at_utc": "2023-11-14T22:13:20.000000Z",
        "pid": os.getpid(),
        "began_ticks": int(fields(os.getpid())[19]),
        "boot_id": boot_id(),
    }


def test_a_status_that_is_no_json_leaves_the_old_one(folder, writer):
    """A NaN in a status is an error, and readers go on seeing the last good one."""
    writer.status({"n_offered": 4})
    before = (folder / "status.json").read_bytes()
    with pytest.raises(RecordError, match="status"):
        writer.status({"n_offered": float("nan")})
    assert (folder / "status.json").read_bytes() == before


def test_a_second_writer_is_refused(folder, writer):
    """Two supervisors never write one run."""
    writer.flush()
    with pytest.raises(RecordError, match="still being written"):
        RunWriter(folder, clock=ManualClock())


def test_a_run_is_not_written_twice(folder, writer):
    """A finished run's files are never opened for writing again, and the refusal leaks no lock."""
    writer.close()
    for _ in range(2):
        with pytest.raises(FileExistsError):
            RunWriter(folder, clock=ManualClock())


class FullWhileReserved:
    """A disk that is full for rows until the reserve is given back, then has room again."""

    def __init__(self, folder):
        self.folder = folder
        self.real_pwrite = os.pwrite

    def pwrite(self, fd, data, offset):
        if (self.folder / ".reserve").exists():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return self.real_pwrite(fd, data, offset)


def test_a_full_disk_ends_the_run_without_losing_a_row(folder, writer, monkeypatch):
    """ENOSPC reaches the supervisor; with the reserve's room the disk_full event and every row are written."""
    writer.frames(frames_table(250))
    monkeypatch.setattr(os, "pwrite", FullWhileReserved(folder).pwrite)
    with pytest.raises(OSError, match="No space"):
        writer.frames(frames_table(60, first_id=250))
    writer.event("disk_full", {}, 9)
    writer.close()
    assert kept(folder) == 310
    assert check_journal(folder, FRAMES_JOURNAL).is_closed
    assert read_events(folder).events[0].kind == "disk_full"


@pytest.mark.parametrize("call", ["event", "status", "flush"])
def test_every_call_gives_the_reserve_back_on_a_full_disk(folder, writer, monkeypatch, call):
    """Whatever meets the full disk first, the reserve is free afterwards and the error comes out."""
    writer.frames(frames_table(1))
    monkeypatch.setattr(os, "pwrite", FullWhileReserved(folder).pwrite)
    arguments = {"event": ("phase", {}, 1), "status": ({},), "flush": ()}[call]
    with pytest.raises(OSError, match="No space"):
        getattr(writer, call)(*arguments)
    assert not (folder / ".reserve").exists()


def test_closing_on_a_full_disk_uses_the_reserve(folder, writer, monkeypatch):
    """A disk that fills up in the very last moment still gets the last rows and the end line."""
    writer.frames(frames_table(20))
    monkeypatch.setattr(os, "pwrite", FullWhileReserved(folder).pwrite)
    writer.close()
    assert kept(folder) == 20
    assert check_journal(folder, FRAMES_JOURNAL).is_closed


def test_a_journal_that_misses_rows_gets_no_end_line(folder, writer, monkeypatch):
    """When the last rows cannot be written, the journal does not claim to be complete, and the lock is free."""
    writer.frames(frames_table(20))

    def broken(*_):
        raise OSError(errno.EIO, "broken")

    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", broken)
        with pytest.raises(OSError, match="broken"):
            writer.close()
    checked = check_journal(folder, FRAMES_JOURNAL)
    assert not checked.is_closed
    assert checked.loss.n_rows_kept == 0
    with pytest.raises(FileExistsError):
        RunWriter(folder, clock=ManualClock())


def test_memory_stays_flat_over_a_day_of_frames(folder, writer, monkeypatch):
    """864,000 rows in big batches leave less than a megabyte behind in Python's and Arrow's memory."""
    monkeypatch.setattr(os, "fdatasync", lambda _fd: None)
    table = frames_table(8640)
    tracemalloc.start()
    try:
        writer.frames(table)
        before_bytes = tracemalloc.get_traced_memory()[0] + pa.total_allocated_bytes()
        for _ in range(99):
            writer.frames(table)
        after_bytes = tracemalloc.get_traced_memory()[0] + pa.total_allocated_bytes()
    finally:
        tracemalloc.stop()
    assert after_bytes - before_bytes < 1_000_000
    assert writer._frames._journal.n_rows == 864_000


def test_writing_does_not_import_pandas_while_frames_are_offered(tmp_path):
    """Pandas takes a third of a second of a CPU to import: the first batch of a run must not bring it in."""
    code = (
        "import sys, numpy as np\n"
        "from pathlib import Path\n"
        "from hilrig.core.clock import SystemClock\n"
        "from hilrig.core.frame import FRAME_DTYPE\n"
        "from hilrig.record.writer import RunWriter\n"
        "writer = RunWriter(Path(sys.argv[1]), clock=SystemClock())\n"
        "writer.frames(np.ones(400, FRAME_DTYPE))\n"
        "writer.flush()\n"
        "sys.exit('pandas' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False).returncode == 0
