"""actuations.arrows as a table: every whole batch of it; one that a cut left half written is left out."""

from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
import pyarrow as pa

from hilrig.core.actuation_table import ACTUATION_DTYPE, ACTUATION_FORMAT, ActuationTable
from hilrig.core.errors import RecordError
from hilrig.record.columns import check_schema, from_batch, schema_of
from hilrig.record.untrusted_file import open_untrusted

SCHEMA: Final = schema_of(ACTUATION_DTYPE, nullable=frozenset(), metadata={}, version=ACTUATION_FORMAT)
N_ROWS_MAX: Final = 100_000_000


def read_actuations(path: Path) -> ActuationTable | None:
    """Return the rows of a run's actuations, None when there is no such file.

    Raises:
        RecordError: it is a link, none of ours, or holds more rows than any run.
    """
    file = open_untrusted(path)
    if file is None:
        return None
    with file:
        return _rows(path, file)


def _rows(path: Path, file: BinaryIO) -> ActuationTable:
    tables = [np.zeros(0, ACTUATION_DTYPE)]
    try:
        reader = pa.ipc.open_stream(file)  # type: ignore[arg-type] # the stub wants io.IOBase, which an open file is
    except (pa.ArrowException, OSError):
        return tables[0]  # cut before its first batch
    check_schema(reader.schema, SCHEMA, what=str(path))
    n_rows = 0
    while (batch := _next_batch(reader)) is not None:
        n_rows += batch.num_rows
        if n_rows > N_ROWS_MAX:
            raise RecordError(f"{path} should have at most {N_ROWS_MAX} rows, found more")
        tables.append(from_batch(batch, dtype=ACTUATION_DTYPE, fills={}, nulls=lambda _: {}))
    return np.concatenate(tables)


def _next_batch(reader: pa.ipc.RecordBatchStreamReader) -> pa.RecordBatch | None:
    try:
        batch = reader.read_next_batch()
        batch.validate(full=True)
    except (StopIteration, pa.ArrowException, OSError):
        return None
    return batch
