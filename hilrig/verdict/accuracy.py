"""The quality of the timed run's decisions, held against its limits: a spot check under load.

It is precision and recall.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from hilrig.core.frame import Truth
from hilrig.core.metrics import METRICS
from hilrig.core.profile import Limit
from hilrig.core.verdict import Check, CheckStatus, LabelQuality, Measurement
from hilrig.verdict.blank_check import blank_check, margin_pct, not_measured
from hilrig.verdict.detection import detection, known_frames
from hilrig.verdict.measure import unmeasured
from hilrig.verdict.window import Window
from hilrig.verdict.wording import capitalised, counted, quantity

QUALITIES: Final = {"detection_precision": "precision", "detection_recall": "recall"}
"""Metric and the field of LabelQuality that it is the least of."""

NO_TRUTH: Final = "no decided frame has a known truth"
_WITHOUT: Final = {"precision": "was never found", "recall": "is in no decided frame"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """What decisions on frames of known truth were worth.

    Args:
        labels: each label that has a threshold.
        n_frames: decided measured frames of known truth.
        n_distinct: different pool frames among them: only these are evidence, the rest are their repetitions.
        is_settled: more frames would have shown nothing new: the run was whole, or every known frame was decided.
    """

    labels: tuple[LabelQuality, ...]
    n_frames: int
    n_distinct: int
    is_settled: bool


def accuracy(window: Window, truths: Sequence[Truth]) -> Accuracy:
    """Return the quality of the decisions. A fresh frame has the truth of the pool frame that it was made from."""
    known = known_frames(window, truths)
    n_known = sum(truth.labels is not None for truth in truths)
    return Accuracy(
        labels=detection(window, known),
        n_frames=known.present.size,
        n_distinct=known.n_distinct,
        is_settled=window.n >= window.n_final or known.n_distinct == n_known,
    )


def accuracy_measurements(found: Accuracy) -> Iterator[Measurement]:
    """Yield precision and recall of the worst label; without a value when one label has none."""
    for metric, quality in QUALITIES.items():
        why, (worst, _) = _why_unknown(found, quality), _worst(found, quality)
        if why or worst is None:
            yield unmeasured(metric, "1", why)
        else:
            yield Measurement(metric=metric, unit="1", value=worst, n=found.n_distinct)


def hold_accuracy(limit: Limit, found: Accuracy) -> Check:
    """Return the check of the least precision or recall.

    FAIL when a label is below it, whatever the others are; else NOT_MEASURED when a label has no value, because
    zero cases prove nothing; else PASS. There is no confidence bound: the frames are those the profile chose.
    """
    quality = QUALITIES[limit.metric]
    why, (worst, label) = _why_unknown(found, quality), _worst(found, quality)
    if worst is None or (why and worst >= limit.limit):
        return not_measured(limit, why)
    status, words = _status(limit, found, worst)
    limit_text = quantity(limit.limit, limit.unit, beside=worst)
    text = quantity(worst, limit.unit, beside=limit.limit)
    basis = f"n = {counted(found.n_distinct, 'distinct frame')}, decided {counted(found.n_frames, 'time')}"
    return replace(
        blank_check(limit),
        status=status,
        observed=worst,
        observed_text=f"{text} ({label})",
        margin_pct=margin_pct(limit, worst),
        n=found.n_distinct,
        sentence=capitalised(f"{METRICS[limit.metric].title}: {text} ({label}), {words} {limit_text} ({basis})."),
    )


def _status(limit: Limit, found: Accuracy, worst: float) -> tuple[CheckStatus, str]:
    if worst >= limit.limit:
        return CheckStatus.PASS, "at least the required"
    if found.is_settled:
        return CheckStatus.FAIL, "below the required"
    return CheckStatus.INCONCLUSIVE, "in a run that ended before every frame was seen, below the required"


def _worst(found: Accuracy, quality: str) -> tuple[float | None, str]:
    values = [(getattr(one, quality), one.label) for one in found.labels]
    known = [(value, label) for value, label in values if value is not None]
    return min(known, key=lambda pair: pair[0]) if known else (None, "")


def _why_unknown(found: Accuracy, quality: str) -> str:
    if not found.n_frames:
        return NO_TRUTH
    if not found.labels:
        return "no label has a threshold"
    without = [one.label for one in found.labels if getattr(one, quality) is None]
    return f"{', '.join(without)} {_WITHOUT[quality]}" if without else ""
