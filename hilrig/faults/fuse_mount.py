"""The mount of a recorder: `python -m hilrig.faults.fuse_mount BACKING MOUNT RECORD`, a process of its own.

Calls come one after the other, so that the record's order is theirs. Nothing is synced for real: what counts is
that it was asked for.
"""

# ruff: noqa: D102, ARG002 - names and signatures are those of FUSE's operations, described there

import base64
import errno
import json
import os
import sys
from pathlib import Path
from typing import Any, Final

import mfusepy  # type: ignore[import-untyped] # it has no types

_STAT_KEYS: Final = (
    "st_atime_ns",
    "st_ctime_ns",
    "st_gid",
    "st_mode",
    "st_mtime_ns",
    "st_nlink",
    "st_size",
    "st_uid",
    "st_ino",
)


class Recorder(mfusepy.Operations):  # type: ignore[misc] # the library has no types
    """Passes calls through and records those that changed something.

    Args:
        backing: where the files really are.
        record: the file that calls are appended to.
    """

    use_ns = True

    def __init__(self, backing: Path, record: Path) -> None:
        self._backing = backing
        self._record = record.open("a", buffering=1)

    def _real(self, path: str) -> str:
        return f"{self._backing}{path}"

    def _note(self, op: str, **what: Any) -> None:
        self._record.write(json.dumps({"op": op, **what}) + "\n")

    def getattr(self, path: str, fh: int | None = None) -> dict[str, Any]:
        found = os.fstat(fh) if fh is not None else os.lstat(self._real(path))
        return {key.removesuffix("_ns"): getattr(found, key) for key in _STAT_KEYS}

    def readdir(self, path: str, fh: int) -> list[str]:
        return [".", "..", *os.listdir(self._real(path))]  # noqa: PTH208 - names, not paths

    def readlink(self, path: str) -> str:
        return os.readlink(self._real(path))  # noqa: PTH115 - a text, not a path

    def statfs(self, path: str) -> dict[str, int]:
        found = os.statvfs(self._real(path))
        return {key: getattr(found, key) for key in dir(found) if key.startswith("f_") and key != "f_fsid"}

    def open(self, path: str, flags: int) -> int:
        descriptor = os.open(self._real(path), flags & ~(os.O_APPEND | os.O_TRUNC | os.O_CREAT))
        if flags & os.O_TRUNC:
            os.ftruncate(descriptor, 0)
            self._note("truncate", path=_name(path), size=0)
        return descriptor

    def create(self, path: str, mode: int, fi: Any = None) -> int:
        descriptor = os.open(self._real(path), os.O_RDWR | os.O_CREAT | os.O_EXCL, mode)
        self._note("create", path=_name(path))
        return descriptor

    def mknod(self, path: str, mode: int, dev: int) -> int:
        os.mknod(self._real(path), mode, dev)
        self._note("create", path=_name(path))
        return 0

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
        return os.pread(fh, size, offset)

    def write(self, path: str, data: bytes, offset: int, fh: int) -> int:
        n_bytes = os.pwrite(fh, data, offset)
        text = base64.b64encode(data[:n_bytes]).decode()
        self._note("write", path=_name(path), offset=offset, data=text)
        return n_bytes

    def truncate(self, path: str, length: int, fh: int | None = None) -> int:
        os.truncate(self._real(path) if fh is None else fh, length)
        self._note("truncate", path=_name(path), size=length)
        return 0

    def fsync(self, path: str, datasync: int, fh: int) -> int:
        self._note("fsync", path=_name(path))
        return 0

    def fsyncdir(self, path: str, datasync: int, fh: int) -> int:
        self._note("fsync_folder", path=_name(path))
        return 0

    def release(self, path: str, fh: int) -> int:
        os.close(fh)
        return 0

    def rename(self, old: str, new: str) -> int:
        os.rename(self._real(old), self._real(new))  # noqa: PTH104 - names of the mount
        self._note("rename", **{"from": _name(old), "to": _name(new)})
        return 0

    def link(self, target: str, source: str) -> int:
        os.link(self._real(source), self._real(target))
        self._note("link", **{"from": _name(source), "to": _name(target)})
        return 0

    def symlink(self, target: str, source: str) -> int:
        os.symlink(source, self._real(target))  # noqa: PTH211 - the link's text is kept as it is
        self._note("symlink", path=_name(target), text=source)
        return 0

    def unlink(self, path: str) -> int:
        os.unlink(self._real(path))  # noqa: PTH108 - names of the mount
        self._note("unlink", path=_name(path))
        return 0

    def mkdir(self, path: str, mode: int) -> int:
        os.mkdir(self._real(path), mode)  # noqa: PTH102 - names of the mount
        self._note("mkdir", path=_name(path))
        return 0

    def rmdir(self, path: str) -> int:
        os.rmdir(self._real(path))  # noqa: PTH106 - names of the mount
        self._note("rmdir", path=_name(path))
        return 0

    def chmod(self, path: str, mode: int) -> int:
        os.chmod(self._real(path), mode)  # noqa: PTH101 - names of the mount
        return 0

    def chown(self, path: str, uid: int, gid: int) -> int:
        os.chown(self._real(path), uid, gid, follow_symlinks=False)
        return 0

    def utimens(self, path: str, times: tuple[int, int] | None = None) -> int:
        os.utime(self._real(path), ns=times)  # type: ignore[arg-type] # None is now, as the library says
        return 0


class Mount(mfusepy.FUSE):  # type: ignore[misc] # the library has no types
    """A mount that refuses what it would do wrongly."""

    def rename_fuse_3(self, old: bytes, new: bytes, flags: int) -> int:
        return -errno.EINVAL if flags else int(self.rename_fuse_2(old, new))  # exchange, no-replace


def _name(path: str) -> str:
    return path.lstrip("/") or "."


def main(backing: Path, mount: Path, record: Path) -> None:
    """Pass calls through until the folder is unmounted."""
    Mount(Recorder(backing, record), str(mount), foreground=True, nothreads=True)


if __name__ == "__main__":
    main(*(Path(word).absolute() for word in sys.argv[1:4]))
