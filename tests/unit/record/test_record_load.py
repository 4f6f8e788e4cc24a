import os
import shutil
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from record_samples import CAPABILITIES, frames_table, new_run, readings_table, write_run

from hilrig.core.errors import RecordError
from hilrig.core.frame import Truth
from hilrig.core.profile import (
    BackendSpec,
    ColorOrder,
    DecideSpec,
    FeedSpec,
    Layout,
    ModelSpec,
    OnFull,
    PipelineSpec,
    PreprocessSpec,
    QueueSpec,
)
from hilrig.core.run import Pacing, RunPlan
from hilrig.core.telemetry import READING_DTYPE
from hilrig.record.compare import parquet_differences
from hilrig.record.finish import finish
from hilrig.record.frames import FRAME_SCHEMA, encode_frames
from hilrig.record.journal import JournalWriter
from hilrig.record.journal_entry import FRAMES_JOURNAL
from hilrig.record.load import load_record
from hilrig.record.parquet import parquet_batches, write_parquet
from hilrig.record.telemetry import NO_CHANNELS_SCHEMA, decode_readings, encode_readings

PERIOD = Fraction(10**9, 30)

PLAN = RunPlan(
    run_id="7f3a",
    hilrig_version="0",
    created_at_utc="2026-11-21T05:33:12Z",
    rig="r",
    device_class="x86-cpu",
    profile_name="weld-station",
    profile_sha256="",
    model=ModelSpec(
        files=(), bundle_sha256=None, input_name="i", input_shape=(), output_name="o", labels=("porosity",)
    ),
    model_files_sha256={},
    model_bundle_sha256="",
    pipeline=PipelineSpec(
        target="in_process",
        preprocess=PreprocessSpec(
            width_px=1,
            height_px=1,
            color_order=ColorOrder.RGB,
            scale=1,
            mean=(0, 0, 0),
            std=(1, 1, 1),
            layout=Layout.NCHW,
            dtype="float32",
        ),
        backend=BackendSpec(name="null"),
        decide=DecideSpec(thresholds={}),
    ),
    pipeline_sha256="",
    feed=FeedSpec(source="synthetic", pool_frames=1),
    queue=QueueSpec(depth=1, on_full=OnFull.DROP_OLDEST),
    pacing=Pacing.PACED,
    period_numerator_ns=PERIOD.numerator,
    period_denominator=PERIOD.denominator,
    n_warmup_frames=0,
    n_measured_frames=1000,
    profile_duration_s=1,
    telemetry_period_ms=100,
    limits=(),
)

TRUTHS = (Truth(labels=()),)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Return a finished run of 1000 frames and 100 readings."""
    folder = new_run(tmp_path_factory.mktemp("reports"))
    write_run(folder)
    assert all(loss.is_none for loss in finish(folder))
    return folder


@pytest.fixture
def run(finished, tmp_path):
    """Return a copy of the finished run, to be spoilt."""
    return shutil.copytree(finished, tmp_path / "run")


def load(folder, **changes):
    return load_record(folder, plan=replace(PLAN, **changes), truths=TRUTHS, rig={"name": "r"})


def assert_is_the_run(loaded):
    assert loaded.losses == ()
    assert loaded.record.frames.tobytes() == frames_table(1000).tobytes()
    assert loaded.record.readings.tobytes() == readings_table(100).tobytes()
    assert loaded.record.capabilities == CAPABILITIES
    assert [event.kind for event in loaded.record.events] == ["run_created"]


def test_a_finished_run_is_loaded_from_parquet(run):
    """Frames, readings, channels and events come back bit for bit without the journals."""
    for name in ("frames.arrows", "frames.journal", "telemetry.arrows", "telemetry.journal"):
        (run / name).unlink()
    assert_is_the_run(load(run))


def test_a_run_without_parquet_is_loaded_from_its_journals(run):
    """The journals alone give the same record."""
    for name in ("frames.parquet", "telemetry.parquet"):
        (run / name).unlink()
    assert_is_the_run(load(run))


def test_plan_truths_and_rig_are_passed_on(run):
    """What the caller knows goes into the record as it is."""
    record = load(run).record
    assert record.plan == PLAN
    assert record.truths == TRUTHS
    assert record.rig == {"name": "r"}


def test_the_losses_of_journals_are_told(run):
    """A record from a cut journal carries its loss, so that nobody takes it for the whole."""
    (run / "frames.parquet").unlink()
    data = (run / "frames.arrows").read_bytes()
    (run / "frames.arrows").write_bytes(data[:-5])
    loaded = load(run)
    assert [loss.stream for loss in loaded.losses] == ["frames"]
    assert len(loaded.record.frames) == 900
    assert loaded.losses[0].n_rows_untrusted == 100


def test_an_empty_folder_is_a_record_of_losses(tmp_path):
    """A folder without any file gives no rows and says of each stream that it is missing."""
    loaded = load(tmp_path)
    assert len(loaded.record.frames) == len(loaded.record.readings) == 0
    assert loaded.record.readings.dtype == READING_DTYPE
    assert [loss.stream for loss in loaded.losses] == ["frames", "telemetry", "events"]


def test_more_frames_than_were_planned_are_refused(run):
    """A Parquet file that would unpack to more than the run can have is refused before it is unpacked."""
    with pytest.raises(RecordError, match="at most 999 rows, found 1000"):
        load(run, n_measured_frames=999)


@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: b"", lambda data: b"\0" * len(data)])
def test_a_damaged_parquet_file_is_refused(run, damage):
    """A cut, empty or zeroed table is an error that names it, never an empty record."""
    path = run / "frames.parquet"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(RecordError, match=r"frames\.parquet"):
        load(run)


def test_flipped_bytes_in_the_pages_are_an_error_or_a_difference(run):
    """A flip in Parquet's pages is refused by the reader, or found by the comparison: never passed over."""
    path = run / "frames.parquet"
    pristine = path.read_bytes()
    for place in range(4, len(pristine) - 8, len(pristine) // 60):
        flipped = bytearray(pristine)
        flipped[place] ^= 0x55
        path.write_bytes(bytes(flipped))
        try:
            differences = parquet_differences(run)
            same = load(run).record.frames.tobytes() == frames_table(1000).tobytes()
        except RecordError:
            continue
        assert differences or same


@pytest.mark.parametrize("name", ["frames.parquet", "frames.arrows", "frames.journal", "events.jsonl"])
def test_links_in_a_run_are_not_followed(run, name):
    """A planted link to a file outside is refused by every reader."""
    (run / name).rename(run.parent / name)
    (run / name).symlink_to(run.parent / name)
    if name != "frames.parquet":
        (run / "frames.parquet").unlink()
    with pytest.raises(RecordError, match="symbolic link"):
        load(run)


def test_parquet_and_journals_of_a_finished_run_agree(run):
    """Nothing differs after a proper end."""
    assert parquet_differences(run) == ()


def rewritten(run, table):
    write_parquet(run / "frames.parquet", FRAME_SCHEMA, [encode_frames(table)])


def test_one_changed_bit_is_a_difference(run):
    """A latency made one nanosecond shorter in Parquet alone is found, with its row."""
    table = frames_table(1000)
    table["t_decided_ns"][777] -= 1
    rewritten(run, table)
    assert parquet_differences(run) == ("frames.parquet: row 777 is not that of frames.arrows",)


@pytest.mark.parametrize("n_rows", [0, 999])
def test_left_out_rows_are_a_difference(run, n_rows):
    """Dropping the last row, or all, is found."""
    rewritten(run, frames_table(1000)[:n_rows])
    assert parquet_differences(run) == (f"frames.parquet: row {n_rows} is not that of frames.arrows",)


def test_added_rows_are_a_difference(run):
    """Good frames added to dilute the bad ones are found."""
    rewritten(run, frames_table(1001))
    assert parquet_differences(run) == ("frames.parquet: row 1000 is not that of frames.arrows",)


def test_nan_bits_and_signed_zero_are_compared(tmp_path):
    """Values that compare equal, or never equal, are told apart by their bits and survive Parquet."""
    table = readings_table(4)
    table["reason"] = 0
    table["value"] = np.array([0x7FF8000000000001, 0x7FF8000000000002, 0, 1 << 63], "<u8").view("<f8")
    path = tmp_path / "telemetry.parquet"
    write_parquet(path, NO_CHANNELS_SCHEMA, [encode_readings(table, NO_CHANNELS_SCHEMA)])
    assert b"".join(decode_readings(batch).tobytes() for batch in parquet_batches(path)) == table.tobytes()


def test_other_channels_are_a_difference(run):
    """The same readings under other channel names are found."""
    batch = encode_readings(readings_table(100), NO_CHANNELS_SCHEMA)
    write_parquet(run / "telemetry.parquet", NO_CHANNELS_SCHEMA, [batch])
    assert parquet_differences(run) == (
        "telemetry.parquet: its columns or channels are not those of telemetry.arrows",
    )


def test_a_missing_parquet_file_is_a_difference(run):
    """Absent is not equal."""
    (run / "telemetry.parquet").unlink()
    assert parquet_differences(run) == ("telemetry.parquet is missing",)


def test_the_same_tail_cut_from_journal_data_and_parquet_is_a_difference(run):
    """Dropping the last frames from all three files consistently still leaves the missing end line."""
    lines = (run / "frames.journal").read_bytes().splitlines(keepends=True)
    kept = lines[:-3]
    (run / "frames.journal").write_bytes(b"".join(kept))
    (run / "frames.parquet").unlink()
    finish(run)
    data = run / "frames.arrows"
    end = pa.ipc.open_stream(data.read_bytes()).read_all().num_rows
    assert end == 1000
    assert any("no end line" in difference for difference in parquet_differences(run))


def test_parquet_opens_anywhere_with_nulls_and_metadata(run):
    """Other tools see nulls for missing values, zstd, and the channels in the file's metadata."""
    table = pq.read_table(run / "frames.parquet")
    assert table.column("score").null_count == np.count_nonzero(frames_table(1000)["outcome"] != 1)
    assert pq.read_metadata(run / "frames.parquet").row_group(0).column(0).compression == "ZSTD"
    assert b"hw.temperature" in pq.read_schema(run / "telemetry.parquet").metadata[b"hilrig.channels"]


def test_small_batches_become_large_row_groups(tmp_path, monkeypatch):
    """A day of small batches is one Parquet row group for every 65,536 rows, not one for each batch."""
    monkeypatch.setattr(os, "fdatasync", lambda _fd: None)
    journal = JournalWriter(tmp_path, FRAMES_JOURNAL, FRAME_SCHEMA)
    batch = encode_frames(frames_table(300))
    for _ in range(500):
        journal.append(batch)
    journal.close()
    finish(tmp_path)
    metadata = pq.read_metadata(tmp_path / "frames.parquet")
    assert metadata.num_rows == 150_000
    assert metadata.num_row_groups == 3


def test_a_failed_export_leaves_the_old_table(run):
    """When the batches cannot be read to their end, the table of before stands and no temporary file stays."""
    before = (run / "frames.parquet").read_bytes()

    def breaking():
        yield encode_frames(frames_table(300))
        raise OSError(28, "No space left on device")

    with pytest.raises(RecordError, match=r"frames\.parquet cannot be written") as caught:
        write_parquet(run / "frames.parquet", FRAME_SCHEMA, breaking())
    assert "hilrig recover" in caught.value.hint
    assert (run / "frames.parquet").read_bytes() == before
    assert not list(run.glob("*.tmp"))
    assert not list(run.glob(".*.tmp"))
