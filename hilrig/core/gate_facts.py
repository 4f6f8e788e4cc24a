"""What the gate knows about a release: recomputed from the evidence, never read from a claim."""

from collections.abc import Mapping
from dataclasses import dataclass

from hilrig.core.approval import Approval
from hilrig.core.compat import CompatReport
from hilrig.core.gate import Trigger
from hilrig.core.gate_manifest import GateManifest, SourceState
from hilrig.core.golden import GoldenReport
from hilrig.core.power_loss import PowerLossResult
from hilrig.core.release import ReleaseManifest
from hilrig.core.result import Result
from hilrig.core.run import RunPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """A run whose signature holds, whose files are whole and whose numbers its evidence gives."""

    path: str
    result: Result
    plan: RunPlan
    attestation_sha256: str
    key_fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFacts:
    """A node's log: the keys that every line has, lines that are no JSON, its growth (None: too short to say)."""

    path: str
    keys: frozenset[str]
    n_lines: int
    n_broken: int
    mib_per_hour: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RehearsalFacts:
    """A node's journal: releases by sha256 that were activated, confirmed and rolled back, with the reasons."""

    path: str
    activated: tuple[str, ...]
    confirmed: tuple[str, ...]
    rolled_back: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutFacts:
    """A desired state whose signature holds: how a release is to be brought out."""

    path: str
    release_sha256: str
    mode: str
    canary_nodes: tuple[str, ...]
    n_guardrails: int
    window_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleFacts:
    """A golden diagnostic bundle: of which model and pipeline, how many inputs."""

    path: str
    bundle_sha256: str
    pipeline_sha256: str
    n_inputs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentFacts:
    """A document by topic, and how long ago somebody reviewed it, as its line `Reviewed: 2026-11-21` says.

    Args:
        age_days: infinite where no such line says it: a file's own time changes with every copy.
    """

    path: str
    topic: str
    n_bytes: int
    age_days: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything a check may look at.

    Args:
        device_class: that the decision is for.
        model_files_sha256: of the files in the profile's folder, hashed now; None: there are none to hash.
        golden_before: sha256 of the golden reports of the release before, for the class; None: there is no such
            release, or nobody looked.
        source: of the tree that the release was built from, asked from git now; None: nobody could ask.
        secrets: `path: what was found`, of private keys and passwords in model, profile and evidence.
        triggers: which of them apply, computed.
        undocumented_codes: error codes without an owner or a section in the playbooks.
    """

    device_class: str
    now_ns: int
    manifest: GateManifest
    manifest_sha256: str
    release: ReleaseManifest
    release_sha256: str
    model_files_sha256: Mapping[str, str] | None
    pipeline_sha256: str | None
    runs: tuple[RunFacts, ...]
    compatibility: CompatReport | None
    golden: GoldenReport | None
    golden_before: frozenset[str] | None
    power_loss: tuple[PowerLossResult, ...]
    logs: tuple[LogFacts, ...]
    rehearsals: tuple[RehearsalFacts, ...]
    rollout: RolloutFacts | None
    bundle: BundleFacts | None
    documents: tuple[DocumentFacts, ...]
    source: SourceState | None
    secrets: tuple[str, ...]
    undocumented_codes: tuple[str, ...]
    triggers: frozenset[Trigger]
    approvals: tuple[Approval, ...]
