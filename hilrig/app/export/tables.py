"""A run's tables as CSV or Parquet: an empty cell or a null where nothing is known."""

from collections.abc import Callable, Mapping
from typing import Any, BinaryIO, Final, Protocol

import pandas as pd
import pyarrow as pa
from pyarrow import csv, parquet

ROWS_AT_ONCE: Final = 50_000

Progress = Callable[[int, int], None]
"""Told how many of how many rows are written."""


class _RowWriter(Protocol):
    """Both of Arrow's writers."""

    def write_table(self, table: pa.Table) -> None:
        """Append rows."""

    def close(self) -> None:
        """End the file."""


def write_csv(table: pd.DataFrame, file: BinaryIO, *, said: Mapping[str, str], progress: Progress) -> None:
    """Write a table as CSV, UTF-8, with a header. Every number is written so that reading gives the same one.

    `said` has no place in a CSV file and is left out.
    """
    del said
    rows = _as_arrow(table)
    options = csv.WriteOptions(quoting_style="needed")
    _write(rows, csv.CSVWriter(file, rows.schema, write_options=options), progress)


def write_parquet(table: pd.DataFrame, file: BinaryIO, *, said: Mapping[str, str], progress: Progress) -> None:
    """Write a table as Parquet; `said` stands in its metadata, as `hilrig.<key>`."""
    rows = _as_arrow(table)
    metadata = {f"hilrig.{key}": value for key, value in said.items()}
    schema = rows.schema.with_metadata({**(rows.schema.metadata or {}), **_bytes(metadata)})
    _write(rows.cast(schema), parquet.ParquetWriter(file, schema, compression="zstd"), progress)


def _as_arrow(table: pd.DataFrame) -> pa.Table:
    """Return a table with NaN as null, categories as texts."""
    rows = pa.Table.from_pandas(table, preserve_index=table.index.name is not None)
    rows = rows.replace_schema_metadata(None)
    texts = [
        pa.field(one.name, pa.string() if pa.types.is_dictionary(one.type) else one.type) for one in rows.schema
    ]
    if table.index.name is not None:  # pyarrow puts the index last
        texts, rows = [texts[-1], *texts[:-1]], rows.select([rows.num_columns - 1, *range(rows.num_columns - 1)])
    return rows.cast(pa.schema(texts))


def _write(rows: pa.Table, writer: _RowWriter, progress: Progress) -> None:
    try:
        for first in range(0, rows.num_rows, ROWS_AT_ONCE):
            writer.write_table(rows.slice(first, ROWS_AT_ONCE))
            progress(min(rows.num_rows, first + ROWS_AT_ONCE), rows.num_rows)
    finally:
        writer.close()


def _bytes(texts: Mapping[str, str]) -> dict[Any, Any]:
    return {key.encode(): value.encode() for key, value in texts.items()}
