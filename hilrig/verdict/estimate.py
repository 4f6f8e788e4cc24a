"""A quantity that is known within bounds, held against its limit."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from hilrig.core.metrics import METRICS
from hilrig.core.profile import Limit
from hilrig.core.units import S_PER_MIN, format_duration
from hilrig.core.verdict import Check, CheckStatus, Measurement
from hilrig.verdict.blank_check import blank_check, margin_pct, not_measured
from hilrig.verdict.measure import unmeasured
from hilrig.verdict.wording import capitalised, quantity

MINUTES_FORETOLD_MAX: Final = 43_200
"""A month: nobody runs for longer to settle a limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A measured quantity with its bounds, each at 99 % confidence or more.

    Args:
        value: in the metric's unit; infinite where frames without a decision make it so.
        lower: infinite where nothing bounds it from below.
        upper: infinite where nothing bounds it from above.
        n: number of values behind it.
        basis: what these are, for a person: `30 blocks of 20 s`.
        measured_min: minutes behind it.
        width_falls_with: the width of the interval falls with the square root of this power of the duration.
        is_whole: the run was as long as planned; only then can it be over its limit for good.
    """

    value: float
    lower: float
    upper: float
    n: int
    basis: str
    measured_min: float
    width_falls_with: int
    is_whole: bool = True

    @property
    def resolvable(self) -> float:
        """Return the smallest difference from zero that such a run shows beyond doubt: half the interval.

        The interval moves with the quantity and does not depend on it, so this is also what the run would have
        seen with nothing there at all.
        """
        return (self.upper - self.lower) / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class TooLittle:
    """Measured, but by too little for any bound. `minutes_needed` is None when a longer run may not help."""

    reason: str
    n: int
    minutes_needed: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """Not measured at all, with the reason."""

    reason: str


Estimated: TypeAlias = Estimate | TooLittle | Unknown


def estimate_measurements(stem: str, suffix: str, unit: str, found: Estimated) -> Iterator[Measurement]:
    """Yield value, bounds and resolvable difference: `stem` + `_lower` + `suffix` and so on."""
    names = {"": "value", "_lower": "lower", "_upper": "upper", "_resolvable": "resolvable"}
    for infix, field in names.items():
        metric = f"{stem}{infix}{suffix}"
        if not isinstance(found, Estimate):
            yield unmeasured(metric, unit, found.reason)
            continue
        value = _finite(getattr(found, field))
        reason = "" if value is not None else f"infinite: {found.basis} do not bound it"
        yield Measurement(metric=metric, unit=unit, value=value, n=found.n, reason=reason)


def hold_estimate(limit: Limit, found: Estimated) -> Check:
    """Return the check of an upper limit: PASS if the upper bound is within it, FAIL if the lower one is over it.

    Anything between is INCONCLUSIVE, with about how much longer the run must be; so is a run too short for bounds.
    """
    if isinstance(found, Unknown):
        return not_measured(limit, found.reason)
    if isinstance(found, TooLittle):
        return _open(limit, found)
    status = _status(limit, found)
    observed = _finite(found.value)
    check = replace(
        blank_check(limit),
        status=status,
        observed=observed,
        observed_text="infinite" if observed is None else quantity(observed, limit.unit, beside=limit.limit),
        lower=_finite(found.lower),
        upper=_finite(found.upper),
        margin_pct=None if observed is None else margin_pct(limit, observed),
        n=found.n,
        minutes_needed=_minutes_needed(limit, found) if status is CheckStatus.INCONCLUSIVE else None,
    )
    return replace(check, sentence=_sentence(limit, found, check))


def _status(limit: Limit, found: Estimate) -> CheckStatus:
    if found.upper <= limit.limit:
        return CheckStatus.PASS
    is_over = found.lower > limit.limit and found.is_whole
    return CheckStatus.FAIL if is_over else CheckStatus.INCONCLUSIVE


def _open(limit: Limit, found: TooLittle) -> Check:
    title, needed = METRICS[limit.metric].title, found.minutes_needed
    more = "" if needed is None else f"; about {format_duration(needed * S_PER_MIN)} more needed"
    return replace(
        blank_check(limit),
        status=CheckStatus.INCONCLUSIVE,
        observed_text="too little to tell",
        n=found.n,
        minutes_needed=needed,
        sentence=capitalised(f"{title}: {found.reason}{more}."),
    )


def _minutes_needed(limit: Limit, found: Estimate) -> float | None:
    """Return the whole minutes after which the upper bound would be within the limit if the value stays.

    Found by multiplication alone, because powers with a fraction differ between machines.
    """
    room, width = limit.limit - found.value, found.upper - found.value
    if not room > 0 or math.isinf(width) or not found.measured_min:
        return None
    before = found.measured_min**found.width_falls_with * width * width
    short, enough = 0, 1
    while (found.measured_min + enough) ** found.width_falls_with * room * room < before:
        short, enough = enough, 2 * enough
        if enough > MINUTES_FORETOLD_MAX:
            return None
    while enough - short > 1:
        middle = (short + enough) // 2
        if (found.measured_min + middle) ** found.width_falls_with * room * room < before:
            short = middle
        else:
            enough = middle
    return float(enough)


def _sentence(limit: Limit, found: Estimate, check: Check) -> str:
    seen = f"{METRICS[limit.metric].title}: {check.observed_text}"
    limit_text = quantity(limit.limit, limit.unit, beside=check.observed)
    sure, basis = "with 99 % confidence at", f"(n = {found.basis})"
    if check.status is CheckStatus.PASS:
        most = quantity(found.upper, limit.unit, beside=limit.limit)
        return capitalised(f"{seen}, within the limit of {limit_text}; {sure} most {most} {basis}.")
    if check.status is CheckStatus.FAIL:
        least = "infinite" if check.lower is None else quantity(found.lower, limit.unit, beside=limit.limit)
        return capitalised(f"{seen}, over the limit of {limit_text}; {sure} least {least} {basis}.")
    why = _why_open(limit, found, check.minutes_needed)
    return capitalised(f"{seen}, against a limit of {limit_text} {basis}: {why}.")


def _why_open(limit: Limit, found: Estimate, minutes_needed: float | None) -> str:
    if found.lower > limit.limit:
        return "over it in a run that ended early"
    why = "nothing bounds it yet"
    if math.isfinite(found.resolvable):
        why = f"the smallest that such a run can tell from none is {quantity(found.resolvable, limit.unit)}"
    if minutes_needed is None:
        return f"{why}, and a longer run like this one would not pass"
    return f"{why}; about {format_duration(minutes_needed * S_PER_MIN)} more needed"


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
