"""The end of a run's recording: the journals as Parquet."""

from pathlib import Path

from hilrig.record.journal_check import check_journal
from hilrig.record.loss import Loss
from hilrig.record.parquet import write_parquet
from hilrig.record.streams import STREAMS, Stream


def finish(folder: Path) -> tuple[Loss, ...]:
    """Write frames.parquet and telemetry.parquet; return what the journals had lost, one entry for each.

    Some ten thousand rows at a time are in memory, however long the run was.

    Raises:
        RecordError: the disk is full, or a journal cannot be read.
    """
    return tuple(write_table(folder, stream) for stream in STREAMS)


def write_table(folder: Path, stream: Stream) -> Loss:
    """Write one stream's Parquet file from its journal; return what the journal had lost.

    Raises:
        RecordError: as `finish`.
    """
    checked = check_journal(folder, stream.journal)
    write_parquet(folder / stream.table_name, checked.schema or stream.empty_schema, checked.batches())
    return checked.loss
