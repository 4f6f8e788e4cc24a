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
from hilrig.record.columns import FIRST_FORMAT, check_schema, from_batch, schema_of, to_batch, version_of

_STAMPS: Final = tuple(name for name in FRAME_DTYPE.names or () if name.startswith("t_"))
_DECISION: Final = ("defects", "score")

FORMAT: Final = b"2"
"""1: cameras had numbers of two bytes, frames no flags."""

FRAME_SCHEMA: Final = schema_of(
    FRAME_DTYPE,
    version=FORMAT,
    nullable=frozenset(_STAMPS + _DECISION),
    metadata={
        b"hilrig.outcome": canonical_json({str(int(outcome)): outcome.name for outcome in Outcome}),
        b"hilrig.reason": canonical_json({str(int(reason)): reason.name for reason in OutcomeReason}),
    },
)
"""Columns of frames.arrows and frames.parquet."""

_FIRST_DTYPE: Final = np.dtype(
    [
        (name, "<u2" if name == "camera_id" else FRAME_DTYPE[name])
        for name in FRAME_DTYPE.names or ()
        if name != "flags"
    ]
)
_FIRST_SCHEMA: Final = schema_of(_FIRST_DTYPE, nullable=frozenset(_STAMPS + _DECISION), metadata={})
"""Columns of format 1."""


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

    A batch of format 1 is read as well: its frames have no flags.

    Raises:
        RecordError: the columns are others, or a row contradicts itself.
    """
    if version_of(batch.schema) == FIRST_FORMAT:
        return _decode_first(batch)
    check_schema(batch.schema, FRAME_SCHEMA, what="frames")
    return from_batch(batch, dtype=FRAME_DTYPE, fills={}, nulls=_nulls)


def _decode_first(batch: pa.RecordBatch) -> FrameTable:
    check_schema(batch.schema, _FIRST_SCHEMA, what="frames")
    old = from_batch(batch, dtype=_FIRST_DTYPE, fills={}, nulls=_nulls)
    if (old["camera_id"] > np.iinfo(FRAME_DTYPE["camera_id"]).max).any():
        raise RecordError(f"frames: camera {old['camera_id'].max()}, hilrig never had so many")
    frames = np.zeros(len(old), FRAME_DTYPE)
    for name in _FIRST_DTYPE.names or ():
        frames[name] = old[name]
    return frames


def _nulls(table: FrameTable) -> Mapping[str, NDArray[np.bool_]]:
    undecided = table["outcome"] != Outcome.DECIDED
    return {name: table[name] == 0 for name in _STAMPS} | dict.fromkeys(_DECISION, undecided)
