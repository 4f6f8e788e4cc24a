"""How well the telemetry was sampled.

It says what a reading of it can claim, and what taking it cost.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hilrig.core import channels
from hilrig.core.run import RunPlan
from hilrig.core.telemetry import GC_PAUSE, HOST_STALL, ChannelKind, Exactness, Tier
from hilrig.core.units import NS_PER_MS, NS_PER_S, NS_PER_US
from hilrig.core.verdict import Measurement
from hilrig.verdict.measure import PERMILLE, percentile_ns, unmeasured
from hilrig.verdict.telemetry.channels import EDGE_SLACK_NS, Series, Telemetry, last_at_end
from hilrig.verdict.window import Window

EXACT: Final = "exact"
COUNTED: Final = "counted over the whole run"
AT_EDGES: Final = "read at the start and at the end"
AS_IT_HAPPENED: Final = "written whenever it happened"

OBSERVED: Final = (HOST_STALL, GC_PAUSE)
"""Channels that the run's own processes write when something happens: they are not sampled."""

NO_ROUND: Final = "no round of telemetry was taken in the measured part"


def evidence_of(series: Series, plan: RunPlan) -> str:
    """Return in words what the readings of a channel can claim.

    A counter read at both ends misses nothing in between; of a gauge or a state only the moments at which it was
    read are known, unless the hardware keeps its true peak.
    """
    channel = series.channel
    if channel.exactness is Exactness.EXACT:
        return EXACT
    if channel.name in OBSERVED:
        return AS_IT_HAPPENED
    if channel.kind is ChannelKind.COUNTER and series.valued().t_ns.size > 1:
        return COUNTED
    return sampled_at(channel.tier, plan)


def sampled_at(tier: Tier, plan: RunPlan) -> str:
    """Return how often the channels of a tier are read, in words: `sampled at 10 Hz`."""
    if tier is Tier.EDGE:
        return AT_EDGES
    return f"sampled at {NS_PER_S / period_ns(tier, plan):.3g} Hz"


def period_ns(tier: Tier, plan: RunPlan) -> int:
    """Return the time from one round of a tier to the next; a SLOW round needs a FAST one to follow."""
    fast_ns = plan.telemetry_period_ms * NS_PER_MS
    return fast_ns if tier is Tier.FAST else max(1, NS_PER_S // fast_ns) * fast_ns


def measure_sampling(telemetry: Telemetry, window: Window) -> Iterator[Measurement]:
    """Yield how complete, how punctual and how dear the rounds of telemetry were."""
    rounds = _rounds(telemetry, window)
    yield _coverage(rounds, window)
    yield _gap(rounds, window)
    late_ns, why_none = _lateness_ns(telemetry, window)
    yield _percentile("telemetry_lateness_p50_us", late_ns, "p50", why_none)
    yield _percentile("telemetry_lateness_p99_us", late_ns, "p99", why_none)
    width_ns = np.zeros(0, np.int64) if rounds is None else rounds.width_ns.astype(np.int64)
    yield _percentile("telemetry_batch_p99_us", width_ns, "p99", NO_ROUND)
    yield _cpu(telemetry, window)


def _rounds(telemetry: Telemetry, window: Window) -> Series | None:
    """Return the busiest sampled fast channel, one reading (a value or a reason) for each round; None without."""
    fast = [
        series.within(window)
        for series in telemetry.series
        if series.channel.tier is Tier.FAST and series.channel.name not in OBSERVED
    ]
    busiest = max(fast, key=lambda series: series.t_ns.size, default=None)
    return busiest if busiest is not None and busiest.t_ns.size else None


def _coverage(rounds: Series | None, window: Window) -> Measurement:
    metric = "telemetry_coverage_pct"
    n_expected = window.duration_ns // period_ns(Tier.FAST, window.plan)
    if n_expected < 1:
        return unmeasured(metric, "%", "the measured part is shorter than a telemetry period")
    n_taken = 0 if rounds is None else int(rounds.t_ns.size)  # none taken is known: that is 0 per cent
    return Measurement(metric=metric, unit="%", value=min(100.0, 100 * n_taken / n_expected), n=n_taken)


def _gap(rounds: Series | None, window: Window) -> Measurement:
    """Return the longest time without a round; from the start to the first and from the last to the end count."""
    metric = "telemetry_gap_max_ms"
    if rounds is None:
        return unmeasured(metric, "ms", NO_ROUND)
    moments_ns = np.concatenate(([window.start_ns], np.sort(rounds.t_ns), [window.end_ns]))
    gap_ns = int(np.diff(moments_ns).max())
    return Measurement(metric=metric, unit="ms", value=gap_ns / NS_PER_MS, n=int(rounds.t_ns.size))


def _lateness_ns(telemetry: Telemetry, window: Window) -> tuple[NDArray[np.int64], str]:
    found = telemetry.named(channels.ROUND_LATENESS)
    if not found:
        return np.zeros(0, np.int64), _not_recorded(channels.ROUND_LATENESS)
    inside = found[0].within(window).valued()
    return inside.value.astype(np.int64), NO_ROUND


def _percentile(metric: str, values_ns: NDArray[np.int64], name: str, why_none: str) -> Measurement:
    """Return a percentile in microseconds, nearest rank."""
    if not values_ns.size:
        return unmeasured(metric, "us", why_none)
    value_ns = percentile_ns(values_ns, PERMILLE[name])
    return Measurement(metric=metric, unit="us", value=value_ns / NS_PER_US, n=int(values_ns.size))


def _cpu(telemetry: Telemetry, window: Window) -> Measurement:
    """Return the CPU time that the sampler's process took, in per cent of one core.

    That is over the time between the first reading of the measured part and the one at its end: the reading before
    the first may be a second older.
    """
    metric = "telemetry_cpu_pct"
    found = telemetry.named(channels.SAMPLER_CPU_TIME)
    if not found:
        return unmeasured(metric, "%", _not_recorded(channels.SAMPLER_CPU_TIME))
    edges = _edges(found[0].valued(), window)
    if edges is None:
        return unmeasured(metric, "%", "its CPU time was not read at both edges of the measured part")
    lasted_ns, spent_s = edges
    if spent_s < 0:
        return unmeasured(metric, "%", "its CPU time went back: the process was started anew")
    n = int(found[0].within(window).t_ns.size)
    return Measurement(metric=metric, unit="%", value=100 * spent_s * NS_PER_S / lasted_ns, n=n)


def _edges(series: Series, window: Window) -> tuple[int, float] | None:
    """Return time and growth from the first reading of the measured part to the last; None without either."""
    if last_at_end(series, window) is None:
        return None
    first = int(np.searchsorted(series.t_ns, window.start_ns))
    t_ns, value = series.t_ns[first:].tolist(), series.value[first:].tolist()
    is_whole = t_ns and window.start_ns <= t_ns[0] <= window.start_ns + EDGE_SLACK_NS and t_ns[-1] > t_ns[0]
    return (t_ns[-1] - t_ns[0], value[-1] - value[0]) if is_whole else None


def _not_recorded(name: str) -> str:
    return f"the record has no channel {name}"
