"""Every check that a policy may name, with its parameters."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from hilrig.config.keys import Keys
from hilrig.core.gate import Answer
from hilrig.core.gate_facts import Facts
from hilrig.gate.checks import (
    compatibility,
    faults,
    golden,
    logs,
    model,
    rollout,
    runs,
    security,
    soak,
    support,
)
from hilrig.gate.checks.answers import NoParameters


@dataclass(frozen=True, slots=True, kw_only=True)
class GateCheck:
    """A check: what it is given in the policy, and the pure function that answers."""

    params: type[Keys]
    answer: Callable[[Facts, Any], Answer]


CHECKS: Final[Mapping[str, GateCheck]] = {
    "run-passed": GateCheck(params=NoParameters, answer=runs.run_passed),
    "golden-compared": GateCheck(params=NoParameters, answer=golden.golden_compared),
    "golden-passed": GateCheck(params=NoParameters, answer=golden.golden_passed),
    "model-files-match": GateCheck(params=NoParameters, answer=model.model_files_match),
    "release-matches": GateCheck(params=NoParameters, answer=model.release_matches),
    "runtime-pinned": GateCheck(params=NoParameters, answer=model.runtime_pinned),
    "built-from-tag": GateCheck(params=NoParameters, answer=model.built_from_tag),
    "one-pipeline": GateCheck(params=NoParameters, answer=model.one_pipeline),
    "storage": GateCheck(params=model.Storage, answer=model.storage),
    "compatible": GateCheck(params=NoParameters, answer=compatibility.compatible),
    "blocked-classes-excluded": GateCheck(params=NoParameters, answer=compatibility.blocked_excluded),
    "measured": GateCheck(params=runs.Measured, answer=runs.numbers_measured),
    "network-off": GateCheck(params=NoParameters, answer=runs.network_off),
    "signatures-hold": GateCheck(params=NoParameters, answer=runs.signatures_hold),
    "soak": GateCheck(params=soak.Soak, answer=soak.soak),
    "checks-passed": GateCheck(params=soak.ChecksPassed, answer=soak.checks_passed),
    "faults-handled": GateCheck(params=faults.Kinds, answer=faults.faults_handled),
    "log-keys": GateCheck(params=logs.LogKeys, answer=logs.log_keys),
    "log-volume-bounded": GateCheck(params=logs.LogVolume, answer=logs.log_volume),
    "rollback-protected": GateCheck(params=security.Depths, answer=security.rollback_protected),
    "no-secrets": GateCheck(params=NoParameters, answer=security.no_secrets),
    "staged-rollout": GateCheck(params=rollout.Staged, answer=rollout.staged_rollout),
    "rollback-rehearsed": GateCheck(params=NoParameters, answer=rollout.rollback_rehearsed),
    "playbooks-complete": GateCheck(params=NoParameters, answer=support.playbooks_complete),
    "diagnostic-bundle": GateCheck(params=support.Bundle, answer=support.diagnostic_bundle),
    "document": GateCheck(params=support.Topic, answer=support.document),
}
"""By the name in a policy."""
