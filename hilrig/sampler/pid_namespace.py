"""Whether the pids that this process knows are those of the host: drivers name processes by the host's."""

from pathlib import Path
from typing import Final

_HOST_PIDS: Final = "pid:[4026531836]"
"""The kernel's fixed number of its first pid namespace (PROC_PID_INIT_INO)."""


def has_pids_of_its_own(root: Path) -> bool:
    """Return whether this is a container whose pids mean other processes on the host, or none."""
    try:
        return str((root / "proc/self/ns/pid").readlink()) != _HOST_PIDS
    except OSError:
        return False  # a kernel without pid namespaces has no such link
