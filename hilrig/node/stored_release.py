"""A release of the store, held against its manifest to the last byte."""

import os
from collections.abc import Iterator
from pathlib import Path

from hilrig.core.canonical import sha256_hex
from hilrig.core.errors import HilrigError, UsageError
from hilrig.core.release import RELEASE_FILE, ReleaseFile, ReleaseManifest
from hilrig.node.layout import BLOBS, RELEASES
from hilrig.node.release_files import MODEL_FOLDER, ReleaseFolder, parse_manifest, read_release
from hilrig.node.safe_files import read_below, sha256_below
from hilrig.node.store_fault import DAMAGED, StoreFault


class DamagedReleaseError(StoreFault):
    """A release of the store is not what its manifest says.

    Args:
        blobs: digests of the files that are not what they should be.
    """

    def __init__(self, message: str, *, blobs: tuple[str, ...] = ()) -> None:
        super().__init__(message, code=DAMAGED, hint="stage the release again: hilrig node stage")
        self.blobs = blobs


def whole_release(store: Path, sha256: str) -> ReleaseFolder:
    """Return a release of the store after every file of it was read and hashed.

    Raises:
        UsageError: the store does not have it.
        DamagedReleaseError: a file is missing, unreadable, changed, or not of the release.
    """
    folder = store / RELEASES / sha256
    if not os.path.lexists(folder):
        raise UsageError(f"the store has no release {sha256[:12]}", hint="hilrig node stage RELEASE_FOLDER")
    release = _readable(folder, sha256)
    files = {file.path: file for file in release.manifest.files}
    damaged = tuple(file for file in files.values() if _digest(release.model_folder, file.path) != file.sha256)
    if damaged:
        raise DamagedReleaseError(
            f"{release}: {MODEL_FOLDER}/{damaged[0].path} is damaged", blobs=tuple(f.sha256 for f in damaged)
        )
    foreign = sorted(set(_paths(release.model_folder)) - files.keys())
    if foreign:
        raise DamagedReleaseError(f"{release}: {MODEL_FOLDER}/{foreign[0]} is not of the release")
    return release


def missing_blobs(store: Path, manifest: ReleaseManifest) -> tuple[ReleaseFile, ...]:
    """Return the files, each digest once, that the store does not have, or has damaged."""
    by_digest = {file.sha256: file for file in manifest.files}
    return tuple(file for sha256, file in by_digest.items() if _digest(store / BLOBS, sha256) != sha256)


def manifest_of(store: Path, sha256: str) -> ReleaseManifest | None:
    """Return the manifest of a release of the store, for showing it; None where it cannot be read."""
    try:
        data = read_below(store / RELEASES / sha256, RELEASE_FILE, max_bytes=1 << 20)
        return parse_manifest(data) if sha256_hex(data) == sha256 else None
    except (OSError, HilrigError):
        return None


def _readable(folder: Path, sha256: str) -> ReleaseFolder:
    try:
        release = read_release(folder)
    except HilrigError as error:
        raise DamagedReleaseError(f"the release {sha256[:12]} is damaged: {error.message}") from error
    if release.sha256 != sha256:
        raise DamagedReleaseError(f"the release {sha256[:12]} is damaged: {RELEASE_FILE} is not its manifest")
    return release


def _digest(folder: Path, path: str) -> str:
    try:
        return sha256_below(folder, path)
    except OSError:
        return ""  # missing or unreadable: not what it should be


def _paths(folder: Path) -> Iterator[str]:
    for here, _, names in os.walk(folder):
        yield from (os.path.relpath(f"{here}/{name}", folder) for name in names)
