"""Two pipelines in neighbouring blocks on one rig, compared pair by pair.

Some pairs do not count.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from hilrig.core.search import Block, Bound, ComparisonVerdict, Margin, Pair, Side
from hilrig.core.verdict import Judgement, Measurement
from hilrig.verdict.statistics.paired import PAIRS_MIN, PairedBounds, hold_margin, margin_ms, paired_bounds
from hilrig.verdict.wording import counted, listed, quantity

P99: Final = "latency_p99_incl_drops_ms"
"""A pipeline must not win by dropping its slow frames."""

N_FAULTS_MAX: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """The numbers and the verdict of a comparison (`hilrig.core.search.Comparison`)."""

    margin_ms: float | None
    estimate: Bound
    lower: Bound
    upper: Bound
    n_pairs: int
    pairs_needed: int | None
    verdict: ComparisonVerdict
    sentence: str


def block_order(n_pairs: int) -> tuple[Side, ...]:
    """Return which side is first in each pair: AB BA AB BA, so that a steady drift cancels."""
    return tuple((Side.CHAMPION, Side.CHALLENGER)[index % 2] for index in range(n_pairs))


def block_of(side: Side, judgement: Judgement, *, run_dir: str) -> Block:
    """Return a judged run as a block; one whose instrument was not sound, or without frames, can't be used."""
    measured = {one.metric: one for one in judgement.measurements}
    p99 = measured.get(P99, Measurement(metric=P99, unit="ms", value=None, n=0, reason="not measured"))
    is_infinite = p99.value is None and p99.reason.startswith("infinite")
    faults = [one.sentence.removesuffix(".") for one in judgement.self_checks if not one.ok]
    if p99.value is None and not is_infinite:
        faults.append(f"no p99: {p99.reason}")
    p50 = measured.get("latency_p50_ms")
    return Block(
        side=side,
        status=judgement.status,
        p50_ms=None if p50 is None else p50.value,
        p99_ms=p99.value,
        is_infinite=is_infinite,
        n_frames=p99.n,
        run_dir=run_dir,
        fault=listed(faults, at_most=N_FAULTS_MAX),
    )


def pair_of(first: Block, second: Block, *, is_repeat: bool) -> Pair:
    """Return two neighbouring blocks, one of each side, as a pair with its difference."""
    champion, challenger = (first, second) if first.side is Side.CHAMPION else (second, first)
    dropped = _why_dropped(champion, challenger)
    difference_ms = None if dropped else _p99_ms(challenger) - _p99_ms(champion)
    is_finite = difference_ms is not None and math.isfinite(difference_ms)
    return Pair(
        first=first.side,
        is_repeat=is_repeat,
        champion=champion,
        challenger=challenger,
        difference_ms=difference_ms if is_finite else None,
        difference_pct=_share_pct(difference_ms, champion) if is_finite else None,
        difference_text="not counted" if difference_ms is None else difference_text(difference_ms),
        dropped=dropped,
    )


def compare(pairs: Sequence[Pair], margin: Margin) -> Compared:
    """Return what the pairs that count say of the challenger, held against the margin."""
    counting = [pair for pair in pairs if not pair.dropped]
    bounds = paired_bounds([_p99_ms(pair.challenger) - _p99_ms(pair.champion) for pair in counting])
    limit_ms = margin_ms(margin, [_p99_ms(pair.champion) for pair in counting])
    held = hold_margin(bounds, limit_ms)
    no_middle = "none: infinite differences of both signs" if bounds.n else "no pair counts"
    return Compared(
        margin_ms=limit_ms,
        estimate=_bound(bounds.estimate, no_middle),
        lower=_bound(bounds.lower, f"no bound with fewer than {PAIRS_MIN} pairs"),
        upper=_bound(bounds.upper, f"no bound with fewer than {PAIRS_MIN} pairs"),
        n_pairs=bounds.n,
        pairs_needed=held.pairs_needed,
        verdict=held.verdict,
        sentence=_sentence(bounds, margin, limit_ms, held.verdict, held.pairs_needed),
    )


def unfinished(pairs: Sequence[Pair], margin: Margin) -> Compared:
    """Return what was seen of a comparison that was cut short, without a verdict.

    Whoever may stop when the numbers look good must not be told that they hold at 99 %.
    """
    so_far = compare(pairs, margin)
    sentence = f"No verdict: unfinished after {counted(so_far.n_pairs, 'pair')}."
    return replace(so_far, verdict=ComparisonVerdict.INCONCLUSIVE, pairs_needed=None, sentence=sentence)


def difference_text(difference_ms: float) -> str:
    """Return `+1.2 ms` where the challenger is slower, `-1.2 ms` where it is faster."""
    sign = "-" if difference_ms < 0 else "+" if difference_ms > 0 else ""
    size = quantity(abs(difference_ms), "ms") if math.isfinite(difference_ms) else "infinite"
    return f"{sign}{size}"


def _p99_ms(block: Block) -> float:
    return math.inf if block.p99_ms is None else block.p99_ms


def _share_pct(difference_ms: float | None, champion: Block) -> float | None:
    return 100 * difference_ms / champion.p99_ms if difference_ms is not None and champion.p99_ms else None


def _why_dropped(champion: Block, challenger: Block) -> str:
    faults = [f"{block.side.value}: {block.fault}" for block in (champion, challenger) if block.fault]
    if faults:
        return "; ".join(faults)
    return "p99 is infinite on both sides" if champion.is_infinite and challenger.is_infinite else ""


def _bound(value_ms: float | None, unknown: str) -> Bound:
    if value_ms is None:
        return Bound(value_ms=None, is_infinite=False, text=unknown)
    is_finite = math.isfinite(value_ms)
    return Bound(
        value_ms=value_ms if is_finite else None, is_infinite=not is_finite, text=difference_text(value_ms)
    )


def _sentence(
    bounds: PairedBounds,
    margin: Margin,
    limit_ms: float | None,
    verdict: ComparisonVerdict,
    needed: int | None,
) -> str:
    pairs = counted(bounds.n, "pair")
    if limit_ms is None:
        why = "the champion's own p99 is infinite in half of its blocks" if bounds.n else "no pair counts"
        return f"No verdict from {pairs}: a margin of {margin} means nothing, because {why}."
    allowed = f"{quantity(limit_ms, 'ms')} ({margin})" if str(margin) != quantity(limit_ms, "ms") else str(margin)
    if bounds.upper is None or bounds.lower is None:
        return f"No verdict from {pairs}: a 99 % bound needs at least {PAIRS_MIN}; about {needed} more needed."
    claim = "With 99 % confidence the challenger's p99 differs from the champion's by at"
    lower, upper = difference_text(bounds.lower), difference_text(bounds.upper)
    if verdict is ComparisonVerdict.NON_INFERIOR:
        return f"{claim} most {upper}; +{allowed} is allowed ({pairs})."
    if verdict is ComparisonVerdict.INFERIOR:
        return f"{claim} least {lower}; +{allowed} is allowed ({pairs})."
    more = f"about {needed} more needed" if needed else "nobody can tell how many more are needed"
    differs = f"the challenger's p99 differs from the champion's by {lower} to {upper}"
    return f"Too close to call from {pairs}: {differs}, +{allowed} is allowed; {more}."
