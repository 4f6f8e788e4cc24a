"""The power-loss test as a number: 1 where every cut was survived, 0 where one was not, none without evidence."""

from collections.abc import Iterator, Sequence
from typing import Final

from hilrig.core.power_loss import SOUND_STORE, Depth, DepthResult, PowerLossResult, PowerLossSpec
from hilrig.core.verdict import Measurement
from hilrig.verdict.telemetry.metric_channels import missing

METRIC: Final = "power_loss_recovered"
NOT_MADE: Final = "no power-loss test was made in this run"


def measure_power_loss(result: PowerLossResult | None, spec: PowerLossSpec | None) -> Measurement:
    """Return whether the node recovered.

    A cut that was not survived counts wherever the test would have found nothing wrong with a sound store; that
    none was found counts only if every required depth ran and told wrong stores from a sound one.

    Args:
        result: what the test found; None where none was made.
        spec: what the run's profile requires; None: what the test itself was to prove.
    """
    if result is None:
        return missing(METRIC, NOT_MADE)
    failed = [depth for depth in result.depths if depth.n_bad and _may_accuse(depth)]
    if failed:
        return _measured(failed, value=0.0, evidence="; ".join(map(failure_words, failed)))
    required = result.required if spec is None else spec.depths
    lacking = list(_lacking(required, result))
    if lacking or not required:
        return missing(METRIC, "; ".join(lacking) or "the test required no depth")
    shown = [depth for depth in result.depths if depth.is_evidence]
    return _measured(shown, value=1.0, evidence=evidence_words(shown))


def evidence_words(depths: Sequence[DepthResult]) -> str:
    """Return which depths ran, with their states and how they were calibrated."""
    ran = ", ".join(f"{one.depth.words}: {one.n_states:,} states" for one in depths)
    stores = {known.store for one in depths for known in one.calibrations if known.store != SOUND_STORE}
    return f"{ran}; calibrated by {len(stores)} wrong store{'s' if len(stores) != 1 else ''}"


def failure_words(depth: DepthResult) -> str:
    """Return how many cuts were not survived, and the first of them."""
    words = f"{depth.depth.words}: {depth.n_bad:,} of {depth.n_states:,} cuts not survived"
    if not depth.bad:
        return words
    first = depth.bad[0]
    return f"{words}, the first in {first.step}, {first.at}: {first.recovery.words}"


def no_evidence_words(depth: DepthResult) -> str:
    """Return why a depth proves nothing; empty where it does."""
    name = depth.depth.words
    if not depth.ran:
        return f"{name} did not run: {depth.reason or 'no reason was given'}"
    if not depth.n_states:
        return f"{name} ran, but cut nothing"
    if depth.is_calibrated:
        return ""
    wrong = [known.store for known in depth.calibrations if not known.holds]
    if SOUND_STORE in wrong:
        return f"{name} ran, but found fault with a sound store: it is no evidence"
    missed = f"it did not catch {', '.join(wrong)}" if wrong else "it was not tried on stores that are known"
    return f"{name} ran, but {missed}: it is no evidence"


def _may_accuse(depth: DepthResult) -> bool:
    return any(known.store == SOUND_STORE and known.holds for known in depth.calibrations)


def _lacking(required: Sequence[Depth], result: PowerLossResult) -> Iterator[str]:
    made = {depth.depth: depth for depth in result.depths}
    for depth in required:
        if depth not in made:
            yield f"{depth.words} was not tried"
        elif words := no_evidence_words(made[depth]):
            yield words


def _measured(depths: Sequence[DepthResult], *, value: float, evidence: str) -> Measurement:
    n_states = sum(depth.n_states for depth in depths)
    return Measurement(metric=METRIC, unit="bool", value=value, n=n_states, evidence=evidence)
