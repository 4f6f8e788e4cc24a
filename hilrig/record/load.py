"""A run directory as a RunRecord: from Parquet when it is there, else from the journals."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from hilrig.core.frame import Truth
from hilrig.core.run import RunPlan, RunRecord
from hilrig.record.columns import Records
from hilrig.record.events import read_events
from hilrig.record.journal_check import check_journal
from hilrig.record.loss import Loss
from hilrig.record.parquet import N_ROWS_MAX, parquet_batches, parquet_schema
from hilrig.record.recovery import recoveries
from hilrig.record.streams import FRAMES, TELEMETRY, Stream
from hilrig.record.telemetry import capabilities_of


class LoadedRecord(NamedTuple):
    """A run's record, with everything that reading it, or an earlier recovery, could not keep."""

    record: RunRecord
    losses: tuple[Loss, ...]


class _Rows(NamedTuple):
    schema: pa.Schema
    records: Records
    losses: tuple[Loss, ...]


def load_record(folder: Path, *, plan: RunPlan, truths: Sequence[Truth], rig: Mapping[str, Any]) -> LoadedRecord:
    """Return what a run left in its directory; `plan`, `truths` and `rig` go into the record as they are.

    Raises:
        RecordError: a file is none that hilrig writes, or there are more frames than the plan asks for.
    """
    frames = _rows(folder, FRAMES, n_rows_max=plan.n_frames)
    telemetry = _rows(folder, TELEMETRY, n_rows_max=N_ROWS_MAX)
    pa.default_memory_pool().release_unused()  # what Arrow keeps for the next batch: there is none
    log = read_events(folder)
    record = RunRecord(
        plan=plan,
        frames=frames.records,
        capabilities=capabilities_of(telemetry.schema),
        readings=telemetry.records,
        events=log.events,
        truths=tuple(truths),
        rig=rig,
    )
    told = [loss for recovery in recoveries(log.events) for loss in recovery.losses]
    found = [*told, *frames.losses, *telemetry.losses, log.loss]
    return LoadedRecord(record, tuple(loss for loss in found if not loss.is_none))


def _rows(folder: Path, stream: Stream, *, n_rows_max: int) -> _Rows:
    path = folder / stream.table_name
    schema = parquet_schema(path)
    if schema is not None:
        tables = [stream.decode(batch) for batch in parquet_batches(path, n_rows_max=n_rows_max)]
        return _Rows(schema, _joined(stream, tables), ())
    checked = check_journal(folder, stream.journal)
    tables = [stream.decode(batch) for batch in checked.batches()]
    return _Rows(checked.schema or stream.empty_schema, _joined(stream, tables), (checked.loss,))


def _joined(stream: Stream, tables: Sequence[Records]) -> Records:
    return np.concatenate([np.zeros(0, stream.dtype), *tables])
