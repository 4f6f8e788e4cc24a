"""How well decisions about frames of known truth were made, counted label by label."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from hilrig.core.golden import GoldenReport, LabelScore
from hilrig.core.verdict import Check, CheckStatus
from hilrig.gate.wilson import wilson_rate


@dataclass(frozen=True, slots=True, kw_only=True)
class DecidedFrame:
    """A frame: labels that are really in it, labels that were found; None: the pipeline came to no decision."""

    truth: AbstractSet[str]
    found: AbstractSet[str] | None


def score_labels(frames: Sequence[DecidedFrame], labels: Sequence[str]) -> tuple[LabelScore, ...]:
    """Return the counts of each label in `labels`.

    A frame without a decision is found to have nothing: it misses what it has. That it happened is a check of its
    own, so a pipeline that decides nothing gains nothing.
    """
    return tuple(_score(frames, label) for label in labels)


def label_score(label: str, *, hits: int, false_alarms: int, true_negatives: int, misses: int) -> LabelScore:
    """Return the score that four counts give."""
    return LabelScore(
        label=label,
        true_positives=hits,
        false_positives=false_alarms,
        true_negatives=true_negatives,
        false_negatives=misses,
        precision=wilson_rate(hits, hits + false_alarms),
        recall=wilson_rate(hits, hits + misses),
        false_reject=wilson_rate(false_alarms, false_alarms + true_negatives),
    )


def golden_status(checks: Sequence[Check]) -> CheckStatus:
    """Return FAIL if any check fails, else what is not certain, PASS if all pass; NOT_MEASURED of no checks."""
    found = {check.status for check in checks} or {CheckStatus.NOT_MEASURED}
    order = (CheckStatus.FAIL, CheckStatus.NOT_MEASURED, CheckStatus.INCONCLUSIVE, CheckStatus.PASS)
    return next(status for status in order if status in found)


def why_impossible(report: GoldenReport) -> str:
    """Return what in a report contradicts the rest of it; empty when nothing does.

    Every share and the status follow from counts and checks, so a report with other numbers was not computed.
    """
    if not 0 <= report.n_not_decided <= report.n_frames or report.n_frames == 0:
        return f"{report.n_not_decided} of {report.n_frames} frames were not decided"
    names = [score.label for score in report.labels]
    if len(set(names)) < len(names):
        return "a label is given twice"
    for score in report.labels:
        why = _why_impossible(score, report)
        if why:
            return f"{score.label}: {why}"
    if report.status is not golden_status(report.checks):
        return f"the status is {report.status.value}, its checks give {golden_status(report.checks).value}"
    return ""


def _score(frames: Sequence[DecidedFrame], label: str) -> LabelScore:
    pairs = [(label in frame.truth, label in (frame.found or ())) for frame in frames]
    return label_score(
        label,
        hits=pairs.count((True, True)),
        false_alarms=pairs.count((False, True)),
        true_negatives=pairs.count((False, False)),
        misses=pairs.count((True, False)),
    )


def _why_impossible(score: LabelScore, report: GoldenReport) -> str:
    counts = (score.true_positives, score.false_positives, score.true_negatives, score.false_negatives)
    if min(counts) < 0 or sum(counts) != report.n_frames:
        return f"{sum(counts)} cases of {report.n_frames} frames"
    hits, false_alarms, true_negatives, misses = counts
    again = label_score(
        score.label, hits=hits, false_alarms=false_alarms, true_negatives=true_negatives, misses=misses
    )
    return "" if again == score else "its shares do not follow from its counts"
