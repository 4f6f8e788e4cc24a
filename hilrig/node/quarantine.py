"""Damaged files are put aside for people to look at.

They are never run and never overwritten.
"""

from itertools import count
from typing import Final

from hilrig.node.disk import Disk
from hilrig.node.layout import BLOBS, QUARANTINE, RELEASES
from hilrig.node.stored_release import DamagedReleaseError

_DAMAGED: Final = "damaged"


def quarantine_release(disk: Disk, sha256: str, damage: DamagedReleaseError) -> None:
    """Put a damaged release aside, with those blobs that are damaged.

    Raises:
        OSError: the disk refuses.
    """
    for blob in damage.blobs:
        _put_aside(disk, BLOBS, blob)
    _put_aside(disk, RELEASES, sha256)


def quarantine_blob(disk: Disk, sha256: str) -> None:
    """Put a damaged blob aside.

    Raises:
        OSError: the disk refuses.
    """
    _put_aside(disk, BLOBS, sha256)


def _put_aside(disk: Disk, folder: str, name: str) -> None:
    if not disk.exists(f"{folder}/{name}"):
        return
    disk.rename(f"{folder}/{name}", _free_name(disk, name))
    disk.fsync_folder(QUARANTINE)
    disk.fsync_folder(folder)


def _free_name(disk: Disk, name: str) -> str:
    first = f"{QUARANTINE}/{name}.{_DAMAGED}"
    if not disk.exists(first):
        return first
    return next(path for n in count(2) if not disk.exists(path := f"{first}-{n}"))
