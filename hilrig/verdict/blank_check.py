"""A limit's check before anything was held against it: NOT_MEASURED until proven otherwise."""

from dataclasses import replace

from hilrig.core.metrics import METRICS
from hilrig.core.profile import Comparator, Limit
from hilrig.core.verdict import Check, CheckStatus
from hilrig.verdict.wording import capitalised


def blank_check(limit: Limit) -> Check:
    """Return a check with everything that comes from the limit alone."""
    return Check(
        check_id=limit.check_id,
        metric=limit.metric,
        status=CheckStatus.NOT_MEASURED,
        comparator=limit.comparator.value,
        limit=limit.limit,
        unit=limit.unit,
        source=limit.source,
        observed=None,
        observed_text="not measured",
        lower=None,
        upper=None,
        margin_pct=None,
        n=0,
        minutes_needed=None,
        sentence="",
    )


def not_measured(limit: Limit, reason: str) -> Check:
    """Return the check of a metric that has no value, with the reason."""
    title = METRICS[limit.metric].title if limit.metric in METRICS else limit.metric
    return replace(blank_check(limit), sentence=capitalised(f"{title} was not measured: {reason}."))


def margin_pct(limit: Limit, observed: float) -> float | None:
    """Return how far inside the limit an observation is, in per cent of the limit; None for a limit of 0."""
    if limit.limit == 0:
        return None
    inside = limit.limit - observed if limit.comparator is Comparator.LE else observed - limit.limit
    return 100 * inside / limit.limit
