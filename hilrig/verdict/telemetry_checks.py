"""Self-checks of the telemetry that limits rest on: it was read often enough, and its counters only grew."""

from collections.abc import Iterator
from typing import Final

import numpy as np

from hilrig.core.metrics import METRICS
from hilrig.core.telemetry import ChannelKind, Tier
from hilrig.core.units import NS_PER_MS, NS_PER_S
from hilrig.core.verdict import SelfCheck
from hilrig.verdict.channels import Series, Telemetry, over_measured_part
from hilrig.verdict.self_check import stated
from hilrig.verdict.window import Window
from hilrig.verdict.wording import listed

COVERAGE_PCT_MIN: Final = 95
GAP_PERIODS_MAX: Final = 2.5


def check_telemetry(window: Window, telemetry: Telemetry) -> tuple[SelfCheck, ...]:
    """Return coverage and counters of the channels that the plan's limits need."""
    needed = tuple(_needed(window, telemetry))
    return (_coverage(window, needed), _counters(window, needed))


def _needed(window: Window, telemetry: Telemetry) -> Iterator[Series]:
    names = {
        name for limit in window.plan.limits if limit.metric in METRICS for name in METRICS[limit.metric].needs
    }
    for series in telemetry.series:
        if series.channel.name in names and series.capability.reason is None:
            yield series


def _coverage(window: Window, needed: tuple[Series, ...]) -> SelfCheck:
    sampled = [series for series in needed if series.channel.tier is not Tier.EDGE]
    thin = [fault for series in sampled for fault in _holes(window, series)]
    observed = listed(thin, at_most=3) if thin else f"{len(sampled)} of {len(sampled)} needed channels covered"
    return stated(
        "telemetry.coverage",
        ok=not thin,
        observed=observed,
        limit=f"at least {COVERAGE_PCT_MIN} % of the readings, no gap over {GAP_PERIODS_MAX} periods",
        holds=f"The telemetry that limits rest on is complete: {observed}.",
        broken=f"The telemetry that limits rest on has holes: {observed}.",
        advice="See the channels in the report for why readings failed; a longer telemetry period asks less.",
    )


def _holes(window: Window, series: Series) -> list[str]:
    """Return what is missing from a channel: values count, calls that returned nothing do not."""
    period_ns = NS_PER_S
    if series.channel.tier is Tier.FAST:
        period_ns = window.plan.telemetry_period_ms * NS_PER_MS
    valued = series.valued().within(window)
    n_expected = max(1, window.duration_ns // period_ns - 1)  # the ends may fall between two readings
    covered_pct = 100 * valued.t_ns.size / n_expected
    edges_ns = np.concatenate(([window.start_ns], np.sort(valued.t_ns), [window.end_ns]))
    gap_periods = float(np.diff(edges_ns).max()) / period_ns
    key = series.channel.key
    if covered_pct < COVERAGE_PCT_MIN:
        return [f"{key} has {valued.t_ns.size} of {n_expected} readings"]
    if gap_periods > GAP_PERIODS_MAX:
        return [f"{key} was silent for {gap_periods:.1f} periods"]
    return []


def _counters(window: Window, needed: tuple[Series, ...]) -> SelfCheck:
    counters = [series for series in needed if series.channel.kind is ChannelKind.COUNTER]
    fell = [series.channel.key for series in counters if _fell(window, series)]
    observed = f"{listed(fell, at_most=3)} went back" if fell else "none went back"
    return stated(
        "telemetry.counters",
        ok=not fell,
        observed=observed,
        limit="counters only grow",
        holds="No counter that a limit needs went back.",
        broken=f"A counter was reset during the run, so what it counted is lost: {observed}.",
        advice="Look for a driver reload, a suspend or a device reset during the run, then run again.",
    )


def _fell(window: Window, series: Series) -> bool:
    values = over_measured_part(series, window)
    return values is not None and bool((np.diff(values) < 0).any())
