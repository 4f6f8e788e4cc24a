"""What drills show: the pipeline took each fault as it must.

Each fault was made on purpose.
"""

from typing import Annotated

from pydantic import Field

from hilrig.config.keys import Keys
from hilrig.core.fault import FaultKind, FaultSpec
from hilrig.core.gate import Answer
from hilrig.core.gate_facts import Facts, RunFacts
from hilrig.core.verdict import CheckStatus
from hilrig.gate.checks.answers import failed, missing, passed, unless
from hilrig.gate.checks.runs_here import Runs, counting, has_passed, over_runs


class Kinds(Keys):
    """Which faults must have been drilled."""

    kinds: Annotated[tuple[FaultKind, ...], Field(min_length=1, max_length=32)] = Field(
        description="Kinds of fault as in a profile: `model_corrupt`, `camera_stops`."
    )


@over_runs
def faults_handled(facts: Facts, params: Kinds, runs: Runs) -> Answer:
    """Answer whether each kind was drilled and handled in runs that passed."""
    answers = [_of_kind(kind, counting(runs), facts.device_class) for kind in params.kinds]
    objections = [answer for answer in answers if answer.status is not CheckStatus.PASS]
    evidence = sorted({path for answer in answers for path in answer.evidence})
    return unless(objections, passed(f"{len(params.kinds)} kinds of fault were drilled and handled", *evidence))


def _of_kind(kind: FaultKind, runs: Runs, device_class: str) -> Answer:
    drilled = [(run, spec) for run in runs for spec in run.plan.faults if spec.kind is kind]
    if not drilled:
        return missing(f"no run on {device_class} has drilled {kind.value}")
    objections = (_objection(run, spec) for run, spec in drilled)
    return unless(filter(None, objections), passed(f"{kind.value} was handled", *(run.path for run, _ in drilled)))


def _objection(run: RunFacts, spec: FaultSpec) -> Answer | None:
    """Return what is wrong with one drilled fault; None where it happened and each of its checks passed."""
    judgement = run.result.judgement
    wanted = [spec.recovery_check_id, spec.handled_check_id, spec.undecided_check_id]
    held = {check.check_id: check for check in judgement.checks}
    checks = [held.get(name) for name in wanted if name]
    bad = [check for check in checks if check and check.status is CheckStatus.FAIL]
    if bad:
        return failed(f"{run.path}: {bad[0].sentence}", run.path)
    if not has_passed(run):
        return failed(f"{run.path}, which drilled {spec.kind.value}, failed: {judgement.sentence}", run.path)
    happened = [one for one in judgement.faults if (one.name, one.kind) == (spec.name, spec.kind)]
    if not happened or happened[0].begin_s is None or happened[0].end_s is None or None in checks:
        return missing(f"{run.path} was to drill {spec.kind.value}, and does not show that it happened", run.path)
    return None
