"""A release as it lies on a disk: its manifest, the gate's decision, its files."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hilrig.config.noun_json import from_json, to_json
from hilrig.core.canonical import sha256_hex
from hilrig.core.errors import NoDecisionError, RecordError, TrustError, UsageError
from hilrig.core.release import FILES_FOLDER, GATE_DECISION_FILE, RELEASE_FILE, RELEASE_SCHEMA, ReleaseManifest
from hilrig.node.safe_files import is_name, is_path, is_sha256, read_below
from hilrig.target.model_files import bundle_sha256

MODEL_FOLDER: Final = "model"
MAX_SMALL_BYTES: Final = 1 << 20
"""Of release.json and gate.dsse.json: a thousand files fit, and nothing that could fill the memory."""
_MAX_FILES: Final = 1000
_MAX_TEXT: Final = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseFolder:
    """A release, read; its files are hashed elsewhere.

    Args:
        folder: where release.json is.
        sha256: of release.json: the release's name everywhere.
        manifest_bytes: release.json, byte for byte.
        decision: gate.dsse.json, byte for byte; nothing is known of it yet.
    """

    folder: Path
    sha256: str
    manifest: ReleaseManifest
    manifest_bytes: bytes
    decision: bytes

    @property
    def model_folder(self) -> Path:
        """Return where the model's files are, in a release of the store."""
        return self.folder / MODEL_FOLDER

    def __str__(self) -> str:
        return f"{self.manifest.name} {self.manifest.version} ({self.sha256[:12]})"


Accept = Callable[[ReleaseFolder], None]
"""Returns when this node may run the release; raises TrustError or one of its kind, with the reason, when not."""


def read_release(folder: Path) -> ReleaseFolder:
    """Return the release in a folder, as it was published or as the store keeps it.

    Raises:
        UsageError: there is no release.
        NoDecisionError: the gate's decision is not with it.
        TrustError: its manifest is not one.
    """
    try:
        manifest_bytes = read_below(folder, RELEASE_FILE, max_bytes=MAX_SMALL_BYTES)
    except OSError as error:
        raise UsageError(
            f"{folder} is no release: {RELEASE_FILE}: {error.strerror}", hint="hilrig node publish makes one"
        ) from error
    try:
        decision = read_below(folder, GATE_DECISION_FILE, max_bytes=MAX_SMALL_BYTES)
    except OSError as error:
        raise NoDecisionError(
            f"{folder} has no readable {GATE_DECISION_FILE}: {error.strerror}",
            hint="hilrig gate check for this device class, then hilrig node publish",
        ) from error
    return ReleaseFolder(
        folder=folder,
        sha256=sha256_hex(manifest_bytes),
        manifest=parse_manifest(manifest_bytes),
        manifest_bytes=manifest_bytes,
        decision=decision,
    )


def parse_manifest(data: bytes) -> ReleaseManifest:
    """Return what release.json states.

    Raises:
        TrustError: it is no manifest, or states what cannot be.
    """
    try:
        manifest = from_json(ReleaseManifest, data, what=RELEASE_FILE)
    except RecordError as error:
        raise TrustError(error.message, hint="publish the release again") from error
    fault = next(_faults(manifest), None)
    if fault is None and to_json(manifest) != data:
        fault = "it is not canonical JSON: two readers could read it differently"
    if fault is not None:
        raise TrustError(f"{RELEASE_FILE}: {fault}", hint="publish the release again")
    return manifest


def source_path(sha256: str) -> str:
    """Return where a published release has the file with this digest."""
    return f"{FILES_FOLDER}/{sha256}"


def _faults(manifest: ReleaseManifest) -> Iterator[str]:
    if manifest.schema != RELEASE_SCHEMA:
        yield f"expected the schema {RELEASE_SCHEMA}, found {manifest.schema!a:.80}"
    if not is_name(manifest.name):
        yield f"{manifest.name!a:.80} is no name for a model"
    for text in (manifest.version, manifest.config_version):
        if not text.isprintable() or not 0 < len(text) <= _MAX_TEXT:
            yield f"the version {text!a:.80} is not one line of 1 to {_MAX_TEXT} characters"
    if manifest.sequence < 0:
        yield f"the sequence {manifest.sequence} is less than 0"
    if not manifest.device_classes or not all(map(is_name, manifest.device_classes)):
        yield "it names no device class that it is for"
    if manifest.stack_sha256 and not is_sha256(manifest.stack_sha256):
        yield "stack_sha256 is no sha256"
    yield from _file_faults(manifest)
    yield from _model_faults(manifest)


def _file_faults(manifest: ReleaseManifest) -> Iterator[str]:
    if not 0 < len(manifest.files) <= _MAX_FILES:
        yield f"it lists {len(manifest.files)} files, expected 1 to {_MAX_FILES}"
    paths = {file.path for file in manifest.files}
    if len(paths) < len(manifest.files):
        yield "it lists a path twice"
    sizes: dict[str, int] = {}
    for file in manifest.files:
        if not is_path(file.path):
            yield f"{file.path!a:.80} is no path below a folder"
        if any("/".join(file.path.split("/")[:depth]) in paths for depth in range(1, file.path.count("/") + 1)):
            yield f"{file.path!a:.80} is below a path that is a file"
        if not is_sha256(file.sha256):
            yield f"{file.path!a:.80} has no sha256"
        if file.size_bytes < 0 or sizes.setdefault(file.sha256, file.size_bytes) != file.size_bytes:
            yield f"{file.path!a:.80} has a size that cannot be"


def _model_faults(manifest: ReleaseManifest) -> Iterator[str]:
    digests = {file.path: file.sha256 for file in manifest.files}
    if not manifest.model.files:
        yield "its model has no files"
    missing = [path for path in manifest.model.files if path not in digests]
    if missing:
        yield f"it does not list {missing[0]!a:.80}, a file of its model"
        return
    if manifest.bundle_sha256 != bundle_sha256({path: digests[path] for path in manifest.model.files}):
        yield "bundle_sha256 is not that of the model's files"
    if manifest.model.bundle_sha256 not in {None, manifest.bundle_sha256}:
        yield "its model pins another bundle_sha256"
    if manifest.golden is not None and manifest.golden.input_sha256 not in digests.values():
        yield "it does not list the golden sample's input"
