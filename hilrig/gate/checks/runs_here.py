"""Which runs speak for this release on this device class.

Not all of those count.
"""

from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import PurePosixPath
from typing import TypeVar

from hilrig.core.gate import Answer
from hilrig.core.gate_facts import Facts, RunFacts
from hilrig.core.units import NS_PER_S, S_PER_MIN
from hilrig.core.verdict import RunStatus
from hilrig.gate.checks.answers import failed, listed, missing
from hilrig.gate.plausible import impossible_run, measured

P = TypeVar("P")
Runs = tuple[RunFacts, ...]

S_PER_H = S_PER_MIN * 60


def over_runs(judge: Callable[[Facts, P, Runs], Answer]) -> Callable[[Facts, P], Answer]:
    """Make a check of a function that judges the runs of this model, pipeline and class.

    Without such a run the answer is NOT_MEASURED; with one whose numbers cannot be, FAIL.
    """

    @wraps(judge)
    def check(facts: Facts, params: P) -> Answer:
        runs = runs_here(facts)
        if not runs:
            return missing(_none_words(facts))
        for run in runs:
            if words := impossible_run(run, now_ns=facts.now_ns):
                return failed(f"{run.path} cannot be: {words}", run.path)
        return judge(facts, params, runs)

    return check


def runs_here(facts: Facts) -> Runs:
    """Return the runs of this model and pipeline on this class (and stack, where the release is bound to one)."""
    return tuple(run for run in facts.runs if not _mismatch(run, facts))


def counting(runs: Runs) -> Runs:
    """Return the newest run with a verdict of each profile and length: a FAIL stands until the same run passes.

    An INCONCLUSIVE run says nothing of the model.
    """
    decided = [run for run in runs if run.result.judgement.status is not RunStatus.INCONCLUSIVE]
    newest = {(run.result.profile_sha256, run.plan.n_measured_frames): run for run in sorted(decided, key=_age)}
    return tuple(newest.values())


def has_passed(run: RunFacts) -> bool:
    """Return whether its verdict is PASS."""
    return run.result.judgement.status is RunStatus.PASS


def measured_h(run: RunFacts) -> float:
    """Return how long it measured, in hours."""
    return measured(run.result).get("duration_min", 0.0) / S_PER_MIN


def planned_h(run: RunFacts) -> float:
    """Return how long it was to measure, in hours: a run that failed early measured less."""
    return run.plan.n_measured_frames * run.plan.period_ns / NS_PER_S / S_PER_H


def contents(model_files_sha256: Mapping[str, str]) -> dict[str, str]:
    """Return the digest of each file of a model by its bare name: two profiles name one file from two folders."""
    return {PurePosixPath(path).name: sha256 for path, sha256 in model_files_sha256.items()}


def _age(run: RunFacts) -> tuple[str, bool]:
    return run.result.ended_at_utc, not has_passed(run)


def _mismatch(run: RunFacts, facts: Facts) -> str:
    """Return why a run says nothing about this release here; empty where it does."""
    result, manifest = run.result, facts.manifest
    if result.device_class != facts.device_class:
        return f"was made on {result.device_class}"
    if contents(result.model_files_sha256) != contents(manifest.model_files_sha256):
        return "is of another model"
    if result.pipeline_sha256 != manifest.pipeline_sha256 or run.plan.pipeline != facts.release.pipeline:
        return "is of another pipeline"
    if facts.release.stack_sha256 not in ("", result.rig_info.get("stack_sha256")):
        return "was made on another software stack"
    return ""


def _none_words(facts: Facts) -> str:
    if not facts.runs:
        return f"there is no verified run on {facts.device_class}"
    others = listed(f"{run.path} {_mismatch(run, facts)}" for run in facts.runs)
    return f"there is no verified run of this release on {facts.device_class}: {others}"
