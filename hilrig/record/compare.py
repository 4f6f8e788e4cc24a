"""Whether a run's Parquet files say the same as its journals."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from hilrig.record.columns import Records
from hilrig.record.events import read_events
from hilrig.record.journal_check import CheckedJournal, check_journal
from hilrig.record.parquet import parquet_batches, parquet_schema
from hilrig.record.recovery import recoveries
from hilrig.record.streams import STREAMS, Stream


def parquet_differences(folder: Path) -> tuple[str, ...]:
    """Return a sentence for each way in which Parquet and journals differ: empty when they agree to the last bit.

    Columns, channels and every row are compared, some rows at a time in memory. A journal without its end line is
    a difference, unless a recovery has said what it lost.

    Raises:
        RecordError: a file is none that hilrig writes.
    """
    is_recovered = bool(recoveries(read_events(folder).events))
    differences = []
    for stream in STREAMS:
        checked = check_journal(folder, stream.journal)
        if not (checked.is_closed or is_recovered):
            differences.append(
                f"{stream.journal.journal_name} has no end line: batches may be missing behind its last"
            )
        if checked.loss.n_bytes_dropped or not is_recovered:  # else the recovery has told it
            differences.append(checked.loss.why)
        differences.append(_difference(folder, stream, checked))
    return tuple(filter(None, differences))


def _difference(folder: Path, stream: Stream, checked: CheckedJournal) -> str:
    path = folder / stream.table_name
    schema = parquet_schema(path)
    if schema is None:
        return f"{stream.table_name} is missing"
    if not schema.equals(checked.schema or stream.empty_schema, check_metadata=True):
        return f"{stream.table_name}: its columns or channels are not those of {stream.journal.data_name}"
    row = _first_different_row(
        (stream.decode(batch) for batch in parquet_batches(path)),
        (stream.decode(batch) for batch in checked.batches()),
    )
    return "" if row is None else f"{stream.table_name}: row {row} is not that of {stream.journal.data_name}"


def _first_different_row(left: Iterator[Records], right: Iterator[Records]) -> int | None:
    """Return the number of the first row that is not bit for bit the same in both, None when all are."""
    a = b = None
    row = 0
    while True:
        a = a if a is not None and len(a) else next(left, None)
        b = b if b is not None and len(b) else next(right, None)
        if a is None or b is None:
            return None if a is b else row
        n_rows = min(len(a), len(b))
        different = _bytes(a[:n_rows]) != _bytes(b[:n_rows])
        if different.any():
            return row + int(different.any(axis=1).argmax())
        a, b, row = a[n_rows:], b[n_rows:], row + n_rows


def _bytes(records: Records) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    return records.view(np.uint8).reshape(len(records), records.itemsize)
