"""hilrig.app.export.export: the same numbers in other forms, whole or not at all, and what covers them is said."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from mcap.reader import make_reader

import hilrig
from finished_soaks import finish_soak
from hilrig.app.export.export import Form, Place, export
from hilrig.app.export.window import Span, Worst
from hilrig.attest.keys import create_key
from hilrig.core import files
from hilrig.core.errors import RecordError, UsageError


@pytest.fixture(scope="module")
def soak(tmp_path_factory):
    return finish_soak(tmp_path_factory.mktemp("soak"))


@pytest.fixture(scope="module")
def run(soak):
    return hilrig.load(soak.run_dir)


@pytest.fixture
def exported(soak, tmp_path):
    """Return a call of export into a new folder."""

    def call(form, *, run_dir=soak.run_dir, window=None, folder=tmp_path / "out", may_replace=False, keys=None):
        return export(
            run_dir,
            form,
            window=window,
            place=Place(folder=folder, may_replace=may_replace),
            keys=[soak.public_key] if keys is None else keys,
            on_progress=lambda name, n_done, n_rows: None,
        )

    return call


def assert_same(read: pd.DataFrame, expected: pd.DataFrame) -> None:
    """Hold a table that was read against the one of hilrig.load: to the bit, NaN where it is NaN."""
    assert list(read.columns) == list(expected.columns)
    for name in expected.columns:
        one, other = read[name], expected[name].reset_index(drop=True)
        if pd.api.types.is_numeric_dtype(other):
            assert np.array_equal(one.to_numpy(np.float64), other.to_numpy(np.float64), equal_nan=True), name
        else:
            assert one.isna().equals(other.isna()), name
            assert one.dropna().astype(str).tolist() == other.dropna().astype(str).tolist(), name


@pytest.mark.filterwarnings("ignore:The 'float_precision'")  # older versions of pandas need it
def test_csv_gives_the_numbers_of_load_through_pandas(exported, run):
    """Every number to the bit, in the same columns; unknown is empty, and a good part is not unknown."""
    frames, telemetry, events = exported(Form.CSV).paths
    kept = {"keep_default_na": False, "na_values": [""], "float_precision": "round_trip"}
    assert_same(pd.read_csv(frames, **kept), run.frames)
    assert_same(pd.read_csv(telemetry, **kept), run.telemetry.reset_index())
    assert len(pd.read_csv(events)) == len(run.events)


def test_parquet_gives_the_numbers_of_load_through_pandas(exported, run):
    """With units in the columns' names, and where they came from in the metadata."""
    frames, telemetry, _ = exported(Form.PARQUET).paths
    assert_same(pd.read_parquet(frames), run.frames)
    assert_same(pd.read_parquet(telemetry), run.telemetry.reset_index())
    metadata = pq.read_schema(frames).metadata
    assert metadata[b"hilrig.run_id"].decode() == run.plan.run_id


def test_a_stretch_is_a_part_of_every_table(exported, run):
    """Ten seconds of frames and telemetry."""
    frames, telemetry, _ = exported(Form.CSV, window=Span(begin_s=10, end_s=20)).paths
    t_s = pd.read_csv(frames)["t_s"]
    assert t_s.min() >= 10
    assert t_s.max() <= 20
    assert len(t_s) == int(run.frames["t_s"].between(10, 20).sum()) == 301
    assert pd.read_csv(telemetry)["t_s"].between(10, 20).all()


def test_the_trace_is_json_around_the_worst_frames(exported, soak):
    """And says what it is of, and who signed that."""
    (path,) = exported(Form.TRACE, window=Worst(n=3)).paths
    document = json.loads(path.read_bytes())
    assert document["otherData"]["run_id"] == soak.result.run_id
    assert "signed it" in document["otherData"]["evidence"]
    assert len(document["traceEvents"]) > 100


def test_mcap_has_frames_readings_and_events_in_utc(exported, run):
    """Read back by the format's own library: JSON that holds to the numbers, null where nothing is known."""
    (path,) = exported(Form.MCAP, window=Span(begin_s=0, end_s=5)).paths
    with path.open("rb") as file:
        found = [(channel.topic, message) for _, channel, message in make_reader(file).iter_messages()]
    frames = [json.loads(message.data) for topic, message in found if topic == "/frames"]
    expected = run.frames[run.frames["t_s"].between(0, 5, inclusive="left")]
    assert [frame["frame_id"] for frame in frames] == expected["frame_id"].tolist()
    assert [frame["latency_ms"] for frame in frames] == [
        None if np.isnan(one) else one for one in expected["latency_ms"]
    ]
    topics = {topic for topic, _ in found}
    assert "/telemetry/hw.temperature{hw.id=gpu0}" in topics
    begin_utc = pd.Timestamp(found[0][1].log_time, tz="UTC")
    assert abs(begin_utc - pd.Timestamp(run.plan.created_at_utc)) < pd.Timedelta(seconds=10)


def test_a_run_that_is_too_long_for_a_browser_is_refused(exported, monkeypatch):
    """With the way out."""
    monkeypatch.setattr("hilrig.app.export.export.N_FRAMES_MAX", 1000)
    with pytest.raises(UsageError, match="too many") as caught:
        exported(Form.TRACE)
    assert "worst:20" in caught.value.hint
    exported(Form.CSV)


def test_files_that_are_there_stay_without_force(exported, tmp_path):
    """Nothing is replaced by accident, and nothing of the others is written."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "telemetry.csv").write_text("mine")
    with pytest.raises(UsageError, match="exists") as caught:
        exported(Form.CSV)
    assert "--force" in caught.value.hint
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["telemetry.csv"]
    exported(Form.CSV, may_replace=True)
    assert (tmp_path / "out" / "telemetry.csv").read_text() != "mine"


def test_nothing_half_written_looks_finished(exported, tmp_path, monkeypatch):
    """A full disk in the middle of the second file: the first is whole, of the second there is nothing."""
    from hilrig.app.export import tables as export_tables

    write = export_tables.write_csv

    def fail_in_telemetry(table, file, **kept):
        if "frame_id" in table:
            write(table, file, **kept)
            return
        file.write(b"t_s,")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(export_tables, "write_csv", fail_in_telemetry)
    with pytest.raises(RecordError, match="No space left"):
        exported(Form.CSV)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["frames.csv"]


def test_a_run_directory_takes_no_files(exported, soak):
    """Its files are signed."""
    with pytest.raises(UsageError, match="in the run directory"):
        exported(Form.CSV, folder=soak.run_dir / "csv")


def test_a_part_without_frames_is_refused(exported):
    """An empty table would look like a run in which nothing happened."""
    with pytest.raises(UsageError, match="no frame was due"):
        exported(Form.CSV, window=Span(begin_s=3600, end_s=7200))


def test_who_signed_the_evidence_is_said(exported, soak, tmp_path):
    """A known key, an unknown one, a changed file, none at all: all are exported, none passes for another."""
    create_key(tmp_path / "others", "other", passphrase=None)

    folders = iter(range(9))

    def said(run_dir, keys=None):
        return exported(
            Form.TRACE, run_dir=run_dir, window=Worst(n=1), keys=keys, folder=tmp_path / f"out{next(folders)}"
        ).provenance

    copy = Path(shutil.copytree(soak.run_dir, tmp_path / "copy"))
    assert said(soak.run_dir).endswith("signed it")
    assert "unknown key" in said(soak.run_dir, keys=[tmp_path / "others" / "other.pub"])
    (copy / files.PROFILE).write_bytes(b"#")
    assert "profile.yaml changed" in said(copy)
    (copy / files.ATTESTATION).write_bytes(b"{}")
    assert "does not hold" in said(copy)
    (copy / files.RESULT).unlink()
    assert "unfinished" in said(copy)
