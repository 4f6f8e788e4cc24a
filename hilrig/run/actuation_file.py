"""actuations.arrows: what the PLC's stand-in saw, appended as it comes; a cut loses the last second at most."""

import os
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from hilrig.core.actuation_table import ACTUATION_DTYPE, ACTUATION_FORMAT, ActuationTable

SCHEMA: Final = pa.schema(
    [
        pa.field(name, pa.from_numpy_dtype(ACTUATION_DTYPE[name]), nullable=False)
        for name in ACTUATION_DTYPE.names or ()
    ],
    metadata={b"hilrig.format": ACTUATION_FORMAT},
)


class ActuationFile:
    """A stream of Arrow record batches.

    Args:
        path: of a file that does not exist yet.

    Raises:
        OSError: it exists, or cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644), "wb")
        self._stream = pa.ipc.new_stream(self._file, SCHEMA)

    def append(self, rows: ActuationTable) -> None:
        """Put rows where a power cut cannot take them.

        Raises:
            OSError: the disk is full or broken.
        """
        if rows.size:
            self._stream.write_batch(_batch(rows))
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """End the stream."""
        self._stream.close()
        self._file.close()


def _batch(rows: ActuationTable) -> pa.RecordBatch:
    """Return rows as a batch, from the buffers: `pa.array` would import pandas while frames are offered."""
    columns = [
        pa.Array.from_buffers(
            field.type, rows.size, [None, pa.py_buffer(np.ascontiguousarray(rows[field.name]).tobytes())]
        )
        for field in SCHEMA
    ]
    return pa.RecordBatch.from_arrays(columns, schema=SCHEMA)
