"""Facts in small text files that do not change while hilrig looks: names, labels, topology."""

import re
from pathlib import Path


def read_fact(path: Path) -> str | None:
    """Return the text of `path` without surrounding white space and NULs; None when it is empty or unreadable."""
    try:
        text = path.read_bytes().decode(errors="replace")
    except OSError:
        return None  # an unreadable fact is an unknown one: the caller records None
    return text.strip(" \t\r\n\0") or None


def numbered(folder: Path, pattern: str) -> list[Path]:
    """Return the entries of `folder` that match the glob `pattern`, `cpu2` before `cpu10`."""
    return sorted(folder.glob(pattern), key=_natural_order)


def online_cpus(root: Path) -> list[Path]:
    """Return `/sys/devices/system/cpu/cpuN` of every logical CPU that is online, by number."""
    cpus = numbered(root / "sys/devices/system/cpu", "cpu[0-9]*")
    return [cpu for cpu in cpus if read_fact(cpu / "online") != "0"]  # cpu0 often has no such file


def _natural_order(path: Path) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", path.name)]
