"""How the limits of a run stand so far. Nothing of it decides: the verdict is made from the whole record."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from hilrig.app.live.status import LiveStatus
from hilrig.core.live import LiveLimit, Standing
from hilrig.core.metrics import METRICS
from hilrig.core.profile import Comparator, Limit
from hilrig.core.units import NS_PER_S, S_PER_MIN
from hilrig.verdict.percentile import PERMILLE_OF
from hilrig.verdict.statistics.percentile_bounds import nearest_rank
from hilrig.verdict.wording import quantity

AT_THE_END: Final = "judged at the end"
NOTHING_YET: Final = "nothing measured yet"


@dataclass(frozen=True, slots=True, kw_only=True)
class _SoFar:
    """What is known of one limit: values in its unit, `observed` in words where the value does not say it."""

    now: float | None = None
    whole: float | None = None
    standing: Standing = Standing.UNKNOWN
    budget_left_pct: float | None = None
    observed: str = ""


def limits_so_far(status: LiveStatus) -> tuple[LiveLimit, ...]:
    """Return every limit of the plan, in its order."""
    return tuple(_live(limit, status) for limit in status.plan.limits)


def broken_so_far(limits: tuple[LiveLimit, ...]) -> Iterator[str]:
    """Yield what is over its limit so far, in words."""
    for limit in limits:
        if limit.standing is Standing.BROKEN:
            yield limit.text


def _live(limit: Limit, status: LiveStatus) -> LiveLimit:
    title, ask = METRICS[limit.metric].title, _OF_METRIC.get(limit.metric)
    if limit.metric in PERMILLE_OF:
        ask = _percentile
    so_far = _SoFar(observed=AT_THE_END) if ask is None else ask(limit, status)
    observed = so_far.observed or NOTHING_YET
    if not so_far.observed and so_far.whole is not None:
        observed = quantity(so_far.whole, limit.unit, beside=limit.limit)
    bound = "at least " if limit.comparator is Comparator.GE else ""
    return LiveLimit(
        check_id=limit.check_id,
        title=title,
        comparator=limit.comparator.value,
        limit=limit.limit,
        unit=limit.unit,
        now=so_far.now,
        whole=so_far.whole,
        standing=so_far.standing,
        budget_left_pct=so_far.budget_left_pct,
        text=f"{title} {observed}, limit {bound}{quantity(limit.limit, limit.unit, beside=so_far.whole)}",
    )


def _percentile(limit: Limit, status: LiveStatus) -> _SoFar:
    name, permille = limit.metric.removeprefix("latency_"), PERMILLE_OF[limit.metric]
    n, n_over = status.n_measured, status.count("measured", "n_over_limit", limit.check_id)
    if not n or n_over is None:
        return _SoFar(now=status.number(f"recent_{name}"))
    whole = status.number("measured", name)
    return _SoFar(
        now=status.number(f"recent_{name}"),
        whole=whole,
        standing=_standing(is_broken=n_over > n - nearest_rank(n, permille)),
        budget_left_pct=_left_pct(n_over, _allowed(status.plan.n_measured_frames, permille)),
        observed="infinite" if whole is None else "",
    )


def _share_pct(limit: Limit, status: LiveStatus) -> _SoFar:
    n, count = status.n_measured, status.count("measured", _COUNT_OF[limit.metric])
    if not n or count is None:
        return _SoFar()
    n_allowed = int(status.plan.n_measured_frames * limit.limit / 100)
    return _SoFar(
        whole=100 * count / n,
        standing=_standing(is_broken=100 * count > n * limit.limit),
        budget_left_pct=_left_pct(count, n_allowed),
    )


def _decision_gap(limit: Limit, status: LiveStatus) -> _SoFar:
    return _highest(limit, status.number("measured", "longest_gap_ms"))


def _host_memory(limit: Limit, status: LiveStatus) -> _SoFar:
    return _highest(limit, status.number("measured_peak_ram_mib"))


def _throttled_ms(limit: Limit, status: LiveStatus) -> _SoFar:
    throttled_s = status.number("throttled_s")
    return _highest(limit, None if throttled_s is None else throttled_s * 1000)


def _throttled(limit: Limit, status: LiveStatus) -> _SoFar:
    """Return whether there was throttling at all: episodes are counted at the end."""
    throttled_s = status.number("throttled_s")
    if throttled_s is None:
        return _SoFar()
    if not throttled_s:
        return _SoFar(whole=0.0, standing=Standing.WITHIN, observed="none so far")
    standing = Standing.UNKNOWN if limit.limit else Standing.BROKEN
    return _SoFar(standing=standing, observed=f"for {quantity(throttled_s, 's')} so far")


def _duration(limit: Limit, status: LiveStatus) -> _SoFar:
    measured_min = status.measured_s / S_PER_MIN
    is_reached = measured_min + status.plan.period_ns / NS_PER_S / S_PER_MIN > limit.limit
    return _SoFar(whole=measured_min, standing=Standing.WITHIN if is_reached else Standing.UNKNOWN)


def _headroom(limit: Limit, status: LiveStatus) -> _SoFar:
    sensors = [one for one in status.listed("temperatures") if isinstance(one, Mapping)]
    with_limit = [LiveStatus(plan=status.plan, said=one) for one in sensors]
    whole = [_margin(one, "hottest_cel") for one in with_limit]
    now = [_margin(one, "now_cel") for one in with_limit]
    known = [margin for margin in whole if margin is not None]
    if not known:
        return _SoFar()
    return _SoFar(
        now=min((margin for margin in now if margin is not None), default=None),
        whole=min(known),
        standing=_standing(is_broken=min(known) < limit.limit),
    )


def _margin(sensor: LiveStatus, temperature: str) -> float | None:
    value_cel, limit_cel = sensor.number(temperature), sensor.number("limit_cel")
    return None if value_cel is None or limit_cel is None else limit_cel - value_cel


def _highest(limit: Limit, value: float | None) -> _SoFar:
    """Return how a value stands that can only grow."""
    if value is None:
        return _SoFar()
    return _SoFar(whole=value, standing=_standing(is_broken=value > limit.limit))


def _standing(*, is_broken: bool) -> Standing:
    return Standing.BROKEN if is_broken else Standing.WITHIN


def _allowed(n_final: int, permille: int) -> int:
    return n_final - nearest_rank(n_final, permille)


def _left_pct(n_used: int, n_allowed: int) -> float | None:
    """Return how much of a budget is left; None where not a single frame is allowed."""
    return max(0.0, 100 * (n_allowed - n_used) / n_allowed) if n_allowed else None


_COUNT_OF: Final = {"drop_pct": "n_dropped", "failed_pct": "n_failed"}

_OF_METRIC: Final[Mapping[str, Callable[[Limit, LiveStatus], _SoFar]]] = {
    "drop_pct": _share_pct,
    "failed_pct": _share_pct,
    "decision_gap_ms": _decision_gap,
    "duration_min": _duration,
    "host_memory_peak_mib": _host_memory,
    "temperature_headroom_c": _headroom,
    "thermal_throttle_events": _throttled,
    "thermal_throttle_ms": _throttled_ms,
}
