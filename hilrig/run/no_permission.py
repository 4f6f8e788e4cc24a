"""A file that may not be read, for real, even by root.

Root gives up its right to read every file, and an opening is seen.
"""

import ctypes
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

VERSION: Final = 0x20080522  # linux/capability.h: _LINUX_CAPABILITY_VERSION_3
OVERRIDES: Final = 1 << 1 | 1 << 2  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
IN_OPEN: Final = 0x20  # linux/inotify.h


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Set(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


def obey_permissions() -> None:
    """Have the permissions of files hold for this thread and those that it starts, also when it is root's.

    Capabilities belong to a thread (capabilities(7)): the one that decides frames keeps its own.

    Raises:
        OSError: the kernel refuses.
    """
    header, sets = _Header(VERSION, 0), (_Set * 2)()
    _call("capget", ctypes.byref(header), sets)
    for number in ("effective", "permitted"):
        setattr(sets[0], number, getattr(sets[0], number) & ~OVERRIDES)
    _call("capset", ctypes.byref(header), sets)


@contextmanager
def made_unreadable(path: Path) -> Iterator[Callable[[], bool]]:
    """Take every permission from a file; give what tells whether somebody has opened it since.

    A thread that the pipeline started earlier may still be root's with all its rights: that is seen, not assumed.

    Raises:
        OSError: the kernel refuses.
    """
    fd = _call("inotify_init1", os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        _call("inotify_add_watch", fd, os.fsencode(path), IN_OPEN)
        path.chmod(0)
        yield lambda: _has_events(fd)
    finally:
        os.close(fd)


def _has_events(fd: int) -> bool:
    try:
        return bool(os.read(fd, 4096))
    except BlockingIOError:
        return False


def _call(name: str, *arguments: object) -> int:
    library = ctypes.CDLL(None, use_errno=True)
    answer: int = getattr(library, name)(*arguments)
    if answer < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return answer
