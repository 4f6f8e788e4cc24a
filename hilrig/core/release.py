"""A release of a model for nodes: its files, the pipeline around it, what it may run on."""

from dataclasses import dataclass

from hilrig.core.profile import ModelSpec, PipelineSpec

RELEASE_SCHEMA = "hilrig.release/1"
RELEASE_FILE = "release.json"
GATE_DECISION_FILE = "gate.dsse.json"
FILES_FOLDER = "files"
"""A release folder: release.json, gate.dsse.json, files/<sha256> (the same paths below a URL)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseFile:
    """One file of a release: its path inside the model's folder, its digest and size."""

    path: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldenSample:
    """One known input with the scores that the model must give for it.

    Args:
        input_sha256: of the file with the input tensor's bytes (C order, little-endian, the model's dtype).
        scores: expected, one per label.
        tolerance: largest absolute difference that is no mistake.
    """

    input_sha256: str
    scores: tuple[float, ...]
    tolerance: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseManifest:
    """What release.json states; its own sha256 is the name of the release everywhere.

    Args:
        name: of the model, as `/reload-model` and the Open Inference Protocol call it.
        version: of the model, for people.
        sequence: rises with every release of this name; a node never goes below its minimum.
        config_version: of the pipeline around the model.
        device_classes: what it may run on.
        stack_sha256: digest of the software stack that the gate's run was made on; empty: not bound to one.
        files: everything that is needed, the model's files and the golden sample's input.
        bundle_sha256: sha256 over the sorted lines `<sha256>  <path>` of the model's files.
    """

    schema: str = RELEASE_SCHEMA
    name: str
    version: str
    sequence: int
    config_version: str
    device_classes: tuple[str, ...]
    stack_sha256: str
    model: ModelSpec
    pipeline: PipelineSpec
    files: tuple[ReleaseFile, ...]
    bundle_sha256: str
    golden: GoldenSample | None = None
