"""Which frames of a golden set stand for all of it: each label, a good part, the extremes."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from hilrig.core.golden_bundle import Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A frame of the golden set that was decided.

    Args:
        brightness: any measure that grows with it; `sharpness` likewise.
        pixels_sha256: of its pixels, so that a feed which shows another frame later is found out.
    """

    index: int
    truth: tuple[str, ...]
    answer: Answer
    brightness: float
    sharpness: float
    width_px: int
    height_px: int
    pixels_sha256: str


def choose(candidates: Sequence[Candidate], thresholds: Mapping[str, float], n: int) -> dict[int, tuple[str, ...]]:
    """Return why each chosen frame was: at most `n` indices, the most telling first.

    A frame that stands for several things is there once. What is left of `n` is spread evenly over the set.
    """
    why: dict[int, tuple[str, ...]] = {}
    for reason, candidate in (*_telling(candidates, thresholds), *_spread(candidates, n)):
        if candidate.index in why:
            if reason:
                why[candidate.index] += (reason,)
        elif len(why) < n:
            why[candidate.index] = (reason or "spread over the set",)
    return why


def _telling(candidates: Sequence[Candidate], thresholds: Mapping[str, float]) -> Iterator[tuple[str, Candidate]]:
    for label in thresholds:
        with_it = [one for one in candidates if label in one.truth]
        found = [one for one in with_it if label in (one.answer.found or ())]
        yield from ((label, one) for one in (found or with_it)[:1])
    yield from (("no defect", one) for one in [one for one in candidates if not one.truth][:1])
    if not candidates:
        return
    yield "darkest", min(candidates, key=lambda one: one.brightness)
    yield "brightest", max(candidates, key=lambda one: one.brightness)
    yield "most blurred", min(candidates, key=lambda one: one.sharpness)
    scored = [one for one in candidates if one.answer.scores]
    if scored:
        yield "nearest to its threshold", min(scored, key=lambda one: _distance(one, thresholds))


def _distance(candidate: Candidate, thresholds: Mapping[str, float]) -> float:
    return min(abs(candidate.answer.scores[label] - limit) for label, limit in thresholds.items())


def _spread(candidates: Sequence[Candidate], n: int) -> Iterable[tuple[str, Candidate]]:
    step = max(1, len(candidates) // n)
    return [("", one) for one in (*candidates[::step], *candidates)]
