"""Small releases and stores for tests of the node. No numpy: a process that only changes a store starts fast."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hilrig.config.noun_json import to_json
from hilrig.core.canonical import sha256_hex
from hilrig.core.profile import DecideSpec, ModelSpec, PipelineSpec
from hilrig.core.release import FILES_FOLDER, GATE_DECISION_FILE, RELEASE_FILE, ReleaseFile, ReleaseManifest
from hilrig.node.identity import NodeIdentity
from hilrig.node.release_files import ReleaseFolder
from hilrig.target.model_files import bundle_sha256

IDENTITY = NodeIdentity(node_id="press-7", device_class="x86-cpu", reserve_mib=0)
SMALL = {"model.onnx": b"graph" * 100, "weights/model.bin": b"weights" * 400}


def accept_any(release: ReleaseFolder) -> None:
    """Accept every release: the gate's decision is another test's matter."""


def make_manifest(files: Mapping[str, bytes] = SMALL, **changes: Any) -> ReleaseManifest:
    """Return the manifest of a release with these files."""
    digests = {path: sha256_hex(data) for path, data in files.items()}
    values: dict[str, Any] = {
        "name": "weld",
        "version": "1.0",
        "sequence": 1,
        "config_version": "c1",
        "device_classes": ("x86-cpu",),
        "stack_sha256": "",
        "model": ModelSpec(
            files=tuple(files),
            bundle_sha256=None,
            input_name="image",
            input_shape=(1, 3, 8, 8),
            output_name="scores",
            labels=("crack",),
        ),
        "pipeline": PipelineSpec(
            target="in_process", preprocess=None, backend=None, decide=DecideSpec(thresholds={"crack": 0.5})
        ),
        "files": tuple(
            ReleaseFile(path=path, sha256=digests[path], size_bytes=len(data)) for path, data in files.items()
        ),
        "bundle_sha256": bundle_sha256(digests),
    }
    return ReleaseManifest(**{**values, **changes})


def write_release(
    folder: Path, files: Mapping[str, bytes] = SMALL, *, decision: bytes = b"decision", **changes: Any
) -> str:
    """Publish a release as a folder; return its sha256."""
    (folder / FILES_FOLDER).mkdir(parents=True)
    for data in files.values():
        (folder / FILES_FOLDER / sha256_hex(data)).write_bytes(data)
    manifest = to_json(make_manifest(files, **changes))
    (folder / RELEASE_FILE).write_bytes(manifest)
    (folder / GATE_DECISION_FILE).write_bytes(decision)
    return sha256_hex(manifest)


def write_numbered(folder: Path, number: int, *, size_bytes: int = 2000) -> str:
    """Publish the release with this number: its graph is its own, one weight file is that of all."""
    graph = f"graph {number} ".encode() * (size_bytes // 8)
    files = {"model.onnx": graph, "weights/shared.bin": b"shared" * 50}
    return write_release(folder, files, version=f"{number}.0", sequence=number)
