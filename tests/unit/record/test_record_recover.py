import json
import os
import shutil

import pytest
from record_samples import frames_table, new_run, write_run

from hilrig.core.clock import ManualClock
from hilrig.core.errors import RecordError
from hilrig.record import recover as recover_module
from hilrig.record.compare import parquet_differences
from hilrig.record.events import read_events
from hilrig.record.finish import finish
from hilrig.record.frames import decode_frames
from hilrig.record.heartbeat import boot_id
from hilrig.record.journal_check import check_journal
from hilrig.record.journal_entry import FRAMES_JOURNAL, parse_line
from hilrig.record.parquet import parquet_batches
from hilrig.record.recover import recover
from hilrig.record.recovery import recoveries
from hilrig.record.run_lock import lock_run

CLOCK = ManualClock(99)


@pytest.fixture(scope="module")
def unfinished(tmp_path_factory):
    """Return a run of 1000 frames that was not finished."""
    folder = new_run(tmp_path_factory.mktemp("reports"))
    write_run(folder)
    return folder


@pytest.fixture
def run(unfinished, tmp_path):
    """Return a copy of the unfinished run, to be spoilt."""
    return shutil.copytree(unfinished, tmp_path / "run")


def snapshot(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def frames_of(folder):
    return b"".join(decode_frames(batch).tobytes() for batch in parquet_batches(folder / "frames.parquet"))


def cut(folder, name, n_bytes):
    path = folder / name
    os.truncate(path, path.stat().st_size - n_bytes)


def test_a_whole_run_is_recovered_whole(run):
    """Nothing lost is said as clearly as a loss, and the Parquet files are there."""
    recovery = recover(run, clock=CLOCK)
    assert all(loss.is_none for loss in recovery.losses)
    assert recovery.n_frames_missing == 0
    assert "nothing lost" in recovery.sentence
    assert "No frame that the last status counted is missing." in recovery.sentence
    assert frames_of(run) == frames_table(1000).tobytes()
    assert parquet_differences(run) == ()


def test_a_cut_run_keeps_its_prefix_and_says_what_is_gone(run):
    """The last batch is lost: 900 of the 1000 frames that the status counted are kept, 100 named missing."""
    cut(run, "frames.arrows", 10)
    recovery = recover(run, clock=CLOCK)
    assert recovery.frames.n_rows_kept == 900
    assert recovery.frames.n_rows_untrusted == 100
    assert recovery.n_frames_missing == 100
    assert "speak of 100 frames that the record does not have." in recovery.sentence
    assert frames_of(run) == frames_table(900).tobytes()


def test_the_event_tells_the_loss_to_whoever_judges_later(run):
    """The recovered event carries the whole Recovery, with stamp, time and the next number."""
    cut(run, "frames.journal", 3)
    recovery = recover(run, clock=CLOCK)
    events = read_events(run).events
    assert [(event.seq, event.kind, event.t_ns) for event in events] == [
        (0, "run_created", 1),
        (1, "recovered", 99),
    ]
    assert recoveries(events) == (recovery,)
    assert recovery.boot_id == boot_id()


def test_what_is_cut_off_is_kept_aside(run):
    """The dropped bytes of both files lie in lost+found, so that files and tails together are what was found."""
    before = snapshot(run)
    entry = parse_line((run / "frames.journal").read_bytes().splitlines(keepends=True)[3])
    with (run / "frames.arrows").open("r+b") as file:
        file.seek(entry.offset + 100)
        file.write(b"\xff" * 64)
    damaged = (run / "frames.arrows").read_bytes()
    recover(run, clock=CLOCK)
    tails = run / "lost+found"
    assert (run / "frames.arrows").read_bytes() + (tails / "frames.arrows.tail").read_bytes() == damaged
    journal = (run / "frames.journal").read_bytes() + (tails / "frames.journal.tail").read_bytes()
    assert journal == next(data for path, data in before.items() if path.name == "frames.journal")


def test_a_second_recovery_changes_nothing_and_tells_the_same(run):
    """Recovery is idempotent to the byte."""
    cut(run, "frames.arrows", 10)
    cut(run, "events.jsonl", 1)
    first = recover(run, clock=CLOCK)
    after = snapshot(run)
    assert recover(run, clock=ManualClock(12345)) == first
    assert snapshot(run) == after


STEPS = ["_set_aside_remains", "_tell", "_cut", "_write_missing_tables", "write_table", "sync_folder"]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_recovery_that_is_killed_itself_is_taken_up_again(run, monkeypatch, step, moment):
    """Killed before or after any step, the next recovery ends with the same rows and the same loss told."""
    cut(run, "frames.arrows", 10)
    cut(run, "events.jsonl", 1)
    real = getattr(recover_module, step)

    def killed(*arguments):
        if moment == "after":
            real(*arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(recover_module, step, killed)
        with pytest.raises(KeyboardInterrupt):
            recover(run, clock=CLOCK)
    recovery = recover(run, clock=CLOCK)
    assert (recovery.frames.n_rows_kept, recovery.frames.n_rows_untrusted) == (900, 100)
    assert recovery.events.n_line_bytes_dropped > 0
    assert recoveries(read_events(run).events) == (recovery,)
    assert frames_of(run) == frames_table(900).tobytes()
    assert (run / "lost+found" / "frames.arrows.tail").exists()


def test_a_second_damage_is_told_beside_the_first(run):
    """New damage after a recovery is a second recovery; the first one's tail is not written over."""
    cut(run, "frames.arrows", 10)
    recover(run, clock=CLOCK)
    first_tail = (run / "lost+found" / "frames.arrows.tail").read_bytes()
    cut(run, "frames.arrows", 10)
    second = recover(run, clock=CLOCK)
    assert second.frames.n_rows_kept == 600
    assert len(recoveries(read_events(run).events)) == 2
    assert (run / "lost+found" / "frames.arrows.tail").read_bytes() == first_tail
    assert (run / "lost+found" / "frames.arrows.tail.2").exists()
    assert frames_of(run) == frames_table(600).tobytes()


def test_damage_after_a_recovery_is_a_difference(run):
    """An earlier recovery excuses what it told, not what was spoilt since."""
    cut(run, "frames.arrows", 10)
    recover(run, clock=CLOCK)
    assert parquet_differences(run) == ()
    with (run / "frames.arrows").open("ab") as file:
        file.write(b"more")
    assert any("4 bytes of frames.arrows" in difference for difference in parquet_differences(run))


def test_a_table_made_before_the_damage_is_kept_aside(run):
    """Parquet files that hold more than the damaged journal are not lost to the recovery."""
    finish(run)
    whole = (run / "frames.parquet").read_bytes()
    cut(run, "frames.arrows", 10)
    recover(run, clock=CLOCK)
    assert frames_of(run) == frames_table(900).tobytes()
    assert (run / "lost+found" / "frames.parquet.tail").read_bytes() == whole


@pytest.mark.parametrize("name", ["frames.arrows", "frames.journal", "telemetry.arrows", "telemetry.journal"])
@pytest.mark.parametrize("damage", ["missing", "empty", "zeroed"])
def test_a_file_lost_altogether_is_recovered_as_nothing(run, name, damage):
    """A missing, empty or zeroed file costs its stream, is said so, and leaves tables that can be read."""
    path = run / name
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(b"" if damage == "empty" else bytes(path.stat().st_size))
    recovery = recover(run, clock=CLOCK)
    after = snapshot(run)
    stream = recovery.frames if name.startswith("frames") else recovery.telemetry
    assert stream.n_rows_kept == 0
    assert not stream.is_none
    assert parquet_differences(run) == ()
    assert recover(run, clock=CLOCK) == recovery
    assert snapshot(run) == after


def test_an_empty_folder_is_recovered_as_nothing(tmp_path):
    """A run killed before its first file has nothing to recover, and says that too."""
    recovery = recover(tmp_path, clock=CLOCK)
    assert [loss.n_rows_kept for loss in recovery.losses] == [0, 0, 0]
    assert recovery.n_frames_missing is None
    assert "unknown (status.json is missing)" in recovery.sentence


@pytest.mark.parametrize("data", [b"", b"\0" * 100, b"{}", b'{"n_offered": "many"}', b"[]"])
def test_a_status_spoilt_by_the_power_cut_does_not_stop_the_recovery(run, data):
    """status.json is never flushed: when it is unreadable, the number of missing frames is unknown, not zero."""
    (run / "status.json").write_bytes(data)
    recovery = recover(run, clock=CLOCK)
    assert recovery.frames.n_rows_kept == 1000
    assert recovery.n_frames_missing is None
    assert recovery.status_problem
    assert "unknown" in recovery.sentence


def test_frames_that_only_the_status_knew_are_counted(run):
    """Frames that were still in memory at the kill are counted from the last status."""
    status = json.loads((run / "status.json").read_bytes())
    (run / "status.json").write_text(json.dumps(status | {"n_offered": 1055, "n_decided": 1000}))
    recovery = recover(run, clock=CLOCK)
    assert recovery.n_frames_missing == 55
    assert recovery.status_counts == {"n_offered": 1055, "n_decided": 1000}


def test_a_finished_run_is_left_alone(run):
    """A run with a result is signed evidence: recovery does not touch a byte of it."""
    (run / "result.json").write_bytes(b"{}")
    before = snapshot(run)
    with pytest.raises(RecordError, match="is finished"):
        recover(run, clock=CLOCK)
    assert snapshot(run) == before


def test_a_live_run_is_left_alone(run):
    """A run that a process still writes is not cut under its hands."""
    lock_fd = lock_run(run)
    try:
        with pytest.raises(RecordError, match="still being written"):
            recover(run, clock=CLOCK)
    finally:
        os.close(lock_fd)


@pytest.mark.parametrize("name", ["frames.arrows", "frames.journal", "telemetry.arrows", "events.jsonl"])
def test_a_link_out_of_the_folder_is_neither_read_nor_cut(run, name):
    """A hostile directory cannot make recovery truncate a file somewhere else."""
    outside = run.parent / "outside"
    (run / name).rename(outside)
    os.truncate(outside, outside.stat().st_size - 1)
    before = outside.read_bytes()
    (run / name).symlink_to(outside)
    with pytest.raises(RecordError, match="symbolic link"):
        recover(run, clock=CLOCK)
    assert outside.read_bytes() == before


@pytest.mark.parametrize("kind", ["link", "dangling", "file"])
def test_a_hostile_lost_and_found_is_not_written_to(run, kind):
    """Dropped bytes never leave the run directory through a planted link."""
    outside = run.parent / "outside"
    outside.mkdir()
    if kind == "file":
        (run / "lost+found").touch()
    else:
        (run / "lost+found").symlink_to(outside if kind == "link" else run.parent / "nowhere")
    cut(run, "frames.arrows", 10)
    with pytest.raises(RecordError, match=r"lost\+found|recovered yet"):
        recover(run, clock=CLOCK)
    assert not list(outside.iterdir())


def test_a_full_disk_gives_the_reserve_back_for_the_next_try(run, monkeypatch):
    """ENOSPC in a recovery is told with what to type, and the second try finds the reserve's room."""
    cut(run, "frames.arrows", 10)

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(recover_module.shutil, "copyfileobj", full)
        with pytest.raises(RecordError, match="No space left") as caught:
            recover(run, clock=CLOCK)
    assert f"hilrig recover {run}" in caught.value.hint
    assert not (run / ".reserve").exists()
    assert recover(run, clock=CLOCK).frames.n_rows_kept == 900


def test_a_journal_that_is_ahead_of_its_data_is_cut_to_the_data(run):
    """After recovery, journal and data end at the same batch."""
    lines = (run / "frames.journal").read_bytes().splitlines(keepends=True)
    os.truncate(run / "frames.arrows", parse_line(lines[2]).offset)
    recover(run, clock=CLOCK)
    checked = check_journal(run, FRAMES_JOURNAL)
    assert checked.loss.is_none
    assert checked.loss.n_rows_kept == 300
    assert (run / "frames.arrows").stat().st_size == checked.n_data_bytes
