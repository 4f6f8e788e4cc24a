"""The search for the highest frame rate that is sustained.

It decides which rate to try next, and what the answer is. Everything follows from the probes done so far, so
equal probes give an equal search.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Final

from hilrig.core.profile import Limit
from hilrig.core.search import ProbeOutcome, ProbePurpose, SearchLimit
from hilrig.verdict.percentile import PERMILLE_OF
from hilrig.verdict.statistics.percentile_bounds import minimum_frames

LOWEST_FPS: Final = Fraction(1, 10)
HIGHEST_FPS: Final = Fraction(1000)
"""The highest frame rate that a profile may ask for (`hilrig.config.limit_model`)."""

RESOLUTION: Final = Fraction(2, 100)
"""Rates nearer than this are not told apart: runs of seconds do not repeat more closely."""

FRAMES_FACTOR: Final = 2
"""Twice the least frames of a percentile: with just those, a single frame over the limit leaves it undecided."""

CONFIRMATION_LENGTHS: Final = 2
REPEAT_LENGTHS: Final = 2
STEPS_DOWN_MAX: Final = 5
"""Confirmations that may fail; each one steps down twice as far as the one before: 2, 4, 8, 16, 32 %."""

RATE_GRAIN_PER_FPS: Final = 1000
"""Rates between those of the profile are whole thousandths of a frame per second, so that people can type them."""

LIMIT_OF: Final = {
    ProbeOutcome.NOT_SUSTAINED: SearchLimit.PROFILE,
    ProbeOutcome.UNFIT: SearchLimit.PROFILE,
    ProbeOutcome.INSTRUMENT: SearchLimit.INSTRUMENT,
    ProbeOutcome.UNDECIDED: SearchLimit.UNDECIDED,
}
OPEN: Final = (ProbeOutcome.UNDECIDED, ProbeOutcome.INSTRUMENT)
"""Outcomes that may be chance: worth one repetition of twice the length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchRules:
    """Where a search starts and how far it may go."""

    start_fps: Fraction
    lowest_fps: Fraction = LOWEST_FPS
    highest_fps: Fraction = HIGHEST_FPS


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A probe to do: `n_lengths` times as long as the shortest one."""

    purpose: ProbePurpose
    frame_rate_fps: Fraction
    n_lengths: int = 1
    attempt: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """A probe that was done."""

    step: Step
    outcome: ProbeOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a completed search found; `limited_at_fps` is None when nothing was in the way."""

    found_fps: Fraction | None
    limited_by: SearchLimit
    limited_at_fps: Fraction | None


def search_rules(start_fps: Fraction, limits: Sequence[Limit]) -> SearchRules:
    """Return the rules of a search: below one frame per decision gap the profile's own limit can't be met."""
    gaps_ms = [Fraction(limit.limit) for limit in limits if limit.metric == "decision_gap_ms"]
    lowest_fps = max([LOWEST_FPS, *(_tidy(1000 / gap_ms) for gap_ms in gaps_ms)])
    return SearchRules(start_fps=start_fps, lowest_fps=min(lowest_fps, start_fps))


def next_step(rules: SearchRules, tried: Sequence[Tried]) -> Step | Answer:
    """Return the probe to do after those in `tried`, or the answer.

    Bracket: from the start, double while sustained, halve while not. Bisect to the resolution. Confirm: a second,
    longer run; where it fails, step down and confirm there. An open probe is repeated once with twice the length
    and then counts as not sustained.
    """
    if tried and tried[-1].outcome in OPEN and tried[-1].step.attempt == 1:
        last = tried[-1].step
        return replace(last, n_lengths=last.n_lengths * REPEAT_LENGTHS, attempt=2)
    settled = settled_probes(tried)
    confirmations = [one for one in settled if one.step.purpose is ProbePurpose.CONFIRM]
    if confirmations:
        return _after_confirmation(rules, settled, confirmations)
    return _narrow(rules, settled)


def foretell(rules: SearchRules, tried: Sequence[Tried]) -> tuple[Step, ...]:
    """Return the probes that are still to come if the rest goes as it usually does."""
    ahead: list[Step] = []
    imagined = list(tried)
    while isinstance(step := next_step(rules, imagined), Step):
        goes_up = step.purpose is ProbePurpose.BRACKET and best_fps(imagined) is not None
        outcome = ProbeOutcome.NOT_SUSTAINED if goes_up else ProbeOutcome.SUSTAINED
        imagined.append(Tried(step=step, outcome=outcome))
        ahead.append(step)
    return tuple(ahead)


def probe_duration_s(step: Step, *, shortest_s: float, limits: Sequence[Limit]) -> float:
    """Return how long a probe measures: long enough for twice the frames that its percentile limits need."""
    least = [minimum_frames(PERMILLE_OF[limit.metric]) for limit in limits if limit.metric in PERMILLE_OF]
    n_frames = FRAMES_FACTOR * max(least, default=0)
    return max(shortest_s, math.ceil(n_frames / step.frame_rate_fps)) * step.n_lengths


def best_fps(tried: Sequence[Tried]) -> Fraction | None:
    """Return the highest rate that was sustained, once at least; None when none was."""
    return max((one.step.frame_rate_fps for one in tried if _is_sustained(one)), default=None)


def settled_probes(tried: Sequence[Tried]) -> list[Tried]:
    """Return the probes that count: one that was repeated counts as its repetition."""
    return [
        one for index, one in enumerate(tried) if index + 1 == len(tried) or tried[index + 1].step.attempt == 1
    ]


def _narrow(rules: SearchRules, settled: Sequence[Tried]) -> Step | Answer:
    low_fps, high = best_fps(settled), _lowest_not_sustained(settled)
    if low_fps is None:
        return _search_below(rules, settled, high)
    if high is None:
        up_fps = min(2 * low_fps, rules.highest_fps)
        if up_fps == low_fps:
            return _confirmation(low_fps)
        return Step(purpose=ProbePurpose.BRACKET, frame_rate_fps=up_fps)
    high_fps = high.step.frame_rate_fps
    middle_fps = _tidy((low_fps + high_fps) / 2)
    if high_fps > low_fps * (1 + RESOLUTION) and low_fps < middle_fps < high_fps:
        return Step(purpose=ProbePurpose.BISECT, frame_rate_fps=middle_fps)
    return _confirmation(low_fps)


def _search_below(rules: SearchRules, settled: Sequence[Tried], high: Tried | None) -> Step | Answer:
    """Return the first rate, or half of the lowest; give up where a lower rate can't help."""
    if high is None:
        return Step(purpose=ProbePurpose.BRACKET, frame_rate_fps=rules.start_fps)
    high_fps = high.step.frame_rate_fps
    last_two = [one.outcome for one in settled[-2:]]
    is_hopeless = high.outcome is ProbeOutcome.UNFIT or last_two == [ProbeOutcome.UNDECIDED] * 2
    if is_hopeless or high_fps <= rules.lowest_fps:
        return Answer(found_fps=None, limited_by=LIMIT_OF[high.outcome], limited_at_fps=high_fps)
    return Step(purpose=ProbePurpose.BRACKET, frame_rate_fps=max(high_fps / 2, rules.lowest_fps))


def _after_confirmation(
    rules: SearchRules, settled: Sequence[Tried], confirmations: Sequence[Tried]
) -> Step | Answer:
    last = confirmations[-1]
    last_fps, n_failed = last.step.frame_rate_fps, len(confirmations)
    if _is_sustained(last):
        high = _lowest_not_sustained(settled)
        return Answer(
            found_fps=last_fps,
            limited_by=LIMIT_OF[high.outcome] if high else SearchLimit.CEILING,
            limited_at_fps=high.step.frame_rate_fps if high else None,
        )
    down_fps = _tidy(last_fps * (1 - RESOLUTION * 2 ** (n_failed - 1)))
    if n_failed > STEPS_DOWN_MAX or down_fps < rules.lowest_fps:
        return Answer(found_fps=None, limited_by=LIMIT_OF[last.outcome], limited_at_fps=last_fps)
    return _confirmation(down_fps)


def _confirmation(fps: Fraction) -> Step:
    return Step(purpose=ProbePurpose.CONFIRM, frame_rate_fps=fps, n_lengths=CONFIRMATION_LENGTHS)


def _lowest_not_sustained(settled: Sequence[Tried]) -> Tried | None:
    failed = [one for one in settled if not _is_sustained(one)]
    return min(failed, key=lambda one: one.step.frame_rate_fps, default=None)


def _is_sustained(one: Tried) -> bool:
    return one.outcome is ProbeOutcome.SUSTAINED


def _tidy(fps: Fraction) -> Fraction:
    return Fraction(round(fps * RATE_GRAIN_PER_FPS), RATE_GRAIN_PER_FPS)
