"""A wall clock and a disk that go wrong for one run and nobody else: the tests' hold on `shim.c`."""

import struct
from pathlib import Path
from typing import Final

LAYOUT: Final = "<qqq"
EVERY: Final = 1


class Shim:
    """What the processes of a run are told by the library that they have loaded; nothing goes wrong at first.

    Args:
        library: built from `shim.c`.
        told: the file that they read it from, made new.
        disk: the folder whose files are on the disk that may refuse.
    """

    def __init__(self, library: Path, told: Path, disk: Path) -> None:
        self._told = told
        self.environment = {
            "LD_PRELOAD": str(library),
            "HILRIG_CHAOS_SHIM": str(told),
            "HILRIG_CHAOS_DISK": str(disk),
        }
        told.write_bytes(struct.pack(LAYOUT, 0, 0, EVERY))

    def step_clock(self, by_ns: int) -> None:
        """Have the wall clock be off from now on."""
        self._write(struct.pack(LAYOUT, by_ns, 0, EVERY))

    def break_disk(self, errno: int, *, every: int) -> None:
        """Have the disk refuse every so manieth call from now on; 0 mends it."""
        self._write(struct.pack(LAYOUT, 0, errno, every))

    def _write(self, data: bytes) -> None:
        with self._told.open("r+b") as file:  # the same bytes that the processes have mapped
            file.write(data)
