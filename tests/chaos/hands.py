"""What a hand does to a path that hilrig uses, whatever is there."""

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from hostile_hands import one_byte


def gone(path: Path) -> None:
    """Remove it, with all that is in it."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink()


def moved(path: Path) -> None:
    """Take it elsewhere."""
    path.rename(path.with_name(f"{path.name}.elsewhere"))


def link(path: Path) -> None:
    """Put a symbolic link to it in its place."""
    away = path.with_name(f"{path.name}.real")
    path.rename(away)
    path.symlink_to(away)


def loop(path: Path) -> None:
    """Put a symbolic link to itself in its place."""
    gone(path)
    path.symlink_to(path.name)


def pipe(path: Path) -> None:
    """Put a FIFO that nobody writes to in its place: whoever opens it plainly waits for ever."""
    gone(path)
    os.mkfifo(path)


def folder(path: Path) -> None:
    """Put an empty folder in its place."""
    gone(path)
    path.mkdir()


def file(path: Path) -> None:
    """Put a file of a few bytes in its place."""
    gone(path)
    path.write_bytes(b"\x00\xff not what you think\n")


def emptied(path: Path) -> None:
    """Cut a file off at its beginning."""
    os.truncate(path, 0)


def halved(path: Path) -> None:
    """Cut a file off in its middle."""
    os.truncate(path, path.stat().st_size // 2)


def grown(path: Path) -> None:
    """Add a line to a file."""
    with path.open("ab") as one:
        one.write(b"\nx\n")


ON_FILES: Final[Mapping[str, Callable[[Path], None]]] = {
    one.__name__: one for one in (gone, moved, link, loop, pipe, folder, file, emptied, halved, grown, one_byte)
}
ON_FOLDERS: Final[Mapping[str, Callable[[Path], None]]] = {
    one.__name__: one for one in (gone, moved, link, loop, pipe, folder, file)
}


def lay_hand(hand: str, path: Path) -> bool:
    """Do it; return whether there was anything to do it to."""
    try:
        (ON_FOLDERS if path.is_dir() and not path.is_symlink() else ON_FILES)[hand](path)
    except (OSError, KeyError, IndexError):
        return False  # it was not there, or was gone before us: nothing was disturbed
    return True
