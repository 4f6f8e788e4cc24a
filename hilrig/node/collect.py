"""Removing what no release needs any more."""

from dataclasses import dataclass

from hilrig.node.crash_points import CrashPoints
from hilrig.node.disk import Disk
from hilrig.node.layout import BLOBS, RELEASES, TMP
from hilrig.node.transitions import StoreState


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """What was removed: releases by their sha256, and the bytes of files that nothing else uses."""

    releases: tuple[str, ...]
    freed_bytes: int


def collect(disk: Disk, points: CrashPoints, state: StoreState) -> Collected:
    """Remove every release but the current, the previous and the candidate, then the blobs that nobody links.

    A release loses its name first and its files after that, so a cut leaves it whole or not there.

    Raises:
        OSError: the disk refuses.
    """
    gone = tuple(sha256 for sha256 in disk.names(RELEASES) if sha256 not in state.releases)
    for sha256 in gone:
        points.reach("collect.file", path=f"{RELEASES}/{sha256}")
        disk.rename(f"{RELEASES}/{sha256}", f"{TMP}/{sha256}.gone")
    if gone:
        disk.fsync_folder(RELEASES)
    for sha256 in gone:
        disk.remove_tree(f"{TMP}/{sha256}.gone")
    return Collected(releases=gone, freed_bytes=_collect_blobs(disk, points))


def _collect_blobs(disk: Disk, points: CrashPoints) -> int:
    freed_bytes = 0
    for name in disk.names(BLOBS):
        found = (disk.folder / BLOBS / name).lstat()
        if found.st_nlink > 1:
            continue  # a release has it
        points.reach("collect.file", path=f"{BLOBS}/{name}")
        disk.unlink(f"{BLOBS}/{name}")
        freed_bytes += found.st_size
    if freed_bytes:
        disk.fsync_folder(BLOBS)
    return freed_bytes
