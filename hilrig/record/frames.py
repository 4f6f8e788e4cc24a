"""Frame records as Arrow columns.

What a frame does not have is null: the stamp of a stage that did not happen (0 in FRAME_DTYPE), the decision of
a frame that was not decided. Outcome and reason stay numbers; their names stand in the schema's metadata.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hilrig.core.canonical import canonical_json
from hilrig.core.errors import RecordError
from hilrig.core.frame import FRAME_DTYPE, FrameTable, Outcome, OutcomeReason
from hilrig.record.columns import check_schema, from_batch, schema_of, to_batch

_STAMPS: Final = tuple(name for name in FRAME_DTYPE.names or () if name.startswith("t_"))
_DECISION: Final = ("defects", "score")

FRAME_SCHEMA: Final = schema_of(
    FRAME_DTYPE,
    nullable=frozenset(_STAMPS + _DECISION),
    metadata={
        b"hilrig.outcome": canonical_json({str(int(outcome)): outcome.name for outcome in Outcome}),
        b"hilrig.reason": canonical_json({str(int(reason)): reason.name for reason in OutcomeReason}),
    },
)
"""Columns of frames.arrows and frames.parquet."""


def encode_frames(table: FrameTable) -> pa.RecordBatch:
    """Return frame records as a batch of FRAME_SCHEMA.

    Raises:
        RecordError: the table is not of FRAME_DTYPE.
    """
    if table.dtype != FRAME_DTYPE:
        raise RecordError(f"frame records should be FRAME_DTYPE, found {table.dtype}")
    return to_batch(table, schema=FRAME_SCHEMA, nulls=_nulls)


def decode_frames(batch: pa.RecordBatch) -> FrameTable:
    """Return a batch as frame records, bit for bit; `defects` and `score` of a frame without decision are 0.

    Raises:
        RecordError: the columns are others, or a row contradicts itself.
    """
    check_schema(batch.schema, FRAME_SCHEMA, what="frames")
    return from_batch(batch, dtype=FRAME_DTYPE, fills={}, nulls=_nulls)


def _nulls(table: FrameTable) -> Mapping[str, NDArray[np.bool_]]:
    undecided = table["outcome"] != Outcome.DECIDED
    return {name: table[name] == 0 for name in _STAMPS} | dict.fromkeys(_DECISION, undecided)
