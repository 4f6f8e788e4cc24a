"""Reading below a folder that others may have written: no link is followed, only regular files are opened."""

import errno
import hashlib
import os
import re
import stat
from pathlib import Path, PurePosixPath
from typing import Final

_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,128}")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_MAX_DEPTH: Final = 8  # folders of a model; deeper is a mistake, or meant to hurt
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a FIFO must not hold us
CHUNK_BYTES: Final = 1 << 20
"""Read and written at once: more gains nothing, and progress is told by chunks."""


def is_name(text: str) -> bool:
    """Tell whether `text` may be the name of a file or a model here."""
    return _NAME.fullmatch(text) is not None and text not in {".", ".."}


def is_sha256(text: str) -> bool:
    """Tell whether `text` is a sha256 in lower-case hex."""
    return _SHA256.fullmatch(text) is not None


def is_path(text: str) -> bool:
    """Tell whether `text` is a path that stays below its folder: names with `/` between them."""
    parts = text.split("/")
    return len(parts) <= _MAX_DEPTH and all(map(is_name, parts))


def open_below(folder: Path, path: str) -> int:
    """Return a descriptor of the regular file `path` below `folder`; the folder itself may be a link.

    Raises:
        OSError: there is none, or a link, a FIFO, a device or a folder stands there.
    """
    *parents, name = PurePosixPath(path).parts
    here = os.open(folder, _FOLDER & ~os.O_NOFOLLOW)
    try:
        for parent in parents:
            below = os.open(parent, _FOLDER, dir_fd=here)
            os.close(here)
            here = below
        fd = os.open(name, _FILE, dir_fd=here)
    finally:
        os.close(here)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(errno.EINVAL, "not a regular file", path)
    return fd


def read_below(folder: Path, path: str, *, max_bytes: int) -> bytes:
    """Return the content of a small file below `folder`.

    Raises:
        OSError: as `open_below`, or the file is larger than `max_bytes`.
    """
    with os.fdopen(open_below(folder, path), "rb") as file:
        data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise OSError(errno.EFBIG, f"longer than {max_bytes} bytes", path)
    return data


def sha256_below(folder: Path, path: str) -> str:
    """Return the sha256 of a file below `folder`, read to its end.

    Raises:
        OSError: as `open_below`.
    """
    digest = hashlib.sha256()
    buffer = memoryview(bytearray(CHUNK_BYTES))
    with os.fdopen(open_below(folder, path), "rb", buffering=0) as file:
        while n_read := file.readinto(buffer):
            digest.update(buffer[:n_read])
    return digest.hexdigest()
