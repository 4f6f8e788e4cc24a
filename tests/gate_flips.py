"""Single facts turned wrong, each with the item of the default policy that must name it."""

from enum import Enum
from typing import Any, Final

from gate_facts import CLASS, passing_facts, put
from hilrig.core.gate_facts import Facts
from hilrig.core.gate_manifest import EvidenceKind
from hilrig.core.verdict import CheckStatus, RunStatus

FACTS: Final = passing_facts()
NAN: Final = float("nan")
OTHER: Final = "0d" * 32

ITEM_OF_FLIP: Final = {
    # what a run shows, and what it cannot show
    "runs.0.result.judgement.status=FAIL": "hil-validation",
    "runs.0.result.judgement.status=INCONCLUSIVE": "hil-validation",
    "runs.0.result.profile_sha256": "hil-validation",
    "runs.0.result.run_id": "hil-validation",
    "runs.0.result.exit_code": "hil-validation",
    "runs.0.result.ended": "hil-validation",
    "runs.0.result.ended_at_utc": "hil-validation",
    "runs.0.result.started_at_utc": "hil-validation",
    "runs.0.result.device_class": "hil-validation",
    "runs.0.result.pipeline_sha256": "configuration-freeze",
    "runs.0.result.model_files_sha256": "hil-validation",
    "runs.0.result.rig_info": "artifact-integrity",
    "runs.0.result.judgement.checks": "hil-validation",
    "runs.0.result.judgement.checks.0.status": "hil-validation",
    "runs.0.result.judgement.checks.0.observed": "hil-validation",
    "runs.0.result.judgement.checks.0.limit": "hil-validation",
    "runs.0.plan.device_class": "hil-validation",
    "runs.0.plan.profile_sha256": "hil-validation",
    "runs.0.plan.model_bundle_sha256": "hil-validation",
    "runs.0.plan.pipeline.backend": "hil-validation",
    "runs.0.plan.limits": "hil-validation",
    "runs.0.key_fingerprint=": "security-review",
    "runs.0.attestation_sha256=": "security-review",
    "runs.0.path": "security-review",
    "runs.1.result.judgement.status=FAIL": "thermal-and-long-run",
    "runs.1.result.judgement.checks.1.check_id": "thermal-and-long-run",
    "runs.1.result.judgement.checks.2.status": "thermal-and-long-run",
    "runs.2.plan.tuning.network": "offline-behaviour",
    "runs.2.result.judgement.status=FAIL": "failure-handling",
    "runs.2.plan.faults": "failure-handling",
    "runs.2.result.judgement.faults": "failure-handling",
    "runs.2.result.judgement.faults.0.begin_s=None": "failure-handling",
    "runs.2.result.judgement.faults.1.end_s=None": "failure-handling",
    "runs.2.result.judgement.checks.3.status": "failure-handling",
    # what the manifest and the release claim
    "manifest.model_sha256": "artifact-integrity",
    "manifest.bundle_sha256": "artifact-integrity",
    "manifest.model_files_sha256": "artifact-integrity",
    "manifest.pipeline_sha256": "configuration-freeze",
    "manifest.profile_sha256": "hil-validation",
    "manifest.runtime=onnxruntime": "artifact-integrity",
    "manifest.runtime=onnxruntime-1.17.3": "artifact-integrity",
    "manifest.name": "artifact-integrity",
    "manifest.version": "artifact-integrity",
    "manifest.sequence": "artifact-integrity",
    "manifest.config_version": "artifact-integrity",
    "manifest.source": "artifact-integrity",
    "manifest.evidence.0.path": "security-review",
    "manifest.evidence.0.kind": "security-review",
    "release.bundle_sha256": "artifact-integrity",
    "release.name": "artifact-integrity",
    "release.version": "artifact-integrity",
    "release.sequence": "artifact-integrity",
    "release.device_classes": "artifact-integrity",
    "release.stack_sha256": "hil-validation",
    "release.files.0.sha256": "artifact-integrity",
    "release.files.0.size_bytes=0": "resource-budgets",
    "release.files.0.size_bytes=9 GiB": "resource-budgets",
    "release.pipeline.backend": "hil-validation",
    "model_files_sha256": "artifact-integrity",
    "pipeline_sha256": "configuration-freeze",
    "source.tag": "artifact-integrity",
    "source.commit": "artifact-integrity",
    "source.lock_sha256": "artifact-integrity",
    # compatibility and golden set
    "compatibility.model_files_sha256": "compatibility-matrix",
    "compatibility.classes": "compatibility-matrix",
    "compatibility.blocked": "compatibility-matrix",
    "compatibility.findings": "compatibility-matrix",
    "compatibility.findings.0.status": "compatibility-matrix",
    "compatibility.findings.1.status": "compatibility-matrix",
    "compatibility.findings.1.step": "compatibility-matrix",
    "golden.status": "hil-validation",
    "golden.checks": "hil-validation",
    "golden.checks.0.status": "hil-validation",
    "golden.checks.0.observed": "hil-validation",
    "golden.labels": "hil-validation",
    "golden.labels.0.true_positives": "hil-validation",
    "golden.labels.0.recall.value": "hil-validation",
    "golden.labels.0.recall.low": "hil-validation",
    "golden.n_frames": "hil-validation",
    "golden.n_not_decided=321": "hil-validation",
    "golden.pipeline_sha256": "configuration-freeze",
    "golden.profile_sha256": "hil-validation",
    "golden.model_files_sha256": "hil-validation",
    "golden.device_class": "hil-validation",
    # the node, the rollout, support
    "power_loss.0.depths": "security-review",
    "power_loss.0.depths.0.ran": "security-review",
    "power_loss.0.depths.0.n_bad": "security-review",
    "power_loss.0.depths.1.n_states": "security-review",
    "power_loss.0.depths.1.calibrations": "security-review",
    "secrets": "security-review",
    "logs.0.keys": "logging",
    "logs.0.n_lines=0": "logging",
    "logs.0.n_lines=-1": "logging",
    "logs.0.n_broken=1": "logging",
    "logs.0.mib_per_hour=None": "logging",
    "logs.0.mib_per_hour=NaN": "logging",
    "logs.0.mib_per_hour=65": "logging",
    "rollout.release_sha256": "rollout-plan",
    "rollout.mode": "rollout-plan",
    "rollout.canary_nodes=()": "rollout-plan",
    "rollout.canary_nodes=*": "rollout-plan",
    "rollout.n_guardrails": "rollout-plan",
    "rollout.window_s=1": "rollout-plan",
    "rollout.window_s=NaN": "rollout-plan",
    "rehearsals.0.activated": "rollout-plan",
    "rehearsals.0.confirmed": "rollout-plan",
    "rehearsals.0.rolled_back": "rollout-plan",
    "release_sha256": "rollout-plan",
    "undocumented_codes": "support-readiness",
    "bundle.bundle_sha256": "support-readiness",
    "bundle.pipeline_sha256": "support-readiness",
    "bundle.n_inputs": "support-readiness",
    "documents.0.topic": "support-readiness",
    "documents.0.n_bytes": "support-readiness",
    "documents.0.age_days=91": "support-readiness",
    "documents.0.age_days=-9": "support-readiness",
    "documents.0.age_days=NaN": "support-readiness",
    "documents.1.topic": "support-readiness",
}
"""A path into the facts (with the value, where it says more than 'another') and the item that must name it."""

VALUES: Final[dict[str, Any]] = {
    "FAIL": RunStatus.FAIL,
    "INCONCLUSIVE": RunStatus.INCONCLUSIVE,
    "9 GiB": 9 << 30,
    "None": None,
    "NaN": NAN,
    "()": (),
    "*": ("*",),
}


def flipped(flip: str) -> Facts:
    """Return the passing facts with one of them changed."""
    path, given, word = flip.partition("=")
    was = _at(FACTS, path)
    if given:
        value = VALUES[word] if word in VALUES else type(was)(word) if was is not None else word
    else:
        value = _another(was, path)
    if path.endswith("judgement.status"):  # the exit code goes with it: only the verdict is another
        facts = put(FACTS, path, value)
        return put(facts, path.replace("judgement.status", "exit_code"), int(value.exit_code))
    return put(FACTS, path, value)


def _at(noun: Any, path: str) -> Any:
    for part in path.split("."):
        if isinstance(noun, dict | tuple):
            noun = noun[part] if isinstance(noun, dict) else noun[int(part)]
        else:
            noun = getattr(noun, part)
    return noun


def _another(value: Any, path: str) -> Any:
    """Return another value of the same kind; of what holds several nothing, or one where there is nothing."""
    named: dict[str, Any] = {
        "manifest.evidence.0.kind": EvidenceKind.DOCUMENT,
        "compatibility.blocked": {CLASS: "too slow"},
        "runs.0.result.ended_at_utc": "2026-11-30T00:00:00Z",
        "runs.0.result.judgement.checks.0.observed": 50.0,
        "golden.checks.0.observed": 0.1,
        "golden.labels.0.recall.low": 0.99,
        "bundle.n_inputs": 0,
        "documents.0.n_bytes": 0,
        "rollout.n_guardrails": 0,
        "power_loss.0.depths.1.n_states": 0,
        "power_loss.0.depths.0.ran": False,
    }
    if path in named:
        return named[path]
    if isinstance(value, Enum):
        return (
            CheckStatus.FAIL if isinstance(value, CheckStatus) else next(o for o in type(value) if o is not value)
        )
    if isinstance(value, bool):
        return not value
    if isinstance(value, tuple | dict | frozenset):
        return type(value)() if value else ("found",)
    if isinstance(value, str):
        return OTHER
    return value + 1 if isinstance(value, int | float) else None
