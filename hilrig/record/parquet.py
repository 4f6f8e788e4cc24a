"""Parquet: the compact form of a journal, written once at the end of a run."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Final

import pyarrow as pa
import pyarrow.parquet as pq

from hilrig.core.errors import RecordError
from hilrig.record.run_directory import replacing, sync_folder
from hilrig.record.untrusted_file import open_untrusted

N_ROWS_MAX: Final = 200_000_000

_FLAGS: Final = ["outcome", "reason", "camera_id", "flags", "channel", "tier"]
"""Columns of few distinct values. Floats are never dictionary-encoded: that would merge NaNs of different bits."""


def write_parquet(path: Path, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> None:
    """Write batches as one zstd-compressed Parquet file, atomically, each batch as a row group.

    Raises:
        RecordError: the disk is full or broken; a file that was there before stands.
    """
    try:
        with replacing(path) as fd:
            with os.fdopen(os.dup(fd), "wb") as file:
                _write(file, schema, batches)
            os.fsync(fd)
        sync_folder(path.parent)
    except (OSError, pa.ArrowException) as error:
        hint = f"free some disk space, then: hilrig recover {path.parent}"
        raise RecordError(f"{path} cannot be written: {error}", hint=hint) from error


def _write(file: BinaryIO, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> None:
    integers = [field.name for field in schema if field.name not in _FLAGS and pa.types.is_integer(field.type)]
    with pq.ParquetWriter(
        file,
        schema,
        compression="zstd",
        use_dictionary=[name for name in _FLAGS if name in schema.names],  # type: ignore[arg-type] # stub knows bool only
        column_encoding=dict.fromkeys(integers, "DELTA_BINARY_PACKED"),
    ) as writer:
        for batch in batches:
            writer.write_batch(batch)


def parquet_schema(path: Path) -> pa.Schema | None:
    """Return the columns and metadata of a Parquet file, None when there is no such file.

    Raises:
        RecordError: it is no Parquet file, is a link, or cannot be read.
    """
    file = open_untrusted(path)
    if file is None:
        return None
    with file:
        return _open(path, file).schema_arrow


def parquet_batches(path: Path, *, n_rows_max: int = N_ROWS_MAX) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a Parquet file, some at a time.

    Raises:
        RecordError: there is no such file, it is damaged, or it has more rows than it may have.
    """
    file = open_untrusted(path)
    if file is None:
        raise RecordError(f"{path} is missing")
    with file:
        parquet = _open(path, file)
        if parquet.metadata.num_rows > n_rows_max:
            raise RecordError(f"{path} should have at most {n_rows_max} rows, found {parquet.metadata.num_rows}")
        try:
            yield from parquet.iter_batches()
        except (OSError, pa.ArrowException) as error:
            raise RecordError(f"{path} is damaged: {error}") from error


def _open(path: Path, file: BinaryIO) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(file)
    except (OSError, pa.ArrowException) as error:
        raise RecordError(f"{path} should be a Parquet file: {error}") from error
