"""The release manifest: what is to be released, with every piece of evidence by its digest."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

MANIFEST_SCHEMA = "hilrig.release-manifest/1"
MANIFEST_FILE = "release_manifest.json"


class EvidenceKind(str, Enum):
    """What a piece of evidence is; a folder's digest is that of the file that all else in it follows from."""

    RUN = "run"  # a run directory: result.json
    COMPATIBILITY = "compatibility"
    GOLDEN = "golden"
    POWER_LOSS = "power_loss"
    DIAGNOSTIC_BUNDLE = "diagnostic_bundle"
    NODE_LOG = "node_log"
    NODE_JOURNAL = "node_journal"
    DESIRED_STATE = "desired_state"
    DOCUMENT = "document"


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceEntry:
    """One piece of evidence: where it is below the evidence folder, what it is, its sha256.

    Args:
        device_class: that it was made on or for; empty: all.
        topic: of a document: `on-call`, `symptom-guide`, ...; empty for everything else.
    """

    path: str
    kind: EvidenceKind
    sha256: str
    device_class: str = ""
    topic: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceState:
    """What a release was built from: a tagged commit of a clean tree, and the lock file with every dependency.

    Args:
        tag: of the commit; empty: it has none, or the tree is not the commit's any more: a file was changed, or
            one in the profile's folder is unknown to git.
        lock_sha256: of the lock file; empty: there is none.
    """

    commit: str
    tag: str
    lock_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GateManifest:
    """What release_manifest.json states. Everything in it is a claim until it was recomputed.

    Args:
        model_sha256: of the model's first file.
        runtime: name and version, `onnxruntime-1.17.3`.
        devices_tested: classes with a run among the evidence.
        benchmarks: by class: `p50_ms`, `p95_ms`, `p99_ms`, `peak_ram_mb`.
        signing: `verified`.
        soak_test_hours: measured time of the longest run.
        previous_sha256: of the manifest of the release before; empty: there is none.
        run_keys: fingerprints of the keys that signed the runs.
    """

    model_sha256: str
    runtime: str
    devices_tested: tuple[str, ...]
    benchmarks: Mapping[str, Mapping[str, float | None]]
    signing: Mapping[str, Any]
    soak_test_hours: float
    schema: str = MANIFEST_SCHEMA
    name: str
    version: str
    sequence: int
    created_at_utc: str
    config_version: str
    bundle_sha256: str
    model_files_sha256: Mapping[str, str]
    pipeline_sha256: str
    profile_sha256: str
    source: SourceState | None
    previous_sha256: str
    evidence: tuple[EvidenceEntry, ...]
    run_keys: tuple[str, ...] = ()
