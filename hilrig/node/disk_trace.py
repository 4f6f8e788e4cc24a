"""The record of file calls that a power-loss test rebuilds the disk's states from."""

import base64
import json
import os
from pathlib import Path
from typing import Any, Final

TRACE_VARIABLE: Final = "HILRIG_DISK_TRACE"
_OWNER_ONLY: Final = 0o600


class DiskTrace:
    """Appends each call that changed something to a file, one JSON line each, in the order of the calls."""

    def __init__(self, file: Path) -> None:
        self._fd = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, _OWNER_ONLY)

    def note(self, op: str, **fields: Any) -> None:
        """Append the call `op`, which has succeeded."""
        line = json.dumps({"op": op, **fields}) + "\n"
        os.write(self._fd, line.encode())

    def note_write(self, path: str, offset: int, data: bytes | memoryview) -> None:
        """Append a write of `data` at `offset`."""
        self.note("write", path=path, offset=offset, data=base64.b64encode(data).decode())


def trace_of_environment() -> DiskTrace | None:
    """Return the record that the environment asks for."""
    file = os.environ.get(TRACE_VARIABLE)
    return DiskTrace(Path(file)) if file else None
