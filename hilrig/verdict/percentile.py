"""A percentile limit, held against the 99 % bounds of the percentile of all offered frames."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from hilrig.core.metrics import METRICS
from hilrig.core.profile import Limit
from hilrig.core.units import NS_PER_MS, NS_PER_S, S_PER_MIN, format_duration, ms_to_ns
from hilrig.core.verdict import Check, CheckStatus, Measurement
from hilrig.verdict.blank_check import blank_check, margin_pct, not_measured
from hilrig.verdict.measure import NO_FRAMES
from hilrig.verdict.part import Part
from hilrig.verdict.statistics.percentile_bounds import (
    design_effect,
    frames_to_pass,
    lower_rank,
    minimum_frames,
    nearest_rank,
    upper_rank,
)
from hilrig.verdict.wording import capitalised, counted, quantity

PERMILLE_OF: Final = {
    "latency_p50_ms": 500,
    "latency_p95_ms": 950,
    "latency_p99_ms": 990,
    "latency_p99_9_ms": 999,
}
"""Percentiles of the time to the decision."""

ACTUATION_PERMILLE_OF: Final = {"actuation_p95_ms": 950, "actuation_p99_ms": 990}
"""Percentiles of the time to the PLC's registers: known only after the run, so nobody watches them."""

_PERMILLE_OF: Final = {**PERMILLE_OF, **ACTUATION_PERMILLE_OF}


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the frames say about one percentile limit; frames without what is timed count as infinitely late.

    Args:
        words: which frames they are, for a sentence; empty for all.
        n_over: frames over the limit, undecided ones included.
        deff: design effect of their clustering (`hilrig.verdict.statistics.percentile_bounds.design_effect`).
        observed_ns: the nearest-rank percentile; None when infinite.
        lower_ns: one-sided 99 % lower bound; None when infinite or when there are too few frames for one.
        upper_ns: the upper bound, likewise.
        is_within: the upper bound exists and is within the limit.
        is_beyond: the lower bound is over the limit, and whatever frames an early end took away could not have
            brought the percentile back.
    """

    limit: Limit
    words: str
    n: int
    n_over: int
    n_undecided: int
    deff: float
    observed_ns: int | None
    lower_ns: int | None
    upper_ns: int | None
    is_within: bool
    is_beyond: bool

    @property
    def status(self) -> CheckStatus:
        """Return PASS or FAIL where a bound decides it, else INCONCLUSIVE."""
        if self.is_within:
            return CheckStatus.PASS
        return CheckStatus.FAIL if self.is_beyond else CheckStatus.INCONCLUSIVE


def weigh(limit: Limit, part: Part) -> Evidence:
    """Return the evidence for and against a percentile limit. The part must have frames."""
    n, permille = part.n, _PERMILLE_OF[limit.metric]
    over = part.latency_ns > ms_to_ns(limit.limit)
    n_over = int(np.count_nonzero(over))
    deff = design_effect(over)
    upper, lower = upper_rank(n, permille, deff), lower_rank(n, permille, deff)
    n_over_allowed = part.n_final - nearest_rank(part.n_final, permille)
    return Evidence(
        limit=limit,
        words=part.words,
        n=n,
        n_over=n_over,
        n_undecided=n - part.n_decided,
        deff=deff,
        observed_ns=part.percentile_ns(permille),
        lower_ns=None if lower is None else part.latency_at(lower),
        upper_ns=None if upper is None else part.latency_at(upper),
        is_within=upper is not None and n_over <= n - upper,
        is_beyond=lower is not None and n_over > n - lower and n_over > n_over_allowed,
    )


def evidence_measurements(evidence: Evidence) -> tuple[Measurement, ...]:
    """Return how many frames are over the limit, and how clustered they are."""
    stem, n = evidence.limit.metric.removesuffix("_ms"), evidence.n
    return (
        Measurement(metric=f"{stem}_over_limit", unit="frames", value=float(evidence.n_over), n=n),
        Measurement(metric=f"{stem}_deff", unit="1", value=evidence.deff, n=n),
    )


def hold_percentile(
    limit: Limit, whole: Part, steady: Part | None, *, period_ns: float
) -> tuple[Check, tuple[Measurement, ...]]:
    """Return the check of a percentile limit, and the numbers behind it.

    PASS when the upper bound is within the limit, FAIL when the lower bound is over it, else INCONCLUSIVE. The
    bounds hold at 99 % each, for this limit alone. The limit must hold for the run as a whole and for the part in
    which the rig was thermally steady, where there is one (`_deciding`).
    """
    if not whole.n:
        return not_measured(limit, NO_FRAMES), ()
    evidence = weigh(limit, whole)
    deciding = _deciding(evidence, None if steady is None else weigh(limit, steady))
    return _check(deciding, period_ns=period_ns), evidence_measurements(evidence)


def _deciding(whole: Evidence, steady: Evidence | None) -> Evidence:
    """Return the evidence that decides: that of the whole run, unless the steady part is worse beyond that.

    A cool start must not hide a warm pipeline that is too slow, so a steady part that is over the limit beyond
    doubt fails. One whose observed percentile is over the limit without that certainty leaves the check open. But
    a steady part that is only too short to prove the limit by itself takes nothing from a whole run that does: it
    is the same frames, fewer of them. Below the least number for the percentile it says nothing at all.
    """
    if steady is None or steady.n < minimum_frames(_PERMILLE_OF[whole.limit.metric]):
        return whole
    if whole.is_beyond:
        return max(whole, steady, key=_worseness) if steady.is_beyond else whole
    is_over = steady.observed_ns is None or steady.observed_ns > ms_to_ns(whole.limit.limit)
    return steady if steady.is_beyond or (whole.is_within and is_over) else whole


def _worseness(evidence: Evidence) -> float:
    return float("inf") if evidence.observed_ns is None else evidence.observed_ns


def _check(evidence: Evidence, *, period_ns: float) -> Check:
    limit, observed_ms = evidence.limit, _ms(evidence.observed_ns)
    check = replace(
        blank_check(limit),
        status=evidence.status,
        observed=observed_ms,
        observed_text=_observed_text(evidence),
        lower=_ms(evidence.lower_ns),
        upper=_ms(evidence.upper_ns),
        margin_pct=None if observed_ms is None else margin_pct(limit, observed_ms),
        n=evidence.n,
        minutes_needed=_minutes_needed(evidence, period_ns=period_ns),
    )
    return replace(check, sentence=_sentence(evidence, check))


def _observed_text(evidence: Evidence) -> str:
    if evidence.observed_ns is None:
        what = "never reached the PLC" if evidence.limit.metric in ACTUATION_PERMILLE_OF else "got no decision"
        return f"infinite ({quantity(100 * evidence.n_undecided / evidence.n, '%')} of frames {what})"
    return quantity(evidence.observed_ns / NS_PER_MS, evidence.limit.unit, beside=evidence.limit.limit)


def _minutes_needed(evidence: Evidence, *, period_ns: float) -> float | None:
    if evidence.status is not CheckStatus.INCONCLUSIVE:
        return None
    permille = _PERMILLE_OF[evidence.limit.metric]
    more = frames_to_pass(evidence.n, evidence.n_over, permille=permille, deff=evidence.deff)
    return None if more is None else more * period_ns / (NS_PER_S * S_PER_MIN)


def _sentence(evidence: Evidence, check: Check) -> str:
    when = f" {evidence.words}" if evidence.words else ""
    seen = f"{METRICS[check.metric].title}{when}: {check.observed_text}"
    limit_text = quantity(check.limit, check.unit, beside=check.observed)
    over = f"{evidence.n_over} of {counted(evidence.n, 'frame')} over it"
    if check.status is CheckStatus.PASS:
        return capitalised(f"{seen}, within the limit of {limit_text}; {_bound(check)} (n = {check.n}).")
    if check.status is CheckStatus.FAIL:
        return capitalised(f"{seen}, over the limit of {limit_text} ({over}).")
    why = _why_undecided(evidence, check.minutes_needed)
    return capitalised(f"{seen}, against a limit of {limit_text} ({over}): {why}.")


def _bound(check: Check) -> str:
    upper_ms = check.limit if check.upper is None else check.upper
    return f"with 99 % confidence at most {quantity(upper_ms, check.unit, beside=check.limit)}"


def _why_undecided(evidence: Evidence, minutes_needed: float | None) -> str:
    n_least = minimum_frames(_PERMILLE_OF[evidence.limit.metric])
    if evidence.n < n_least:
        why = f"fewer than {n_least} frames cannot prove this percentile"
    elif evidence.deff > 1:
        why = f"clustered as they are, the frames are worth {int(evidence.n / evidence.deff)} independent ones"
    else:
        why = "too close to the limit to call"
    if minutes_needed is None:
        return f"{why}, and a longer run like this one would not pass"
    return f"{why}; about {format_duration(minutes_needed * S_PER_MIN)} more needed"


def _ms(ns: int | None) -> float | None:
    return None if ns is None else ns / NS_PER_MS
