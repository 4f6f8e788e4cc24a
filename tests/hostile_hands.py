"""What a hand can do to a file or to its bytes."""

import os
from collections.abc import Callable
from pathlib import Path

Edit = Callable[[bytes], bytes]


def swap(old: str, new: str) -> Edit:
    """Return what puts `new` in the place of the first `old`, which must be there."""

    def edit(data: bytes) -> bytes:
        assert data.count(old.encode()) >= 1, old
        return data.replace(old.encode(), new.encode(), 1)

    return edit


def link(path: Path) -> None:
    """Put a symbolic link to the file in its place."""
    path.rename(path.with_suffix(".real"))
    path.symlink_to(path.with_suffix(".real"))


def pipe(path: Path) -> None:
    """Put a FIFO without a writer in its place: whoever opens it plainly waits for ever."""
    path.unlink()
    os.mkfifo(path)


def folder(path: Path) -> None:
    """Put an empty folder in its place."""
    path.unlink()
    path.mkdir()


def gone(path: Path) -> None:
    """Remove it."""
    path.unlink()


def one_byte(path: Path) -> None:
    """Flip one bit in the middle of it."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


REPLACED = [link, pipe, folder, gone, one_byte]
