"""Where a process of a run writes its last words: the run's log, or a pipe to it."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

CHUNK_BYTES = 1 << 16


@contextmanager
def log_file(path: Path) -> Iterator[int]:
    """Give a descriptor of the log itself."""
    with path.open("ab") as log:
        yield log.fileno()


@contextmanager
def piped_log(path: Path) -> Iterator[int]:
    """Give the end of a pipe that this process empties into the log.

    For a process that shall be able to write no file: what it prints must not fail because of how hilrig keeps it.
    """
    read_fd, write_fd = os.pipe()
    threading.Thread(target=_empty, args=(read_fd, path), daemon=True).start()
    try:
        yield write_fd
    finally:
        os.close(write_fd)


def _empty(read_fd: int, path: Path) -> None:
    """Copy until nobody holds the other end; on a full disk the words are lost, and the pipe is emptied still."""
    with path.open("ab", buffering=0) as log, open(read_fd, "rb", buffering=0) as words:
        while chunk := words.read(CHUNK_BYTES):
            with suppress(OSError):
                log.write(chunk)
