"""Structured numpy records as nullable Arrow columns, bit for bit in either direction."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hilrig.core.errors import RecordError

Records = NDArray[np.void]
Nulls = Callable[[Records], Mapping[str, NDArray[np.bool_]]]
"""From records to the mask of rows without a value, for each nullable column."""

FORMAT_KEY: Final = b"hilrig.format"
FIRST_FORMAT: Final = b"1"


def schema_of(
    dtype: np.dtype[Any],
    *,
    nullable: frozenset[str],
    metadata: Mapping[bytes, bytes],
    version: bytes = FIRST_FORMAT,
) -> pa.Schema:
    """Return the Arrow schema of a structured dtype, with the format's version in its metadata."""
    fields = [
        pa.field(name, pa.from_numpy_dtype(dtype[name]), nullable=name in nullable) for name in _names(dtype)
    ]
    return pa.schema(fields).with_metadata({FORMAT_KEY: version, **metadata})


def to_batch(records: Records, *, schema: pa.Schema, nulls: Nulls) -> pa.RecordBatch:
    """Return the records as one batch of `schema`."""
    masks = nulls(records)
    columns = [_column(records[field.name], field.type, masks.get(field.name)) for field in schema]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _column(values: NDArray[Any], kind: pa.DataType, is_null: NDArray[np.bool_] | None) -> "pa.Array[Any]":
    """Return a column over a copy of its values.

    From the buffers: `pa.array` would import pandas first, a third of a second of a CPU while frames are offered.
    """
    data = pa.py_buffer(np.ascontiguousarray(values).tobytes())
    if is_null is None or not is_null.any():
        return pa.Array.from_buffers(kind, len(values), [None, data])
    is_there = pa.py_buffer(np.packbits(~is_null, bitorder="little").tobytes())
    return pa.Array.from_buffers(kind, len(values), [is_there, data], int(np.count_nonzero(is_null)))


def from_batch(
    batch: pa.RecordBatch, *, dtype: np.dtype[Any], fills: Mapping[str, float], nulls: Nulls
) -> Records:
    """Return a batch as records; a null becomes the column's entry in `fills`, 0 by default.

    Raises:
        RecordError: a value is null where the rest of its row says that there is one, or the other way round.
    """
    records = np.zeros(batch.num_rows, dtype)
    are_null = {name: _is_null(batch.column(name)) for name in _names(dtype)}
    for name, is_null in are_null.items():
        records[name] = _values(batch.column(name), dtype[name])
        records[name][is_null] = fills.get(name, 0)
    _check_nulls(batch, are_null, nulls(records))
    return records


def _values(column: "pa.Array[Any]", dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return a column's values, whatever stands where it is null, from its buffer: `fill_null` imports pandas."""
    data = column.buffers()[1]
    if data is None:
        return np.zeros(len(column), dtype)
    return np.frombuffer(memoryview(data), dtype, count=len(column), offset=column.offset * dtype.itemsize)


def _is_null(column: "pa.Array[Any]") -> NDArray[np.bool_]:
    bitmap = column.buffers()[0]
    if bitmap is None:
        return np.zeros(len(column), np.bool_)
    is_there = np.unpackbits(np.frombuffer(memoryview(bitmap), np.uint8), bitorder="little")
    return np.equal(is_there[column.offset : column.offset + len(column)], 0)


def check_schema(schema: pa.Schema, expected: pa.Schema, *, what: str) -> None:
    """Let pass a schema with the columns and the format version of `expected`.

    Raises:
        RecordError: another version, or other columns.
    """
    asked, found = version_of(expected), version_of(schema)
    if found != asked:
        raise RecordError(
            f"{what}: expected format {asked.decode()}, found {found.decode(errors='replace')}",
            hint="update hilrig",
        )
    if not schema.equals(expected, check_metadata=False):
        raise RecordError(f"{what}: expected the columns {', '.join(expected.names)}, found others or other types")


def version_of(schema: pa.Schema) -> bytes:
    """Return the format's version that a schema carries, `none` without one."""
    return (schema.metadata or {}).get(FORMAT_KEY, b"none")


def _names(dtype: np.dtype[Any]) -> tuple[str, ...]:
    return dtype.names or ()


def _check_nulls(
    batch: pa.RecordBatch, found: Mapping[str, NDArray[np.bool_]], expected: Mapping[str, NDArray[np.bool_]]
) -> None:
    nothing = np.zeros(batch.num_rows, np.bool_)
    for name, is_null in found.items():
        wrong = is_null != expected.get(name, nothing)
        if wrong.any():
            row = int(wrong.argmax())
            raise RecordError(
                f"column {name}, row {row} of its batch: {batch.column(name)[row]} contradicts the rest of the row"
            )
