"""Telemetry: a reading is a value or a reason, never a zero for "unknown"."""

from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Reason(IntEnum):
    """Why a reading has no value."""

    NOT_SUPPORTED = 1  # the source answers, but not for this
    NO_PERMISSION = 2
    ABSENT = 3  # there is no such source on this machine
    OFFLINE = 4  # the source exists but is switched off just now
    STALE = 5
    LOST = 6  # it was there and is gone
    ERROR = 7


class ChannelKind(str, Enum):
    """How values of a channel relate to each other."""

    GAUGE = "gauge"
    COUNTER = "counter"  # only grows; going back means that the source was reset
    STATE = "state"


class Tier(str, Enum):
    """How often a channel is read."""

    FAST = "fast"  # every telemetry period, 100 ms by default
    SLOW = "slow"  # every second
    EDGE = "edge"  # at the start and at the end of the measured part


class Exactness(str, Enum):
    """Whether a channel's maximum is the true peak or only the largest one seen."""

    EXACT = "exact"
    SAMPLED = "sampled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One measured quantity: an OpenTelemetry name where there is one, a UCUM unit, where it comes from.

    `attributes` tell channels of one name apart, for example `(("hw.id", "coretemp/Core 0"),)`.
    """

    name: str
    unit: str
    kind: ChannelKind
    tier: Tier
    source: str
    attributes: tuple[tuple[str, str], ...] = ()
    exactness: Exactness = Exactness.SAMPLED

    @property
    def key(self) -> str:
        """Return the name with its attributes: unique within a run."""
        inner = ",".join(f"{name}={value}" for name, value in self.attributes)
        return f"{self.name}{{{inner}}}" if inner else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Capability:
    """The outcome of one real read of a channel at probe time: `reason` is None when a value came back."""

    channel: Channel
    reason: Reason | None
    detail: str = ""


class Reading(NamedTuple):
    """One reading: exactly one of `value` and `reason` is None. `channel` counts in the order of the probe."""

    channel: int
    value: float | None
    reason: Reason | None


READING_DTYPE: Final = np.dtype(
    [
        ("t_ns", "<i8"),
        ("value", "<f8"),
        ("channel", "<u2"),
        ("reason", "u1"),
        ("tier", "u1"),
        ("width_ns", "<u4"),
    ]
)
"""One reading as stored, 24 bytes.

`t_ns` is the middle of the batch that it was read in, `width_ns` the length of that batch, both CLOCK_MONOTONIC.
`reason` 0 means that `value` counts, otherwise `value` is NaN. `tier` is 0 fast, 1 slow, 2 edge.
"""

ReadingTable = NDArray[np.void]
"""A 1-D array of READING_DTYPE in the order in which the readings were taken."""

TIER_CODES: Final = {Tier.FAST: 0, Tier.SLOW: 1, Tier.EDGE: 2}

GC_PAUSE: Final = "hilrig.process.gc.pause"
"""Name of the channel in which the worker reports garbage collections: `t_ns` is a start, the value ns."""

HOST_STALL: Final = "hilrig.host.stall"
"""Name of the channel in which the stall sentinel reports: `t_ns` is a gap's start, the value its length in ns."""
