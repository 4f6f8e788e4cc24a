"""The limits of companions, held against their probes: what the model does to the services beside it."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hilrig.core.companion import CompanionSpec
from hilrig.core.profile import Limit
from hilrig.core.units import NS_PER_MS, S_PER_MIN, format_duration, ms_to_ns
from hilrig.core.verdict import Check, CheckStatus
from hilrig.verdict.blank_check import blank_check, margin_pct, not_measured
from hilrig.verdict.companions import (
    NOT_ALONE,
    NOT_PROBED,
    NOT_WATCHED,
    P50,
    P99,
    Beside,
    n_unanswered,
    percentile_ms,
    shown,
)
from hilrig.verdict.statistics.percentile_bounds import (
    design_effect,
    frames_to_pass,
    lower_rank,
    minimum_frames,
    nearest_rank,
    upper_rank,
)
from hilrig.verdict.window import NEVER
from hilrig.verdict.wording import counted, quantity

MS_PER_MIN: Final = 1000 * S_PER_MIN
METRICS_OF_COMPANIONS: Final = frozenset(
    {"companion_p99_ms", "companion_failed_pct", "companion_slowdown", "companion_exits"}
)
_NAMES_MAX: Final = 3


def hold_companions(beside: Sequence[Beside]) -> dict[str, Check]:
    """Return a check for each limit of each companion, by its id."""
    return {limit.check_id: _hold(limit, one) for one in beside for limit in one.limits.values()}


def covers(companions: Sequence[CompanionSpec]) -> str:
    """Return what a verdict covers besides the model, as a sentence behind its own; empty without companions."""
    if not companions:
        return ""
    names = ", ".join(one.name for one in companions[:_NAMES_MAX])
    more = f" and {len(companions) - _NAMES_MAX} more" if len(companions) > _NAMES_MAX else ""
    return f" Measured beside {names}{more}: the verdict covers the model under this load and what it did to them."


def _hold(limit: Limit, one: Beside) -> Check:
    return _HOLD[limit.metric](limit, one)


def _hold_p99(limit: Limit, one: Beside) -> Check:
    n, limit_ns = one.together_ns.size, ms_to_ns(limit.limit)
    if not n:
        return _not_measured(limit, one, NOT_PROBED)
    over = one.together_ns > limit_ns
    n_over, deff = int(np.count_nonzero(over)), design_effect(over)
    lower, upper = lower_rank(n, P99, deff), upper_rank(n, P99, deff)
    is_within = upper is not None and n_over <= n - upper
    n_final = max(n, one.n_final)
    is_certain = n_over > n_final - nearest_rank(n_final, P99)  # whatever an early end took away
    is_beyond = lower is not None and n_over > n - lower and is_certain
    status = CheckStatus.PASS if is_within else CheckStatus.FAIL if is_beyond else CheckStatus.INCONCLUSIVE
    more = frames_to_pass(n, n_over, permille=P99, deff=deff) if status is CheckStatus.INCONCLUSIVE else None
    needed_min = more * one.spec.probe.period_ms / MS_PER_MIN if more is not None and one.spec.probe else None
    p99_ms = percentile_ms(one.together_ns, P99)
    seen = _over_against(p99_ms, limit, status, f"{n_over} of {counted(n, 'probe')} over it")
    check = _check(limit, one, status, p99_ms, shown(p99_ms))
    check = replace(check, lower=_at(one, lower), upper=_at(one, upper), minutes_needed=needed_min)
    open_words = _why_open(n, needed_min) if status is CheckStatus.INCONCLUSIVE else ""
    alone = f"; alone it was {shown(percentile_ms(one.alone_ns, P99))}"
    return _excused(replace(check, sentence=f"{_name(one)}: p99 answer {seen}{alone}{open_words}."), one)


def _hold_failed(limit: Limit, one: Beside) -> Check:
    n, n_failed = one.together_ns.size, n_unanswered(one.together_ns)
    if not n:
        return _not_measured(limit, one, NOT_PROBED)
    share_pct = 100 * n_failed / n
    n_final = max(n, one.n_final)
    status = CheckStatus.PASS
    if share_pct > limit.limit:
        is_certain = 100 * n_failed > limit.limit * n_final
        status = CheckStatus.FAIL if is_certain else CheckStatus.INCONCLUSIVE
    seen = _over_against(share_pct, limit, status, f"{n_failed} of {n}")
    alone = f"alone, {n_unanswered(one.alone_ns)} of {one.alone_ns.size} failed"
    sentence = f"{_name(one)}: failed probes {seen}; {alone}."
    check = _check(limit, one, status, share_pct, quantity(share_pct, "%", beside=limit.limit))
    return _excused(replace(check, sentence=sentence), one)


def _hold_slowdown(limit: Limit, one: Beside) -> Check:
    """Hold p50 beside the model over p50 alone, both with their 99 % bounds."""
    if not one.together_ns.size or not one.alone_ns.size:
        return _not_measured(limit, one, NOT_PROBED if one.alone_ns.size else NOT_ALONE)
    alone_ms, together_ms = percentile_ms(one.alone_ns, P50), percentile_ms(one.together_ns, P50)
    if not alone_ms:
        return _not_measured(limit, one, "without the model most of its probes failed")
    alone_low, alone_high = _median_bounds(one.alone_ns, round(alone_ms * NS_PER_MS))
    low, high = _median_bounds(one.together_ns, round(limit.limit * alone_ms * NS_PER_MS))
    least, most = _ratio(low, alone_high), _ratio(high, alone_low)
    is_whole = one.n_final <= one.n_expected
    status = CheckStatus.INCONCLUSIVE
    if most is not None and most <= limit.limit:
        status = CheckStatus.PASS
    elif least is not None and least > limit.limit and is_whole:
        status = CheckStatus.FAIL
    if one.sick_alone:  # a baseline that is not sound proves nothing either way
        status = CheckStatus.INCONCLUSIVE
    slowdown = None if together_ms is None else together_ms / alone_ms
    text = "infinitely" if slowdown is None else f"{quantity(slowdown, '', beside=limit.limit)} times"
    bounds = f"with 99 % confidence {_times(least)} to {_times(most)}"
    seen = f"median answer {shown(together_ms)} beside the model, {shown(alone_ms)} alone: {text} as long"
    end = _sick(one) if one.sick_alone else ""
    sentence = (
        f"{_name(one)}: {seen}, {_WORDS[status]} {quantity(limit.limit, '', beside=slowdown)} ({bounds}).{end}"
    )
    check = replace(_check(limit, one, status, slowdown, text), lower=_finite(least), upper=_finite(most))
    return replace(check, sentence=sentence)


def _hold_exits(limit: Limit, one: Beside) -> Check:
    n = len(one.exits)
    if not one.kept_until_ns:
        return _not_measured(limit, one, NOT_WATCHED)
    status = CheckStatus.FAIL if n > limit.limit else CheckStatus.PASS
    how = f" ({', '.join(map(_how, one.exits[:_NAMES_MAX]))})" if n else ""
    ended = "never ended by itself" if not n else f"ended by itself {'once' if n == 1 else f'{n} times'}{how}"
    sentence = f"{_name(one)}: its process {ended}, {_WORDS[status]} {limit.limit:g}."
    return replace(_check(limit, one, status, float(n), str(n)), n=1, sentence=sentence)


_HOLD: Final[Mapping[str, Callable[[Limit, Beside], Check]]] = {
    "companion_p99_ms": _hold_p99,
    "companion_failed_pct": _hold_failed,
    "companion_slowdown": _hold_slowdown,
    "companion_exits": _hold_exits,
}
_WORDS: Final = {
    CheckStatus.PASS: "within the limit of",
    CheckStatus.FAIL: "over the limit of",
    CheckStatus.INCONCLUSIVE: "against a limit of",
}


def _check(limit: Limit, one: Beside, status: CheckStatus, value: float | None, text: str) -> Check:
    return replace(
        blank_check(limit),
        status=status,
        observed=value,
        observed_text=text,
        margin_pct=None if value is None else margin_pct(limit, value),
        n=one.together_ns.size,
    )


def _not_measured(limit: Limit, one: Beside, reason: str) -> Check:
    return not_measured(limit, f"{one.spec.name}: {reason}")


def _excused(check: Check, one: Beside) -> Check:
    """Return the check, INCONCLUSIVE instead of FAIL for a companion that was sick without the model already."""
    if check.status is not CheckStatus.FAIL or not one.sick_alone:
        return check
    return replace(check, status=CheckStatus.INCONCLUSIVE, sentence=f"{check.sentence}{_sick(one)}")


def _sick(one: Beside) -> str:
    return f" Not held against the model: {one.sick_alone}."


def _over_against(value: float | None, limit: Limit, status: CheckStatus, basis: str) -> str:
    seen = "infinite" if value is None else quantity(value, limit.unit, beside=limit.limit)
    return f"{seen}, {_WORDS[status]} {quantity(limit.limit, limit.unit, beside=value)} ({basis})"


def _why_open(n: int, needed_min: float | None) -> str:
    least = minimum_frames(P99)
    why = f"; fewer than {least} probes cannot prove a p99" if n < least else "; too close to the limit to call"
    if needed_min is None:
        return f"{why}, and a longer run like this one would not pass"
    return f"{why}: about {format_duration(needed_min * S_PER_MIN)} more needed"


def _median_bounds(answers_ns: NDArray[np.int64], threshold_ns: int) -> tuple[int | None, int | None]:
    """Return the one-sided 99 % bounds of a median in ns; None where there are too few probes for one."""
    n, ordered_ns = answers_ns.size, np.sort(answers_ns)
    deff = design_effect(answers_ns > threshold_ns)
    lower, upper = lower_rank(n, P50, deff), upper_rank(n, P50, deff)
    low, high = (None if rank is None else int(ordered_ns[rank - 1]) for rank in (lower, upper))
    return low, high


def _at(one: Beside, rank: int | None) -> float | None:
    if rank is None:
        return None
    answer_ns = int(np.sort(one.together_ns)[rank - 1])
    return None if answer_ns == NEVER else answer_ns / NS_PER_MS


def _ratio(over_ns: int | None, under_ns: int | None) -> float | None:
    """Return a bound of a ratio from those of its parts; None where it has none, infinite for a missing answer."""
    if over_ns is None or not under_ns or under_ns == NEVER:
        return None
    return math.inf if over_ns == NEVER else over_ns / under_ns


def _finite(ratio: float | None) -> float | None:
    return None if ratio is None or math.isinf(ratio) else ratio


def _times(ratio: float | None) -> str:
    return "unknown" if ratio is None else "infinite" if math.isinf(ratio) else quantity(ratio, "")


def _how(status: int) -> str:
    return f"signal {-status}" if status < 0 else f"exit status {status}"


def _name(one: Beside) -> str:
    return f"The companion {one.spec.name}"
