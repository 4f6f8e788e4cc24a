"""The last stage: a decision that arrives at the PLC."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class ActuationSpec:
    """Where hilrig stands in for the PLC: it listens there and stamps every decision that is written.

    Args:
        protocol: registered name; `modbus`.
        host: address to listen on.
        port: TCP port to listen on; the adapter under test writes to it.
        unit_id: Modbus unit.
    """

    protocol: str = "modbus"
    host: str = "127.0.0.1"
    port: int = 5020
    unit_id: int = 1


ACTUATION_DTYPE: Final = np.dtype(
    [
        ("t_ns", "<i8"),
        ("silence_ns", "<i8"),
        ("lag_ns", "<i8"),
        ("sequence", "<u4"),
        ("n_skipped", "<u4"),
        ("heartbeat", "<u2"),
        ("age_ms", "<u2"),
        ("decision", "u1"),
        ("reason", "u1"),
    ]
)
"""One row for each write that says something new, and for one write a second that does not.

`t_ns` is when its request was received, CLOCK_MONOTONIC. `decision`, `reason`, `sequence`, `heartbeat` and
`age_ms` are the registers (`hilrig.core.plc`). Since the row before: `silence_ns` is the longest time between two
writes, `n_skipped` how many heartbeats never arrived, `lag_ns` the longest time that the listener did not look.
"""

ActuationTable = NDArray[np.void]
"""A 1-D array of ACTUATION_DTYPE in the order of arrival."""

ACTUATION_FORMAT: Final = b"1"
"""Version of the file of these rows, in its metadata under `hilrig.format`."""

FIRST_REQUEST: Final = "first_request"
"""What a target that numbers its requests calls the number of the run's first frame, in its facts.

Each frame that is taken from the queue has the next number, whatever becomes of it.
"""
