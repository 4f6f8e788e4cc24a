"""Bringing a release into the store: nothing has its name there before it is durable.

By then it is whole, too.
"""

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import PurePosixPath
from typing import Final

from hilrig.core.errors import TrustError, UsageError
from hilrig.core.release import GATE_DECISION_FILE, RELEASE_FILE, ReleaseFile
from hilrig.node.crash_points import CrashPoints
from hilrig.node.disk import Disk
from hilrig.node.layout import BLOBS, RELEASES, TMP
from hilrig.node.quarantine import quarantine_blob, quarantine_release
from hilrig.node.release_files import MODEL_FOLDER, ReleaseFolder, source_path
from hilrig.node.safe_files import CHUNK_BYTES, open_below
from hilrig.node.store_fault import DISK_REFUSES, StoreFault
from hilrig.node.stored_release import DamagedReleaseError, missing_blobs, whole_release

_READ_ONLY: Final = 0o444
_MIB: Final = 1 << 20
_SMALL_FILES_BYTES: Final = 1 << 16
"""Room for a release's folders, manifest and decision, the state and the journal."""


class Staging:
    """Copies releases into the store.

    Args:
        disk: of the store; whoever calls holds its lock.
        points: told of every step.
        reserve_mib: what stays free on the disk.
    """

    def __init__(self, disk: Disk, points: CrashPoints, *, reserve_mib: int) -> None:
        self._disk = disk
        self._points = points
        self._reserve_mib = reserve_mib

    def stage(self, source: ReleaseFolder) -> None:
        """Bring in a release that is accepted; one that is there already is read and hashed again.

        Raises:
            TrustError: its files are not those of its manifest.
            StoreFault: there is no room for it.
            OSError: the disk refuses.
        """
        kept = self._kept(source.sha256)
        if kept is None:
            missing = missing_blobs(self._disk.folder, source.manifest)
            self._require_room(missing)
            for file in missing:
                self._bring(source, file)
            self._disk.fsync_folder(BLOBS)
            self._build(source)
        elif kept.decision != source.decision:
            self._disk.replace_file(f"{RELEASES}/{source.sha256}/{GATE_DECISION_FILE}", source.decision)

    def _kept(self, sha256: str) -> ReleaseFolder | None:
        """Return the release if the store has it whole; what is damaged of it is put aside."""
        try:
            return whole_release(self._disk.folder, sha256)
        except UsageError:
            return None
        except DamagedReleaseError as damage:
            quarantine_release(self._disk, sha256, damage)
            return None

    def _require_room(self, missing: Sequence[ReleaseFile]) -> None:
        needed_bytes = sum(file.size_bytes for file in missing) + _SMALL_FILES_BYTES
        free_bytes = self._disk.free_bytes()
        if free_bytes < needed_bytes + self._reserve_mib * _MIB:
            raise StoreFault(
                f"{self._disk.folder} has {free_bytes / _MIB:.1f} MiB free; the release needs"
                f" {needed_bytes / _MIB:.1f} MiB, and {self._reserve_mib} MiB stay free",
                code=DISK_REFUSES,
                hint=f"hilrig node collect --store {self._disk.folder}",
            )

    def _bring(self, source: ReleaseFolder, file: ReleaseFile) -> None:
        part = f"{TMP}/{file.sha256}.part"
        try:
            self._copy(source, file, part)
        except BaseException:
            with suppress(OSError):  # never tried again on this file: what it holds is not known
                self._disk.unlink(part)
            raise
        if self._disk.exists(f"{BLOBS}/{file.sha256}"):
            quarantine_blob(self._disk, file.sha256)
        self._disk.rename(part, f"{BLOBS}/{file.sha256}")
        self._points.reach("stage.file", path=file.path)

    def _copy(self, source: ReleaseFolder, file: ReleaseFile, part: str) -> None:
        digest = hashlib.sha256()
        with self._disk.create(part) as copy:
            for chunk in _chunks(source, file):
                if copy.size + len(chunk) > file.size_bytes:
                    raise _other(source, file, f"longer than {file.size_bytes} bytes")
                digest.update(chunk)
                self._disk.write(copy, chunk)
                self._points.reach("stage.bytes", path=file.path, n_bytes=copy.size)
            if copy.size != file.size_bytes:
                raise _other(source, file, f"{copy.size} bytes long, expected {file.size_bytes}")
            if digest.hexdigest() != file.sha256:
                raise _other(source, file, f"with the sha256 {digest.hexdigest()}")
            self._disk.chmod(copy, _READ_ONLY)
            self._disk.fsync(copy)

    def _build(self, source: ReleaseFolder) -> None:
        """Build the release's folder under another name, and give it its own when all of it is durable."""
        building = f"{TMP}/{source.sha256}.release"
        folders = [building, f"{building}/{MODEL_FOLDER}"]
        folders += [f"{building}/{MODEL_FOLDER}/{folder}" for folder in _folders(source)]
        for folder in folders:
            self._disk.mkdir(folder)
        self._disk.write_file(f"{building}/{RELEASE_FILE}", source.manifest_bytes)
        self._disk.write_file(f"{building}/{GATE_DECISION_FILE}", source.decision)
        for file in source.manifest.files:
            self._disk.link(f"{BLOBS}/{file.sha256}", f"{building}/{MODEL_FOLDER}/{file.path}")
        for folder in reversed(folders):
            self._disk.fsync_folder(folder)
        self._disk.rename(building, f"{RELEASES}/{source.sha256}")
        self._points.reach("stage.release")
        self._disk.fsync_folder(RELEASES)


def sweep(disk: Disk) -> None:
    """Remove what changes that did not come to their end left in tmp/.

    Raises:
        OSError: the disk refuses.
    """
    for name in disk.names(TMP):
        disk.remove_tree(f"{TMP}/{name}")


def _folders(source: ReleaseFolder) -> list[str]:
    """Return the folders of the model's files, the outer ones first."""
    paths = (PurePosixPath(file.path) for file in source.manifest.files)
    return sorted({str(folder) for path in paths for folder in path.parents if folder.name})


def _chunks(source: ReleaseFolder, file: ReleaseFile) -> Iterator[memoryview]:
    buffer = memoryview(bytearray(CHUNK_BYTES))
    try:
        with os.fdopen(open_below(source.folder, source_path(file.sha256)), "rb", buffering=0) as opened:
            while n_read := opened.readinto(buffer):
                yield buffer[:n_read]
    except OSError as error:
        raise _other(source, file, f"not readable ({error.strerror})") from error


def _other(source: ReleaseFolder, file: ReleaseFile, found: str) -> TrustError:
    where = source.folder / source_path(file.sha256)
    return TrustError(
        f"{where} is {found}: not the file {file.path!a} of {source}", hint="fetch the release again"
    )
