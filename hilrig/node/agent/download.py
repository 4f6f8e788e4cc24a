"""Fetching a release: only what its manifest lists, at most as many bytes as it says, held against its digests.

What lies in the folder of downloads counts for nothing: the store hashes every byte again when it stages it. So
these files are written without the care of the store, and a download that was cut off goes on from what is there.
"""

import hashlib
import shutil
from pathlib import Path
from typing import BinaryIO, Final

from hilrig.core.canonical import sha256_hex
from hilrig.core.errors import TrustError
from hilrig.core.release import FILES_FOLDER, GATE_DECISION_FILE, RELEASE_FILE, ReleaseFile, ReleaseManifest
from hilrig.core.units import BYTES_PER_MIB, bytes_to_mib
from hilrig.node.agent.errors import DownloadError
from hilrig.node.agent.places import FolderPlace, Opened, WebPlace, joined
from hilrig.node.release_files import MAX_SMALL_BYTES, Accept, ReleaseFolder, parse_manifest

CHUNK_BYTES: Final = 1 << 18
N_TRIES: Final = 3
"""Of one file in one look: a connection that broke off is worth a second try, a server that is gone is not."""


class Downloads:
    """The folder that releases are fetched into.

    Args:
        folder: made when missing.
        reserve_mib: that must stay free on its file system.
    """

    def __init__(self, folder: Path, *, reserve_mib: int) -> None:
        self._folder = folder
        self._reserve_bytes = reserve_mib * BYTES_PER_MIB

    def fetch(self, place: FolderPlace | WebPlace, release_sha256: str, *, accept: Accept) -> Path:
        """Return the folder of a release, all of it there.

        Args:
            place: where it is.
            release_sha256: of its release.json, from a signed desired state.
            accept: raises when the gate's decision does not let this node run it; asked before a model file is
                fetched.

        Raises:
            TrustError: a digest, a size or the manifest is not what it should be.
            DownloadError: something is missing, the server fell silent, or the disk is too full.
        """
        folder = self._folder / release_sha256
        data = read_small(place, RELEASE_FILE, max_bytes=MAX_SMALL_BYTES)
        if sha256_hex(data) != release_sha256:
            raise TrustError(
                f"{place}/{RELEASE_FILE} has the sha256 {sha256_hex(data)[:12]}; {release_sha256[:12]} is desired",
                hint="publish the release anew, or ask who changed it",
            )
        manifest = parse_manifest(data)
        decision = read_small(place, GATE_DECISION_FILE, max_bytes=MAX_SMALL_BYTES)
        accept(
            ReleaseFolder(
                folder=folder, sha256=release_sha256, manifest=manifest, manifest_bytes=data, decision=decision
            )
        )
        self._keep_only(folder)
        self._refuse_too_large(manifest, folder)
        for file in manifest.files:
            fetch_file(place, file, folder / FILES_FOLDER)
        (folder / RELEASE_FILE).write_bytes(data)
        (folder / GATE_DECISION_FILE).write_bytes(decision)
        return folder

    def remove(self, release_sha256: str) -> None:
        """Remove what was fetched of a release."""
        shutil.rmtree(self._folder / release_sha256, ignore_errors=True)

    def _keep_only(self, folder: Path) -> None:
        """Make the folder of one release, and throw away half-fetched others: nobody wants them any more."""
        (folder / FILES_FOLDER).mkdir(parents=True, exist_ok=True)
        for other in self._folder.iterdir():
            if other != folder:
                shutil.rmtree(other, ignore_errors=True)

    def _refuse_too_large(self, manifest: ReleaseManifest, folder: Path) -> None:
        """Ask for twice the size: the store copies what was fetched."""
        wanted = 2 * sum({file.sha256: file.size_bytes for file in manifest.files}.values())
        free = shutil.disk_usage(folder).free
        if wanted + self._reserve_bytes > free:
            raise DownloadError(
                f"the release needs {bytes_to_mib(wanted):.0f} MiB and a reserve of"
                f" {bytes_to_mib(self._reserve_bytes):.0f} MiB; {bytes_to_mib(free):.0f} MiB are free",
                hint="hilrig node collect, or a larger disk",
            )


def read_small(place: FolderPlace | WebPlace, path: str, *, max_bytes: int) -> bytes:
    """Return a small file of a place.

    Raises:
        DownloadError: it is not there, or longer than `max_bytes`.
    """
    with place.opened(path, offset=0) as opened:
        return joined(f"{place}/{path}", opened.chunks, max_bytes=max_bytes)


def fetch_file(place: FolderPlace | WebPlace, file: ReleaseFile, folder: Path) -> None:
    """Fetch one file into `folder` under its digest; what is there of it already is not fetched again.

    Raises:
        TrustError: its bytes are not those that the manifest names.
        DownloadError: it could not be fetched in a few tries.
    """
    whole, part = folder / file.sha256, folder / f"{file.sha256}.part"
    if whole.exists():
        return
    for n_left in reversed(range(N_TRIES)):
        try:
            digest = _go_on(place, file, part)
            break
        except DownloadError:
            if not n_left:
                raise
    if digest != file.sha256:
        part.unlink()
        raise TrustError(
            f"{file.path!a} from {place} has the sha256 {digest[:12]}; the manifest says {file.sha256[:12]}",
            hint="publish the release anew, or ask who changed it",
        )
    part.rename(whole)


def _go_on(place: FolderPlace | WebPlace, file: ReleaseFile, part: Path) -> str:
    """Fetch what is missing of a file; return the sha256 of all of it."""
    digest, n_there = _hash_start(part, file.size_bytes)
    if n_there == file.size_bytes and n_there:
        return digest.hexdigest()
    with place.opened(f"{FILES_FOLDER}/{file.sha256}", offset=n_there) as opened:
        if opened.n_bytes is not None and opened.offset + opened.n_bytes != file.size_bytes:
            raise TrustError(
                f"{place} has {opened.offset + opened.n_bytes} bytes of {file.path!a};"
                f" the manifest says {file.size_bytes}"
            )
        if opened.offset == 0:
            digest = hashlib.sha256()
        with part.open("r+b" if part.exists() else "wb") as out:
            out.truncate(opened.offset)
            out.seek(opened.offset)
            _pour(opened, out, digest, n_left=file.size_bytes - opened.offset, path=file.path)
    return digest.hexdigest()


def _pour(opened: Opened, out: BinaryIO, digest: "hashlib._Hash", *, n_left: int, path: str) -> None:
    for chunk in opened.chunks:
        if len(chunk) > n_left:
            raise TrustError(f"{path!a} is longer than its manifest says: the rest was not read")
        out.write(chunk)
        digest.update(chunk)
        n_left -= len(chunk)
    if n_left:
        raise DownloadError(f"{path!a} ended {n_left} bytes early", hint="the next look goes on from here")


def _hash_start(part: Path, size_bytes: int) -> tuple["hashlib._Hash", int]:
    """Return the running sha256 of what is there of a file, and how much that is; too much is thrown away."""
    digest = hashlib.sha256()
    if not part.exists():
        return digest, 0
    if part.stat().st_size > size_bytes:
        part.unlink()
        return digest, 0
    with part.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest, part.stat().st_size
