"""What a recording of a board leaves out: whatever tells one machine, or one person, from others."""

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final

from hilrig.app.machine.board_paths import SERIALS
from hilrig.sampler.fact_file import read_fact

NO_BOOT: Final = b"00000000-0000-0000-0000-000000000000\n"
CGROUP: Final = "recorded"
"""Name of the measured process's control group in a recording: real ones name users, sessions and containers."""

_REMOVED: Final = b"removed"
_SERIAL_LENGTH_MIN: Final = 6
"""Shorter ones, and those without a digit, are placeholders such as `0` or `None`, and parts of other words."""

_GPU_UUID: Final = re.compile(rb"GPU-[0-9a-fA-F-]{36}")
_CONTAINER_ID: Final = re.compile(rb"[0-9a-f][0-9a-f_-]{11,}")
_CGROUP_PATH: Final = re.compile(rb"^(\d+:[^:\n]*:)/.+$", re.MULTILINE)
_NVMAP_ROW: Final = re.compile(rb"^(\S+)[ \t]+(?!PROCESS\b)\S.*?([ \t]+\d+[ \t]+\d+K)$", re.MULTILINE)


class Privacy:
    """Rewrites contents of one machine's files.

    Args:
        root: where the files with its serial numbers are.
        pid: the process that is recorded.
    """

    def __init__(self, root: Path, pid: int) -> None:
        self._pid = pid
        self.cgroup = _cgroup(root, pid)
        self._serials = sorted(_serials(root), key=len, reverse=True)

    def content(self, path: str, data: bytes) -> bytes:
        """Return what may be kept of a file's content."""
        if path == "proc/sys/kernel/random/boot_id":
            return NO_BOOT
        if path == "proc/1/cgroup":
            data = _CONTAINER_ID.sub(b"0" * 12, data)
        elif path == f"proc/{self._pid}/cgroup":
            data = _CGROUP_PATH.sub(rb"\g<1>/" + CGROUP.encode(), data)
        elif path.endswith("/information"):
            data = _GPU_UUID.sub(b"GPU-" + NO_BOOT.strip(), data)
        elif "/nvmap/" in path:
            data = _NVMAP_ROW.sub(rb"\1 process\2", data)
        return self.text(data)

    def path(self, path: str) -> str:
        """Return the path that a file has in the recording."""
        return path.replace(f"sys/fs/cgroup/{self.cgroup}/", f"sys/fs/cgroup/{CGROUP}/") if self.cgroup else path

    def text(self, data: bytes) -> bytes:
        """Return any text of hilrig's own, such as a sampler's explanations, or a file's content."""
        for serial in self._serials:
            data = re.sub(re.escape(serial), _REMOVED, data, flags=re.IGNORECASE)
        return self.path(data.decode(errors="surrogateescape")).encode(errors="surrogateescape")


def _cgroup(root: Path, pid: int) -> str:
    """Return the path of the process's control group (v2) without its slash; empty for the topmost one."""
    for line in (read_fact(root / "proc" / str(pid) / "cgroup") or "").splitlines():
        hierarchy, _, path = line.partition("::")
        if hierarchy == "0" and ".." not in PurePosixPath(path).parts:
            return path.strip("/")
    return ""


def _serials(root: Path) -> Iterator[bytes]:
    for pattern in SERIALS:
        for path in root.glob(pattern):
            serial = (read_fact(path) or "").encode()
            if len(serial) >= _SERIAL_LENGTH_MIN and re.search(rb"\d", serial.strip(b"0:-")):
                yield serial
