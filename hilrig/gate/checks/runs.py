"""What runs on the device class show: the verdict, the numbers, the network that was off."""

from collections.abc import Iterator
from typing import Annotated, Final

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from hilrig.config.key_tree import nearest
from hilrig.config.keys import Keys, Text
from hilrig.core.gate import Answer
from hilrig.core.gate_facts import Facts
from hilrig.core.gate_manifest import EvidenceKind
from hilrig.core.metrics import METRICS
from hilrig.gate.checks.answers import NoParameters, failed, listed, missing, passed, unless
from hilrig.gate.checks.runs_here import Runs, counting, has_passed, over_runs
from hilrig.gate.plausible import measured

CPU_PROVIDER: Final = "CPUExecutionProvider"


def check_metric(name: str) -> str:
    """Return the name of a metric.

    Raises:
        PydanticCustomError: no run measures it: it would be missing for ever.
    """
    if name not in METRICS:
        context = {"name": name[:60], "hint": nearest(name, list(METRICS))}
        raise PydanticCustomError("wrong_value", "there is no metric '{name}'; {hint}", context)
    return name


Metrics = Annotated[tuple[Annotated[str, AfterValidator(check_metric)], ...], Field(max_length=64)]
Names = Annotated[tuple[Text, ...], Field(max_length=64)]


class Measured(Keys):
    """Numbers that a run must have, not None: what is within the limits is the run's own verdict."""

    metrics: Metrics = Field(description="Metrics of result.json.")
    channels: Names = Field(default=(), description="Telemetry channels with at least one reading.")
    accelerator_metrics: Metrics = Field(
        default=(), description="Metrics that are asked for as well where the pipeline uses an accelerator."
    )


@over_runs
def run_passed(facts: Facts, params: NoParameters, runs: Runs) -> Answer:  # noqa: ARG001 - a check's form
    """Answer whether the release's own profile passed here, with no later FAIL."""
    own = tuple(run for run in runs if run.result.profile_sha256 == facts.manifest.profile_sha256)
    if not own:
        others = listed(run.path for run in runs)
        return missing(f"no run on {facts.device_class} was made with the profile of the release, only {others}")
    counted = counting(own)
    bad = [run for run in counted if not has_passed(run)]
    if bad:
        return failed(f"{bad[0].path} failed: {bad[0].result.judgement.sentence}", bad[0].path)
    if not counted:
        return missing(f"{own[-1].path} is INCONCLUSIVE: {own[-1].result.judgement.sentence}", own[-1].path)
    return passed(f"{counted[-1].path} passed on {facts.device_class}", *(run.path for run in counted))


@over_runs
def numbers_measured(facts: Facts, params: Measured, runs: Runs) -> Answer:
    """Answer whether each number was measured in a run that passed."""
    good = [run for run in counting(runs) if has_passed(run)]
    if not good:
        return missing(f"no run on {facts.device_class} passed")
    found = {name for run in good for name in measured(run.result)}
    seen = {one.key.partition("{")[0] for run in good for one in run.result.judgement.channels if one.n > 0}
    metrics = (*params.metrics, *(params.accelerator_metrics if _uses_accelerator(facts) else ()))
    lacking = [name for name in metrics if name not in found] + [
        name for name in params.channels if name not in seen
    ]
    paths = [run.path for run in good]
    if lacking:
        return missing(f"no run that passed has measured {listed(lacking)}", *paths)
    return passed(f"{len(metrics) + len(params.channels)} numbers were measured on {facts.device_class}", *paths)


@over_runs
def network_off(facts: Facts, params: NoParameters, runs: Runs) -> Answer:  # noqa: ARG001 - a check's form
    """Answer whether a run without a network passed."""
    offline = counting(tuple(run for run in runs if not run.plan.tuning.network))
    if not offline:
        return missing(
            f"no run on {facts.device_class} was made and decided without a network (run.network: false)"
        )
    paths = [run.path for run in offline]
    bad = (
        failed(f"{run.path} failed without a network: {run.result.judgement.sentence}", run.path)
        for run in offline
        if not has_passed(run)
    )
    return unless(bad, passed(f"{paths[-1]} passed without a network", *paths))


def signatures_hold(facts: Facts, params: NoParameters) -> Answer:  # noqa: ARG001 - a check's form
    """Answer whether every run of the manifest was verified, and by which keys."""
    if not facts.runs:
        return missing("no run's signature was verified")
    keys = sorted({run.key_fingerprint for run in facts.runs})
    paths = [run.path for run in facts.runs]
    return unless(_unsigned(facts), passed(f"{len(facts.runs)} signed runs hold, by {listed(keys)}", *paths))


def _unsigned(facts: Facts) -> Iterator[Answer]:
    verified = {run.path for run in facts.runs if run.key_fingerprint and run.attestation_sha256}
    listed_runs = {one.path for one in facts.manifest.evidence if one.kind is EvidenceKind.RUN}
    for path in sorted(listed_runs | {run.path for run in facts.runs}):
        if path not in verified:
            yield failed(f"{path}: no signature of a trusted rig was verified", path)
        elif path not in listed_runs:
            yield failed(f"{path} is not in the manifest", path)


def _uses_accelerator(facts: Facts) -> bool:
    """Return whether the pipeline asks for another provider than the CPU first; a foreign pipeline may."""
    backend = facts.release.pipeline.backend
    providers = backend.options.get("providers", [CPU_PROVIDER]) if backend else None
    return not isinstance(providers, list | tuple) or tuple(providers[:1]) != (CPU_PROVIDER,)
