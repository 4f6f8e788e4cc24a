"""The verdict in one sentence that a person can act on."""

from typing import Final

from hilrig.core.metrics import METRICS
from hilrig.core.verdict import Check, CheckStatus, RunStatus, SelfCheck
from hilrig.verdict.wording import capitalised, counted, listed, quantity

N_REASONS_MAX: Final = 3
EXPLAIN_OTHERS: Final = frozenset({"host.boot", "run.completed"})
"""A run that was cut off breaks other self-checks too: its end is told first."""


def verdict_sentence(status: RunStatus, checks: tuple[Check, ...], self_checks: tuple[SelfCheck, ...]) -> str:
    """Return why the verdict is what it is.

    FAIL names the check that is furthest over its limit, INCONCLUSIVE the reasons, PASS the closest limit.
    """
    if status is RunStatus.FAIL:
        return _failed(checks)
    if status is RunStatus.INCONCLUSIVE:
        return _undecided(checks, self_checks)
    return _passed(checks)


def _failed(checks: tuple[Check, ...]) -> str:
    failed = [check for check in checks if check.status is CheckStatus.FAIL]
    worst = min(failed, key=_margin_or_worse)
    n_others = len(failed) - 1
    others = f" {counted(n_others, 'other check')} failed too." if n_others else ""
    return f"{worst.sentence}{others}"


def _margin_or_worse(check: Check) -> float:
    """Return the margin; an infinite observation and anything over a limit of 0 are worse than every number."""
    return float("-inf") if check.margin_pct is None else check.margin_pct


def _undecided(checks: tuple[Check, ...], self_checks: tuple[SelfCheck, ...]) -> str:
    if not checks:
        return "No limit was checked, so the run proves nothing."
    faults = [one for one in self_checks if not one.ok]
    reasons = [one.sentence for one in sorted(faults, key=lambda one: one.check_id not in EXPLAIN_OTHERS)]
    reasons += [check.sentence for check in checks if check.status is not CheckStatus.PASS]
    return f"{listed([reason.removesuffix('.') for reason in reasons], at_most=N_REASONS_MAX)}."


def _passed(checks: tuple[Check, ...]) -> str:
    n = len(checks)
    held = "The only limit holds" if n == 1 else f"All {n} limits hold"
    # A run is as long as was asked for: its duration is no margin of the model.
    margins = [check for check in checks if check.margin_pct is not None and check.metric != "duration_min"]
    if not margins:
        return f"{held}."
    closest = min(margins, key=_margin_or_worse)
    title = METRICS[closest.metric].title
    limit_text = quantity(closest.limit, closest.unit, beside=closest.observed)
    bound = f"at least {limit_text} required" if closest.comparator == ">=" else f"at most {limit_text} allowed"
    return capitalised(f"{held}; the closest is {title}: {closest.observed_text}, {bound}.")
