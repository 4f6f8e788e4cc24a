"""Self-checks of the telemetry: taken all along, whole where a limit rests on it, counters that only grew."""

from collections.abc import Iterator
from typing import Final

import numpy as np

from hilrig.core import channels
from hilrig.core.metrics import METRICS
from hilrig.core.telemetry import ChannelKind, Tier
from hilrig.core.verdict import SelfCheck
from hilrig.verdict.self_checks.self_check import stated
from hilrig.verdict.telemetry.channels import Series, Telemetry, over_measured_part
from hilrig.verdict.telemetry.coverage import COVERAGE_PCT_MIN, GAP_PERIODS_MAX, holes, n_expected
from hilrig.verdict.telemetry.sampling import OBSERVED
from hilrig.verdict.window import Window
from hilrig.verdict.wording import counted, listed

COUNTERS: Final = (channels.THROTTLE_EVENTS, channels.THROTTLE_TIME, channels.ERRORS)
"""Counters that must not go back though no limit needs them: a reset in between hides what happened."""


def check_telemetry(window: Window, telemetry: Telemetry) -> tuple[SelfCheck, ...]:
    """Return whether the sampler worked, then coverage and counters of the channels that the limits need."""
    needed = tuple(_needed(window, telemetry))
    return (_sampled(window, telemetry), _coverage(window, needed), _counters(window, telemetry, needed))


def _sampled(window: Window, telemetry: Telemetry) -> SelfCheck:
    """Judge the sampler itself: of the busiest fast channel every reading counts, a value or a reason."""
    fast = [
        series.within(window).t_ns.size
        for series in telemetry.series
        if series.channel.tier is Tier.FAST and series.channel.name not in OBSERVED
    ]
    n_due = n_expected(window, Tier.FAST)
    n_taken = max(fast, default=0)
    observed = f"{counted(n_taken, 'round')} taken, {n_due} expected"
    return stated(
        "telemetry.sampled",
        ok=100 * n_taken >= COVERAGE_PCT_MIN * n_due,
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
        if _answers(series) and any(need.met_by(series.channel) for need in needs):
            yield series


def _answers(series: Series) -> bool:
    """Return whether there is something to judge: a target may use the GPU only after the probe."""
    return series.capability.reason is None or bool(series.valued().t_ns.size)


def _coverage(window: Window, needed: tuple[Series, ...]) -> SelfCheck:
    sampled = [series for series in needed if _is_sampled(series)]
    thin = [fault for series in sampled for fault in holes(window, series)]
    whole = f"all of {counted(len(sampled), 'needed channel')} covered" if sampled else "no limit rests on samples"
    observed = listed(thin, at_most=3) if thin else whole
    return stated(
        "telemetry.coverage",
        ok=not thin,
        observed=observed,
        limit=f"at least {COVERAGE_PCT_MIN} % of the readings, no gap over {GAP_PERIODS_MAX} periods",
        holds=f"The telemetry that limits rest on is complete: {observed}.",
        broken=f"The telemetry that limits rest on has holes: {observed}.",
        advice="See the channels in the report for why readings failed; a longer telemetry period asks less.",
    )


def _is_sampled(series: Series) -> bool:
    """Return whether a hole loses something for good.

    A counter's two edges tell all that was in between, and the answer on throttling looks for holes itself.
    """
    channel = series.channel
    is_counter = channel.kind is ChannelKind.COUNTER
    return channel.tier is not Tier.EDGE and not is_counter and channel.name != channels.THROTTLE_STATE


def _counters(window: Window, telemetry: Telemetry, needed: tuple[Series, ...]) -> SelfCheck:
    counters = [
        series
        for series in telemetry.series
        if series.channel.kind is ChannelKind.COUNTER and (series in needed or series.channel.name in COUNTERS)
    ]
    fell = [series.channel.key for series in counters if _fell(window, series)]
    observed = f"{listed(fell, at_most=3)} went back" if fell else "none went back"
    return stated(
        "telemetry.counters",
        ok=not fell,
        observed=observed,
        limit="counters only grow",
        holds="No counter that a limit needs, and none of throttling or errors, went back.",
        broken=f"A counter was reset during the run, so what it counted is lost: {observed}.",
        advice="Look for a driver reload, a suspend or a device reset during the run, then run again.",
    )


def _fell(window: Window, series: Series) -> bool:
    values = over_measured_part(series, window)
    return values is not None and bool((np.diff(values) < 0).any())
