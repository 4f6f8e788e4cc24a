"""Every limit of a plan, held against what was measured."""

from dataclasses import replace
from typing import Final

from hilrig.core.metrics import METRICS
from hilrig.core.profile import Comparator, Limit
from hilrig.core.run import Pacing
from hilrig.core.units import NS_PER_S, S_PER_MIN, format_duration
from hilrig.core.verdict import Check, CheckStatus, Measurement
from hilrig.verdict.accuracy import QUALITIES, hold_accuracy
from hilrig.verdict.blank_check import blank_check, margin_pct, not_measured
from hilrig.verdict.estimate import hold_estimate
from hilrig.verdict.failures import why_failed
from hilrig.verdict.findings import Findings
from hilrig.verdict.percentile import ACTUATION_PERMILLE_OF, PERMILLE_OF, hold_percentile
from hilrig.verdict.window import Window
from hilrig.verdict.wording import YES_OR_NO, capitalised, quantity

SHARES: Final = ("drop_pct", "failed_pct", "failsafe_pct")
NOT_THERE: Final = "this run had nothing of that name"
"""A fault or a companion of another profile, by whose limits an old run is judged again."""


def hold_all(findings: Findings) -> tuple[tuple[Check, ...], tuple[Measurement, ...]]:
    """Return a check for each limit in the order of the profile, and the numbers behind the percentile checks."""
    measured = {one.metric: one for one in findings.measurements}
    checks: list[Check] = []
    behind: list[Measurement] = []
    for limit in findings.window.plan.limits:
        if limit.metric in PERMILLE_OF:
            check, numbers = hold_percentile(
                limit, findings.whole, findings.steady, period_ns=findings.window.plan.period_ns
            )
            behind.extend(numbers)
        elif limit.metric in ACTUATION_PERMILLE_OF and findings.actuated is not None:
            check, numbers = hold_percentile(
                limit, findings.actuated, findings.actuated_steady, period_ns=findings.window.plan.period_ns
            )
            behind.extend(numbers)
        elif limit.check_id in findings.held:
            check = findings.held[limit.check_id]
        else:
            check = _hold(limit, findings, findings.by_check.get(limit.check_id, measured.get(limit.metric)))
        checks.append(check)
    return tuple(checks), tuple(behind)


def _hold(limit: Limit, findings: Findings, measurement: Measurement | None) -> Check:
    if measurement is None:
        is_known = limit.metric in METRICS
        return not_measured(limit, NOT_THERE if is_known else f"hilrig knows no metric '{limit.metric}'")
    if limit.metric in findings.estimates:
        return hold_estimate(limit, findings.estimates[limit.metric])
    if limit.metric in QUALITIES:
        return hold_accuracy(limit, findings.accuracy)
    if measurement.value is None:
        return not_measured(limit, measurement.reason)
    if limit.metric == "duration_min":
        return _hold_duration(limit, findings.window, measurement.value)
    return _hold_value(limit, findings.window, measurement, value=measurement.value)


def _hold_value(limit: Limit, window: Window, measurement: Measurement, *, value: float) -> Check:
    """Hold an exact number against its limit.

    A share of frames over its limit in a run that ended early FAILs only if the missing frames could not have
    diluted it; a peak or a longest gap over its limit stays one, however the run would have gone on.
    """
    certain = value * window.n / window.n_final if limit.metric in SHARES and window.n < window.n_final else value
    is_upper = limit.comparator is Comparator.LE
    if limit.unit == YES_OR_NO:
        status, words = (CheckStatus.FAIL if _breaks(limit, value) else CheckStatus.PASS), "required:"
    elif not _breaks(limit, value):
        status, words = CheckStatus.PASS, "within the limit of" if is_upper else "at least the required"
    elif _breaks(limit, certain):
        status, words = CheckStatus.FAIL, "over the limit of" if is_upper else "below the required"
    else:
        status, words = CheckStatus.INCONCLUSIVE, "in a run that ended early, against a limit of"
    check = _with_observation(
        limit, value, status=status, words=words, n=measurement.n, evidence=measurement.evidence
    )
    if limit.metric != "failed_pct" or not value:
        return check
    return replace(check, sentence=f"{check.sentence} {capitalised(why_failed(window))}.")


def _hold_duration(limit: Limit, window: Window, minutes: float) -> Check:
    """Hold the measured duration against the required one, to the nearest frame.

    Too short is INCONCLUSIVE, never FAIL: it is not the model's fault.
    """
    if _n_frames_required(limit, window) <= window.n or minutes >= limit.limit:
        return _with_observation(limit, minutes, status=CheckStatus.PASS, words="as long as required:", n=window.n)
    missing_min = limit.limit - minutes
    check = _with_observation(
        limit, minutes, status=CheckStatus.INCONCLUSIVE, words="shorter than the required", n=window.n
    )
    more = f"{check.sentence[:-1]}; {format_duration(missing_min * S_PER_MIN)} more needed."
    return replace(check, minutes_needed=missing_min, sentence=more)


def _n_frames_required(limit: Limit, window: Window) -> float:
    if window.plan.pacing is Pacing.UNPACED:
        return float("inf")
    return round(limit.limit * S_PER_MIN * NS_PER_S / window.plan.period_ns)


def _with_observation(
    limit: Limit, value: float, *, status: CheckStatus, words: str, n: int, evidence: str = ""
) -> Check:
    basis = f"n = {n}; {evidence}" if evidence else f"n = {n}"
    observed_text = quantity(value, limit.unit, beside=limit.limit)
    limit_text = quantity(limit.limit, limit.unit, beside=value)
    return replace(
        blank_check(limit),
        status=status,
        observed=value,
        observed_text=observed_text,
        margin_pct=margin_pct(limit, value),
        n=n,
        sentence=capitalised(f"{METRICS[limit.metric].title}: {observed_text}, {words} {limit_text} ({basis})."),
        evidence=evidence,
    )


def _breaks(limit: Limit, value: float) -> bool:
    return value > limit.limit if limit.comparator is Comparator.LE else value < limit.limit
