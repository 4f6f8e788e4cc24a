"""A release folder: what a node can be given, made from a profile.

It is read back as if a stranger had made it.
"""

import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from hilrig.app.golden.published import golden_of
from hilrig.config.noun_json import from_json, to_json
from hilrig.core.canonical import sha256_hex
from hilrig.core.errors import PreconditionError, RecordError, TrustError
from hilrig.core.profile import Profile
from hilrig.core.release import (
    FILES_FOLDER,
    RELEASE_FILE,
    RELEASE_SCHEMA,
    GoldenSample,
    ReleaseFile,
    ReleaseManifest,
)
from hilrig.record.run_directory import sync_folder
from hilrig.record.untrusted_file import read_untrusted
from hilrig.target.identity import pipeline_sha256
from hilrig.target.model_files import bundle_sha256, hash_model_files

GOLDEN_PATH: Final = "golden/input.bin"
MAX_RELEASE_BYTES: Final = 4 << 20
"""Of release.json: one with a thousand files takes a twentieth of it."""
MAX_FILE_BYTES: Final = 2 << 30
"""Of one file of a release: protobuf, and so ONNX without external data, ends at 2 GiB."""

_ANEW: Final = "hilrig gate manifest writes it anew"
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltRelease:
    """A release that is not written yet.

    Args:
        data: release.json, byte for byte; `sha256` is the release's name.
        sources: where the bytes of each model file are, by sha256.
        golden: the golden sample's input.
    """

    manifest: ReleaseManifest
    data: bytes
    sources: Mapping[str, Path]
    golden: bytes

    @property
    def sha256(self) -> str:
        """Return the name of the release."""
        return sha256_hex(self.data)


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundRelease:
    """A release folder whose files were all hashed: each holds what release.json says."""

    manifest: ReleaseManifest
    sha256: str
    model_files_sha256: Mapping[str, str]


def build_release(profile: Profile, *, version: str, sequence: int) -> BuiltRelease:
    """Return the release of a profile's model for all of the profile's device classes, bound to no software stack.

    Equal profile, version and sequence give equal bytes on one machine: what it was tested with is no part of it.

    Raises:
        PreconditionError: a model file is missing or outside of the profile's folder, or it does not run.
    """
    _refuse_outside(profile)
    folder = Path(profile.folder)
    digests = hash_model_files(profile.model, folder)
    golden = golden_of(profile)
    model = [
        ReleaseFile(path=path, sha256=sha256, size_bytes=(folder / path).stat().st_size)
        for path, sha256 in digests.items()
    ]
    sample = ReleaseFile(path=GOLDEN_PATH, sha256=sha256_hex(golden.tensor), size_bytes=len(golden.tensor))
    manifest = ReleaseManifest(
        name=profile.name,
        version=version or str(sequence),
        sequence=sequence,
        config_version=pipeline_sha256(profile.pipeline, profile.model)[:12],
        device_classes=profile.device_classes,
        stack_sha256="",
        model=profile.model,
        pipeline=profile.pipeline,
        files=(*model, sample),
        bundle_sha256=bundle_sha256(digests),
        golden=GoldenSample(input_sha256=sample.sha256, scores=golden.scores, tolerance=golden.tolerance),
    )
    return BuiltRelease(
        manifest=manifest,
        data=to_json(manifest),
        sources={sha256: folder / path for path, sha256 in digests.items()},
        golden=golden.tensor,
    )


def write_release(folder: Path, release: BuiltRelease, *, beside: Mapping[str, bytes]) -> None:
    """Write a release, with the files `beside` release.json; nobody ever sees a part of it.

    Raises:
        PreconditionError: a model file changed since it was hashed.
        RecordError: it cannot be written.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        built = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".new-"))
        try:
            _fill(built, release, beside)
            if folder.is_dir():
                folder.rmdir()  # only an empty one: somebody's files are never removed
            built.rename(folder)
        finally:
            shutil.rmtree(built, ignore_errors=True)
        sync_folder(folder.parent)
    except OSError as error:
        raise RecordError(
            f"{folder} cannot be written: {error.strerror}", hint="choose a new folder, or free some space"
        ) from error


def read_release(folder: Path) -> FoundRelease:
    """Return the release in a folder, each of its files hashed.

    Raises:
        TrustError: it is no release, holds something that is no file, or a file is missing or was changed.
    """
    data = read_release_file(folder / RELEASE_FILE, max_bytes=MAX_RELEASE_BYTES)
    if data is None:
        raise TrustError(f"{folder} has no {RELEASE_FILE}: it is no release folder", hint="hilrig gate manifest")
    manifest = _parsed(data, str(folder / RELEASE_FILE))
    for file in manifest.files:
        _refuse_changed(folder / FILES_FOLDER / file.sha256, file)
    model = {file.path: file.sha256 for file in manifest.files if file.path in manifest.model.files}
    if set(model) != set(manifest.model.files) or bundle_sha256(model) != manifest.bundle_sha256:
        raise TrustError(
            f"{folder / RELEASE_FILE} contradicts itself: bundle_sha256 is not that of its model files"
        )
    return FoundRelease(manifest=manifest, sha256=sha256_hex(data), model_files_sha256=model)


def read_release_file(path: Path, *, max_bytes: int) -> bytes | None:
    """Return the bytes of a file that somebody else may have put there, None when there is none.

    Raises:
        TrustError: it is a link, a pipe, a device or too large, or cannot be read.
    """
    try:
        return read_untrusted(path, max_bytes=max_bytes)
    except RecordError as error:
        raise TrustError(error.message, hint=error.hint or "put the file itself there") from error


def _refuse_outside(profile: Profile) -> None:
    for path in profile.model.files:
        if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
            raise PreconditionError(
                f"the model file {path} is outside of the profile's folder", hint="put it beside profile.yaml"
            )


def _parsed(data: bytes, name: str) -> ReleaseManifest:
    try:
        manifest = from_json(ReleaseManifest, data, what=name)
    except RecordError as error:
        raise TrustError(error.message, hint=_ANEW) from error
    if manifest.schema != RELEASE_SCHEMA or to_json(manifest) != data:
        raise TrustError(f"{name} is not in the form of {RELEASE_SCHEMA}", hint=_ANEW)
    for file in manifest.files:
        if not _SHA256.fullmatch(file.sha256):
            raise TrustError(f"{name}: {file.sha256[:80]!a} is no sha256", hint=_ANEW)
    return manifest


def _refuse_changed(path: Path, file: ReleaseFile) -> None:
    data = read_release_file(path, max_bytes=max(0, min(file.size_bytes, MAX_FILE_BYTES)))
    if data is None:
        raise TrustError(f"{path} is missing: it is {file.path} of the release", hint="hilrig gate manifest")
    if sha256_hex(data) != file.sha256:
        raise TrustError(
            f"{path} was changed: it is not {file.path} as {RELEASE_FILE} names it", hint="hilrig gate manifest"
        )


def _fill(folder: Path, release: BuiltRelease, beside: Mapping[str, bytes]) -> None:
    folder.chmod(0o755)
    (folder / FILES_FOLDER).mkdir()
    for sha256, source in release.sources.items():
        data = source.read_bytes()
        if sha256_hex(data) != sha256:
            raise PreconditionError(f"{source} changed while the release was made", hint="make it again")
        _write(folder / FILES_FOLDER / sha256, data)
    _write(folder / FILES_FOLDER / sha256_hex(release.golden), release.golden)
    for name, data in {**beside, RELEASE_FILE: release.data}.items():
        _write(folder / name, data)
    sync_folder(folder / FILES_FOLDER)
    sync_folder(folder)


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
