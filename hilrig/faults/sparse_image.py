"""Disk images that are nearly all holes, handled by touching only what holds data.

They are copied and compared here.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

PIECE_BYTES: Final = 1 << 20


def copy_image(source: Path, target: Path) -> None:
    """Copy an image, holes as holes."""
    with source.open("rb") as old, target.open("wb") as new:
        new.truncate(os.fstat(old.fileno()).st_size)
        for start, end in _data(old):
            at = start
            while at < end:
                at += os.copy_file_range(old.fileno(), new.fileno(), end - at, at, at)


def is_same(one: Path, other: Path) -> bool:
    """Return whether two images have the same bytes."""
    with one.open("rb") as first, other.open("rb") as second:
        if os.fstat(first.fileno()).st_size != os.fstat(second.fileno()).st_size:
            return False
        pieces = (piece for file in (first, second) for extent in _data(file) for piece in _pieces(*extent))
        return all(_read(first, *piece) == _read(second, *piece) for piece in pieces)


def data_bytes(path: Path) -> int:
    """Return how much of an image is no hole."""
    with path.open("rb") as file:
        return sum(end - start for start, end in _data(file))


def _data(file: IO[bytes]) -> Iterator[tuple[int, int]]:
    """Yield where a file holds data: start and end of each stretch."""
    end, size = 0, os.fstat(file.fileno()).st_size
    while end < size:
        try:
            start = os.lseek(file.fileno(), end, os.SEEK_DATA)
        except OSError:  # ENXIO: a hole up to the end
            return
        end = os.lseek(file.fileno(), start, os.SEEK_HOLE)
        yield start, end


def _pieces(start: int, end: int) -> Iterator[tuple[int, int]]:
    for at in range(start, end, PIECE_BYTES):
        yield at, min(PIECE_BYTES, end - at)


def _read(file: IO[bytes], at: int, size: int) -> bytes:
    return os.pread(file.fileno(), size, at)
