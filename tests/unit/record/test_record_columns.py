import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from record_samples import CAPABILITIES, frames_table, readings_table

from hilrig.core.errors import RecordError
from hilrig.core.frame import FRAME_DTYPE, FrameTable, Outcome
from hilrig.core.telemetry import READING_DTYPE, ReadingTable
from hilrig.record.columns import FORMAT_KEY
from hilrig.record.frames import FRAME_SCHEMA, decode_frames, encode_frames
from hilrig.record.telemetry import (
    NO_CHANNELS_SCHEMA,
    capabilities_of,
    decode_readings,
    encode_readings,
    reading_schema,
)


def canonical_frames(raw: bytes) -> FrameTable:
    """Return any bytes as frames; a frame without decision says nothing of one."""
    table = np.frombuffer(raw[: len(raw) // 64 * 64], FRAME_DTYPE).copy()
    undecided = table["outcome"] != Outcome.DECIDED
    table["defects"][undecided] = 0
    table["score"][undecided] = 0
    return table


def canonical_readings(raw: bytes) -> ReadingTable:
    """Return any bytes as readings; one with a reason has NaN for a value."""
    table = np.frombuffer(raw[: len(raw) // 24 * 24], READING_DTYPE).copy()
    table["value"][table["reason"] != 0] = np.nan
    return table


@given(st.binary(max_size=64 * 20), st.sampled_from([0, 1, 2, 3, 200]))
def test_any_frames_come_back_bit_for_bit(raw, outcome):
    """Frames of any bits, NaN scores and unknown outcomes included, are the same after the way through Arrow."""
    table = canonical_frames(raw)
    table["outcome"][::2] = outcome
    table = canonical_frames(table.tobytes())
    assert decode_frames(encode_frames(table)).tobytes() == table.tobytes()


@given(st.binary(max_size=24 * 40), st.booleans())
def test_any_readings_come_back_bit_for_bit(raw, all_valued):
    """Readings of any bits, NaN payloads and -0.0 included, are the same after the way through Arrow."""
    table = canonical_readings(raw)
    if all_valued:
        table["reason"] = 0
    schema = reading_schema(CAPABILITIES)
    assert decode_readings(encode_readings(table, schema)).tobytes() == table.tobytes()


@given(st.binary(max_size=64 * 20), st.integers(0, 20), st.integers(0, 20))
def test_a_part_of_a_batch_is_that_part(raw, first, n):
    """A slice shares its buffers with the whole: its rows come back, not those before them."""
    table = canonical_frames(raw)
    part = encode_frames(table).slice(min(first, len(table)), n)
    assert decode_frames(part).tobytes() == table[first : first + n].tobytes()


def test_reading_does_not_import_pandas():
    """Pandas takes a quarter of a second to import: neither a verdict nor a verification needs it."""
    code = (
        "import sys, numpy as np\n"
        "from hilrig.core.frame import FRAME_DTYPE\n"
        "from hilrig.record.frames import decode_frames, encode_frames\n"
        "decode_frames(encode_frames(np.zeros(4, FRAME_DTYPE)))\n"
        "sys.exit('pandas' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_missing_is_null_and_never_zero():
    """A dropped frame has null stamps, defects and score in Arrow, so that no reader averages zeros."""
    row = encode_frames(frames_table(7)).slice(3, 1).to_pylist()[0]
    assert row["outcome"] == Outcome.DROPPED
    for name in ("t_dequeue_ns", "t_preprocessed_ns", "t_inferred_ns", "t_decided_ns", "defects", "score"):
        assert row[name] is None
    assert row["t_intended_ns"] is not None


def test_a_reading_has_a_value_or_a_reason():
    """Exactly one of value and reason is null in each row."""
    for row in encode_readings(readings_table(10), NO_CHANNELS_SCHEMA).to_pylist():
        assert (row["value"] is None) != (row["reason"] is None)


def test_a_view_with_gaps_is_encoded_like_a_copy():
    """A strided view of a ring gives the same batch as its contiguous copy."""
    table = frames_table(20)
    assert encode_frames(table[::2]).equals(encode_frames(table[::2].copy()))


def test_names_of_numbers_stand_in_the_schema():
    """Whoever opens the file with another tool finds what outcome 2 means."""
    assert b'"2":"DROPPED"' in FRAME_SCHEMA.metadata[b"hilrig.outcome"]
    assert b'"2":"NO_PERMISSION"' in NO_CHANNELS_SCHEMA.metadata[b"hilrig.reason"]


def test_channels_survive_in_the_schema():
    """Capabilities come back equal, attributes, reason and non-ASCII text included."""
    schema = pa.ipc.read_schema(reading_schema(CAPABILITIES).serialize())
    assert capabilities_of(schema) == CAPABILITIES


@pytest.mark.parametrize("text", [b"", b"[]", b"{", b'{"capabilities":[{"channel":1}]}', b'{"capabilities":NaN}'])
def test_damaged_channels_are_refused(text):
    """A channel list that is not one is an error, never an empty list."""
    with pytest.raises(RecordError):
        capabilities_of(NO_CHANNELS_SCHEMA.with_metadata({b"hilrig.channels": text}))


def test_absent_channels_are_refused():
    """A telemetry schema without channels is an error, never an empty list."""
    with pytest.raises(RecordError, match="found none"):
        capabilities_of(pa.schema([]))


@pytest.mark.parametrize("encode", [encode_frames, lambda table: encode_readings(table, NO_CHANNELS_SCHEMA)])
def test_a_table_of_another_dtype_is_refused(encode):
    """Records of a foreign shape never get into the file."""
    with pytest.raises(RecordError, match="found"):
        encode(np.zeros(3, [("frame_id", "<u4")]))


def forged(column: str, values: pa.Array) -> pa.RecordBatch:
    batch = encode_frames(frames_table(2))
    return batch.set_column(batch.schema.get_field_index(column), FRAME_SCHEMA.field(column), values)


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("t_decided_ns", pa.array([0, 5], pa.int64())),
        ("score", pa.array([None, 0.5], pa.float32())),
        ("defects", pa.array([None, 1], pa.uint32())),
        ("frame_id", pa.array([None, 1], pa.uint32())),
    ],
)
def test_a_row_that_contradicts_itself_is_refused(column, values):
    """A decided frame without score, a stamp of 0 that is no null, a frame without id: none is guessed around."""
    with pytest.raises(RecordError, match=f"column {column}, row 0"):
        decode_frames(forged(column, values))


def test_a_score_of_a_dropped_frame_is_refused():
    """A forged decision on a frame that was dropped does not get in."""
    dropped = encode_frames(frames_table(4)).slice(3)
    batch = dropped.set_column(
        dropped.schema.get_field_index("score"), FRAME_SCHEMA.field("score"), pa.array([0.9], pa.float32())
    )
    with pytest.raises(RecordError, match="column score"):
        decode_frames(batch)


def test_a_reading_with_value_and_reason_is_refused():
    """A reading that has both is not read as either."""
    batch = encode_readings(readings_table(1), NO_CHANNELS_SCHEMA)
    index = batch.schema.get_field_index("reason")
    both = batch.set_column(index, batch.schema.field("reason"), pa.array([2], pa.uint8()))
    with pytest.raises(RecordError, match="column value"):
        decode_readings(both)


def test_another_format_version_is_refused():
    """A file of a later hilrig is refused with its version, not read by luck."""
    batch = encode_frames(frames_table(1)).replace_schema_metadata({FORMAT_KEY: b"3"})
    with pytest.raises(RecordError, match="expected format 2, found 3"):
        decode_frames(batch)


@pytest.mark.parametrize("version", [b"1", b"2"])
def test_other_columns_are_refused(version):
    """A file with a version that is read and other columns is refused."""
    batch = pa.RecordBatch.from_arrays([pa.array([1])], schema=pa.schema({"a": pa.int64()}, {FORMAT_KEY: version}))
    with pytest.raises(RecordError, match="expected the columns"):
        decode_frames(batch)


def first_format(*, camera_id: int) -> pa.RecordBatch:
    """Return two frames as the first version of hilrig wrote them."""
    batch = encode_frames(frames_table(2))
    wide = batch.set_column(
        batch.schema.get_field_index("camera_id"),
        pa.field("camera_id", pa.uint16(), nullable=False),
        pa.array([0, camera_id], pa.uint16()),
    )
    return wide.drop_columns(["flags"]).replace_schema_metadata({FORMAT_KEY: b"1"})


def test_frames_of_the_first_format_are_frames_without_flags():
    """What old runs left is read like what new ones leave."""
    expected = frames_table(2)
    expected["camera_id"] = [0, 7]
    assert decode_frames(first_format(camera_id=7)).tobytes() == expected.tobytes()


def test_a_camera_number_of_the_first_format_that_does_not_fit_is_refused():
    """It is not cut to its last byte: that would be another camera."""
    with pytest.raises(RecordError, match="camera 256"):
        decode_frames(first_format(camera_id=256))
