"""The packages that dpkg has installed.

It is the package manager of Debian, Ubuntu and Jetson Linux.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

STATUS_FILE: Final = "var/lib/dpkg/status"


def dpkg_versions(root: Path) -> dict[str, str]:
    """Return the version of every installed package by name; empty where dpkg's own list cannot be read.

    A package that was removed but left its configuration behind is not installed.
    """
    try:
        with (root / STATUS_FILE).open("rb") as lines:
            return {
                name.decode(errors="replace"): version.decode(errors="replace") for name, version in _read(lines)
            }
    except OSError:
        return {}


def _read(lines: Iterable[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Yield name and version. In each paragraph `Package`, `Status` and `Version` come in this order."""
    name = b""
    for line in lines:  # bytes and a test of one character first: a desktop's list has 5 MB and 100,000 lines
        if line[0] not in b"PSV":
            continue
        key, _, value = line.partition(b": ")
        if key == b"Package":
            name = value.strip()
        elif key == b"Status" and not value.endswith(b" installed\n"):
            name = b""
        elif key == b"Version" and name:
            yield name, value.strip()
