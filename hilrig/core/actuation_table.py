"""The writes that arrived at the PLC, as rows."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

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
