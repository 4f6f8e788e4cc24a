"""The limits of a golden set, held against the counts.

Some are absolute, others are set by the last release.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Final, NamedTuple

from hilrig.core.errors import PreconditionError
from hilrig.core.golden import GoldenReport, LabelScore, Rate
from hilrig.core.profile import Comparator, GoldenLimits, GoldenSpec
from hilrig.core.verdict import Check, CheckStatus
from hilrig.gate.wilson import cases_needed

CONFIDENCE: Final = "Wilson interval at 95 %"


class _Quality(NamedTuple):
    """A share that can be limited: its words, its field of LabelScore, its keys, what it has no cases of."""

    title: str
    field: str
    key: str
    drift_key: str
    comparator: Comparator
    without: str


_QUALITIES: Final = (
    _Quality("precision", "precision", "min_precision", "precision_drop_max", Comparator.GE, "it was never found"),
    _Quality("recall", "recall", "min_recall", "recall_drop_max", Comparator.GE, "no frame has it"),
    _Quality(
        "false rejects",
        "false_reject",
        "max_false_reject",
        "false_reject_rise_max",
        Comparator.LE,
        "every decided frame has it",
    ),
)


def hold_golden_limits(
    spec: GoldenSpec, scores: Sequence[LabelScore], *, n_frames: int, n_not_decided: int, last: GoldenReport | None
) -> tuple[Check, ...]:
    """Return every check: each frame decided, each label's limits, each label beside the last release.

    Args:
        spec: the limits.
        scores: of every label that has a threshold.
        n_frames: of the golden set.
        n_not_decided: of the `n_frames`, those that the pipeline came to no decision about.
        last: the last release's report, of the same frames; None: there is none, or nobody asked.
    """
    return (
        _all_decided(n_frames, n_not_decided),
        *(check for score in scores for check in _absolute(spec, score)),
        *(_beside_last(spec, scores, last) if last is not None else ()),
    )


def refuse_other_set(last: GoldenReport, set_sha256: str) -> None:
    """Refuse a report over other frames: a difference between two sets says nothing about the model.

    Raises:
        PreconditionError: its frames are others.
    """
    if last.set_sha256 != set_sha256:
        raise PreconditionError(
            f"the last report is over other frames: set_sha256 {last.set_sha256}, these have {set_sha256}",
            hint="run the last release on this golden set first: hilrig golden run OLD_PROFILE --out last.json",
        )


def _all_decided(n_frames: int, n_not_decided: int) -> Check:
    is_whole = n_not_decided == 0
    words = "every frame was decided." if is_whole else f"{n_not_decided} of {n_frames} frames got no decision."
    blank = _blank(
        check_id="golden.not_decided",
        metric="golden_not_decided",
        comparator=Comparator.LE,
        limit=0,
        source="always",
        sentence=f"Golden set: {words}",
    )
    return replace(
        blank,
        unit="frames",
        status=CheckStatus.PASS if is_whole else CheckStatus.FAIL,
        observed=n_not_decided,
        observed_text=f"{n_not_decided} of {n_frames} frames",
        n=n_frames,
    )


def _absolute(spec: GoldenSpec, score: LabelScore) -> Iterator[Check]:
    own = spec.labels.get(score.label, GoldenLimits())
    for quality in _QUALITIES:
        special, general = getattr(own, quality.key), getattr(spec, quality.key)
        limit = general if special is None else special
        if limit is not None:
            path = f"golden.{quality.key}" if special is None else f"golden.labels.{score.label}.{quality.key}"
            yield _hold(quality, score, limit=limit, source=f"profile.yaml {path}")


def _hold(quality: _Quality, score: LabelScore, *, limit: float, source: str) -> Check:
    rate: Rate | None = getattr(score, quality.field)
    blank = _blank(
        check_id=f"golden.{score.label}.{quality.key}",
        metric=f"golden_{quality.field}",
        comparator=quality.comparator,
        limit=limit,
        source=source,
        sentence=f"{score.label}: {quality.title} unknown: {quality.without}.",
    )
    if rate is None:
        return blank
    is_least = quality.comparator is Comparator.GE
    worse, better = (rate.low, rate.high) if is_least else (rate.high, rate.low)
    status = _status(worse, better, limit=limit, is_least=is_least)
    return replace(
        blank,
        status=status,
        observed=rate.value,
        observed_text=f"{percent(rate.value)} ({percent(rate.low)} to {percent(rate.high)})",
        lower=rate.low,
        upper=rate.high,
        margin_pct=_margin_pct(worse, limit, is_least=is_least),
        n=rate.n,
        sentence=_sentence(quality, score.label, rate, limit=limit, status=status),
        evidence=CONFIDENCE,
    )


def _status(worse: float, better: float, *, limit: float, is_least: bool) -> CheckStatus:
    """PASS when even the worse end is within the limit, FAIL when not even the better one is."""
    if (worse >= limit) if is_least else (worse <= limit):
        return CheckStatus.PASS
    if (better < limit) if is_least else (better > limit):
        return CheckStatus.FAIL
    return CheckStatus.INCONCLUSIVE


def _sentence(quality: _Quality, label: str, rate: Rate, *, limit: float, status: CheckStatus) -> str:
    is_least = quality.comparator is Comparator.GE
    bound = f"at least {percent(rate.low)}" if is_least else f"at most {percent(rate.high)}"
    asked = f"{percent(limit)} {'required' if is_least else 'allowed'}"
    text = f"{label}: {quality.title} {percent(rate.value)}, {bound} (95 % sure, n = {rate.n}), {asked}"
    if status is not CheckStatus.INCONCLUSIVE:
        return f"{text}."
    needed = cases_needed(limit if is_least else 1 - limit)
    more = (
        f"even without a mistake that takes {needed} such frames"
        if needed
        else "no number of frames can prove that"
    )
    return f"{text}: too few frames to tell; {more}."


def _beside_last(spec: GoldenSpec, scores: Sequence[LabelScore], last: GoldenReport) -> Iterator[Check]:
    """Yield the differences of every label that the last release had; a new label has only its own limits."""
    now = {score.label: score for score in scores}
    for before in last.labels:
        for quality in _QUALITIES:
            limit = getattr(spec.against_last, quality.drift_key, None)
            if limit is not None:
                yield _hold_drift(quality, before, now.get(before.label), limit=limit)


def _hold_drift(quality: _Quality, before: LabelScore, now: LabelScore | None, *, limit: float) -> Check:
    blank = _blank(
        check_id=f"golden.{before.label}.{quality.drift_key}",
        metric=f"golden_{quality.drift_key.removesuffix('_max')}",
        comparator=Comparator.LE,
        limit=limit,
        source=f"profile.yaml golden.against_last.{quality.drift_key}",
        sentence=f"{before.label}: the last release decided it, this one does not.",
    )
    old: Rate | None = getattr(before, quality.field)
    new: Rate | None = None if now is None else getattr(now, quality.field)
    if now is None:
        return replace(blank, status=CheckStatus.FAIL)
    if old is None or new is None:
        whose = "of the last release" if old is None else "now"
        return replace(blank, sentence=f"{before.label}: {quality.title} {whose} unknown: {quality.without}.")
    is_least = quality.comparator is Comparator.GE
    worse_by = _exact(old) - _exact(new) if is_least else _exact(new) - _exact(old)
    return replace(
        blank,
        status=CheckStatus.PASS if worse_by <= Fraction(repr(limit)) else CheckStatus.FAIL,
        observed=float(worse_by),
        observed_text=f"{float(100 * worse_by):.2f} points worse" if worse_by > 0 else "not worse",
        margin_pct=_margin_pct(float(worse_by), limit, is_least=False),
        n=new.n,
        sentence=f"{before.label}: {quality.title} {percent(new.value)}, the last release had "
        f"{percent(old.value)} on the same frames; {100 * limit:g} points worse are allowed.",
    )


def _exact(rate: Rate) -> Fraction:
    """Return a share as counted: a difference of floats would fail a limit that it just keeps."""
    return Fraction(round(rate.value * rate.n), rate.n)


def _blank(
    *, check_id: str, metric: str, comparator: Comparator, limit: float, source: str, sentence: str
) -> Check:
    """Return a check that was not measured, with everything that comes from the limit alone."""
    return Check(
        check_id=check_id,
        metric=metric,
        status=CheckStatus.NOT_MEASURED,
        comparator=comparator.value,
        limit=limit,
        unit="1",
        source=source,
        observed=None,
        observed_text="not measured",
        lower=None,
        upper=None,
        margin_pct=None,
        n=0,
        minutes_needed=None,
        sentence=sentence,
    )


def _margin_pct(worse: float, limit: float, *, is_least: bool) -> float | None:
    if limit == 0:
        return None
    return 100 * ((worse - limit) if is_least else (limit - worse)) / limit


def percent(share: float) -> str:
    """Return a share in per cent with one digit, rounded: `94.1 %`."""
    return f"{100 * share:.1f} %"
