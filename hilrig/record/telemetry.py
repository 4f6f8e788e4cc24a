"""Readings as Arrow columns, with the channels that they count in.

A reading has a value or a reason, the other one is null. The channels, as probed, are canonical JSON in the
schema's metadata: without them a channel's number says nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hilrig.config.noun_json import from_json
from hilrig.core.canonical import canonical_json
from hilrig.core.errors import RecordError
from hilrig.core.telemetry import READING_DTYPE, TIER_CODES, Capability, ReadingTable, Reason
from hilrig.record.columns import check_schema, from_batch, schema_of, to_batch

_CHANNELS_KEY: Final = b"hilrig.channels"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelList:
    """The channels of a run in the order of the probe, which numbers them."""

    capabilities: tuple[Capability, ...]


def reading_schema(capabilities: Sequence[Capability]) -> pa.Schema:
    """Return the columns of telemetry.arrows and telemetry.parquet for these channels."""
    return schema_of(
        READING_DTYPE,
        nullable=frozenset({"value", "reason"}),
        metadata={
            b"hilrig.reason": canonical_json({str(int(reason)): reason.name for reason in Reason}),
            b"hilrig.tier": canonical_json({str(code): tier.value for tier, code in TIER_CODES.items()}),
            _CHANNELS_KEY: canonical_json(asdict(ChannelList(capabilities=tuple(capabilities)))),
        },
    )


NO_CHANNELS_SCHEMA: Final = reading_schema(())


def capabilities_of(schema: pa.Schema) -> tuple[Capability, ...]:
    """Return the channels that a schema carries.

    Raises:
        RecordError: it carries none, or something else than channels.
    """
    text = (schema.metadata or {}).get(_CHANNELS_KEY)
    if text is None:
        raise RecordError(f"telemetry: expected the channels under {_CHANNELS_KEY.decode()}, found none")
    return from_json(ChannelList, text, what="telemetry's channels").capabilities


def encode_readings(table: ReadingTable, schema: pa.Schema) -> pa.RecordBatch:
    """Return readings as a batch of `schema`.

    Raises:
        RecordError: the table is not of READING_DTYPE.
    """
    if table.dtype != READING_DTYPE:
        raise RecordError(f"readings should be READING_DTYPE, found {table.dtype}")
    return to_batch(table, schema=schema, nulls=_nulls)


def decode_readings(batch: pa.RecordBatch) -> ReadingTable:
    """Return a batch as readings, bit for bit; `value` is NaN where there is a reason.

    Raises:
        RecordError: the columns are others, or a row has both or neither of value and reason.
    """
    check_schema(batch.schema, NO_CHANNELS_SCHEMA, what="telemetry")
    return from_batch(batch, dtype=READING_DTYPE, fills={"value": np.nan}, nulls=_nulls)


def _nulls(table: ReadingTable) -> Mapping[str, NDArray[np.bool_]]:
    has_reason = table["reason"] != 0
    return {"value": has_reason, "reason": ~has_reason}
