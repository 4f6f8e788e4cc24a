"""What stands under the verdict: by how much a limit is missed, why, what is to be done."""

from dataclasses import dataclass
from typing import Final

from hilrig.core.verdict import Cause, Check, CheckStatus, Judgement, RunStatus
from hilrig.report.values import number, one_line, quantity, unit_word
from hilrig.report.wording import cause_word, check_title, limit_text, limit_value, needed_text, ordered_checks

_FRAME_METRICS: Final = ("latency_p", "drop_", "consecutive_drops", "failed_", "decision_gap")
"""Limits on single frames: what made frames slow can be why one of them is missed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One reason for a verdict other than PASS; `advice` says what to do, empty where nothing helps."""

    text: str
    advice: str = ""


def reasons(judgement: Judgement) -> list[Reason]:
    """Return every reason for the verdict, none for a PASS.

    A FAIL has the limits that are missed, the worst first; INCONCLUSIVE the self-checks that do not hold, then the
    limits that are undecided or not measured.
    """
    if judgement.status is RunStatus.FAIL:
        failed = [check for check in ordered_checks(judgement.checks) if check.status is CheckStatus.FAIL]
        return [Reason(text=excess_text(check)) for check in failed]
    if judgement.status is RunStatus.PASS:
        return []
    unsound = [Reason(text=one.sentence, advice=one.advice) for one in judgement.self_checks if not one.ok]
    undecided = [check for check in ordered_checks(judgement.checks) if check.status is not CheckStatus.PASS]
    return [*unsound, *(Reason(text=check.sentence, advice=_longer(check)) for check in undecided)]


def _longer(check: Check) -> str:
    more = needed_text(check)
    return f"measure {more}" if more else ""


def excess_text(check: Check) -> str:
    """Return by how much a limit is missed: `latency p99: 16.2 ms (36 %) over the limit of 45 ms`."""
    title = check_title(check)
    if check.unit == "bool":
        return one_line(f"{title}: {limit_text(check)}")
    if check.observed is None:
        return one_line(
            f"{title}: {check.observed_text or 'beyond every number'}, the limit is {limit_value(check)}"
        )
    if check.comparator == "<=" and not check.limit:
        return one_line(f"{title}: {quantity(check.observed, check.unit)}, none allowed")
    side = "over" if check.comparator == "<=" else "below"
    by = f"{number(abs(check.observed - check.limit))} {unit_word(check.unit)}".rstrip()
    share = f" ({number(round(abs(check.margin_pct), 1))} %)" if check.margin_pct else ""
    return one_line(f"{title}: {by}{share} {side} the limit of {limit_value(check)}")


def leading_cause(judgement: Judgement) -> str:
    """Return what made most of the frames over a limit slow; empty where no limit on frames is missed."""
    missed = [one for one in judgement.checks if one.status is CheckStatus.FAIL]
    n_over = sum(cause.n_frames for cause in judgement.causes)
    if not n_over or not any(check.metric.startswith(_FRAME_METRICS) for check in missed):
        return ""
    leading = max(judgement.causes, key=lambda cause: cause.n_frames)
    share = f"{leading.n_frames:,} of the {n_over:,} frames over a limit ({leading.n_frames * 100 // n_over} %)"
    evidence = f". The worst of them: {leading.evidence}" if leading.evidence else ""
    if leading.cause is Cause.UNEXPLAINED:
        return one_line(f"unexplained: nothing in the record says what slowed {share}{evidence}")
    return one_line(f"{cause_word(leading.cause)}, {share}{evidence}")
