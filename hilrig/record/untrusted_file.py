"""Opening files of a run directory that somebody else may have prepared."""

import json
import os
import stat
from pathlib import Path
from typing import Any, BinaryIO

from hilrig.core.errors import RecordError


def open_untrusted(path: Path) -> BinaryIO | None:
    """Return `path` open for reading, None when there is no such file.

    Raises:
        RecordError: it is a symbolic link, a pipe or anything else but a regular file, or cannot be read.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe would block
    except FileNotFoundError:
        return None
    except OSError as error:
        raise RecordError(f"{path} cannot be read: {_why(path, error)}") from error
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise RecordError(f"{path} should be a regular file, found something else")
    return os.fdopen(fd, "rb")


def _why(path: Path, error: OSError) -> str:
    return "it is a symbolic link, which is never followed" if path.is_symlink() else str(error.strerror)


def read_untrusted(path: Path, *, max_bytes: int) -> bytes | None:
    """Return the bytes of `path`, None when there is no such file.

    Raises:
        RecordError: as `open_untrusted`, or there are more than `max_bytes`.
    """
    file = open_untrusted(path)
    if file is None:
        return None
    try:
        with file:
            data = file.read(max_bytes + 1)
    except OSError as error:
        raise RecordError(
            f"{path} cannot be read: {error.strerror}", hint="look at the disk: dmesg, df"
        ) from error
    if len(data) > max_bytes:
        raise RecordError(f"{path} should hold at most {max_bytes} bytes, found more")
    return data


def read_json_object(path: Path, *, max_bytes: int) -> dict[str, Any] | None:
    """Return the JSON object in `path`, None when there is no such file.

    Raises:
        RecordError: as `read_untrusted`, or it is not one JSON object.
    """
    data = read_untrusted(path, max_bytes=max_bytes)
    if data is None:
        return None
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise RecordError(f"{path} should be JSON: {error}") from error
    if not isinstance(value, dict):
        raise RecordError(f"{path} should be a JSON object, found {type(value).__name__}")
    return value
