"""Self-checks of the telemetry: taken all along, whole where a limit rests on it, counters that only grew."""

from collections.abc import Iterator
from typing import Final

import numpy as np

from hilrig.core.metrics import METRICS
from hilrig.core.telemetry import GC_PAUSE, HOST_STALL, ChannelKind, Tier
from hilrig.core.units import NS_PER_MS, NS_PER_S
from hilrig.core.verdict import SelfCheck
from hilrig.verdict.channels import Series, Telemetry, over_measured_part
from hilrig.verdict.self_check import stated
from hilrig.verdict.window import Window
from hilrig.verdict.wording import counted, listed

OBSERVED: Final = (HOST_STALL, GC_PAUSE)
"""Channels that the run's own processes write when something happens: they are not sampled."""

COVERAGE_PCT_MIN: Final = 95
GAP_PERIODS_MAX: Final = 2.5


def check_telemetry(window: Window, telemetry: Telemetry) -> tuple[SelfCheck, ...]:
    """Return whether the sampler worked, then coverage and counters of the channels that the limits need."""
    needed = tuple(_needed(window, telemetry))
    return (_sampled(window, telemetry), _coverage(window, needed), _counters(window, needed))


def _sampled(window: Window, telemetry: Telemetry) -> SelfCheck:
    """Judge the sampler itself: of the busiest fast channel every reading counts, a value or a reason."""
    fast = [
        series.within(window).t_ns.size
        for series in telemetry.series
        if series.channel.tier is Tier.FAST and series.channel.name not in OBSERVED
    ]
    n_expected = _n_expected(window, Tier.FAST)
    n_taken = max(fast, default=0)
    observed = f"{counted(n_taken, 'round')} taken, {n_expected} expected"
    return stated(
        "telemetry.sampled",
        ok=100 * n_taken >= COVERAGE_PCT_MIN * n_expected,
        observed=observed,
        limit=f"at least {COVERAGE_PCT_MIN} % of the rounds",
        holds=f"Telemetry was taken all along: {observed}.",
        broken=f"Telemetry is thin: {observed}.",
        advice="Free some CPU time for the sampler, or give run.telemetry_period_ms a longer period.",
    )


def _needed(window: Window, telemetry: Telemetry) -> Iterator[Series]:
    metrics = [METRICS[limit.metric] for limit in window.plan.limits if limit.metric in METRICS]
    needs = {need for metric in metrics for need in metric.needs}
    for series in telemetry.series:
        if series.capability.reason is None and any(need.met_by(series.channel) for need in needs):
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
    period_ns, n_expected = _period_ns(window, series.channel.tier), _n_expected(window, series.channel.tier)
    valued = series.valued().within(window)
    covered_pct = 100 * valued.t_ns.size / n_expected
    edges_ns = np.concatenate(([window.start_ns], np.sort(valued.t_ns), [window.end_ns]))
    gap_periods = float(np.diff(edges_ns).max()) / period_ns
    key = series.channel.key
    if covered_pct < COVERAGE_PCT_MIN:
        return [f"{key} has {valued.t_ns.size} of {n_expected} readings"]
    if gap_periods > GAP_PERIODS_MAX:
        return [f"{key} was silent for {gap_periods:.1f} periods"]
    return []


def _period_ns(window: Window, tier: Tier) -> int:
    return window.plan.telemetry_period_ms * NS_PER_MS if tier is Tier.FAST else NS_PER_S


def _n_expected(window: Window, tier: Tier) -> int:
    return max(1, window.duration_ns // _period_ns(window, tier) - 1)  # the ends may fall between two readings


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
