"""The two streams of a run: each a journal while the run lives, a Parquet file afterwards."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa

from hilrig.core import files
from hilrig.core.frame import FRAME_DTYPE
from hilrig.core.telemetry import READING_DTYPE
from hilrig.record.columns import Records
from hilrig.record.frames import FRAME_SCHEMA, decode_frames
from hilrig.record.journal_entry import FRAMES_JOURNAL, TELEMETRY_JOURNAL, JournalSpec
from hilrig.record.telemetry import NO_CHANNELS_SCHEMA, decode_readings


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """Where the rows of a stream lie, and what they are.

    Args:
        empty_schema: the columns when the journal lost even its schema, or was never begun.
        decode: from a batch to an array of `dtype`.
    """

    journal: JournalSpec
    table_name: str
    dtype: np.dtype[Any]
    empty_schema: pa.Schema
    decode: Callable[[pa.RecordBatch], Records]


FRAMES: Final = Stream(
    journal=FRAMES_JOURNAL,
    table_name=files.FRAMES_TABLE,
    dtype=FRAME_DTYPE,
    empty_schema=FRAME_SCHEMA,
    decode=decode_frames,
)
TELEMETRY: Final = Stream(
    journal=TELEMETRY_JOURNAL,
    table_name=files.TELEMETRY_TABLE,
    dtype=READING_DTYPE,
    empty_schema=NO_CHANNELS_SCHEMA,
    decode=decode_readings,
)
STREAMS: Final = (FRAMES, TELEMETRY)
