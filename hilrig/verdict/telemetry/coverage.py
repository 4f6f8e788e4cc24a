"""Whether a channel was read all along: what was not read is not known."""

from typing import Final

import numpy as np

from hilrig.core.telemetry import Tier
from hilrig.verdict.telemetry.channels import Series
from hilrig.verdict.telemetry.sampling import period_ns
from hilrig.verdict.window import Window

COVERAGE_PCT_MIN: Final = 95
GAP_PERIODS_MAX: Final = 2.5


def holes(window: Window, series: Series) -> list[str]:
    """Return what is missing from a channel: values count, calls that returned nothing do not."""
    expected = n_expected(window, series.channel.tier)
    valued = series.valued().within(window)
    edges_ns = np.concatenate(([window.start_ns], np.sort(valued.t_ns), [window.end_ns]))
    gap_periods = float(np.diff(edges_ns).max()) / period_ns(series.channel.tier, window.plan)
    key = series.channel.key
    if 100 * valued.t_ns.size < COVERAGE_PCT_MIN * expected:
        return [f"{key} has {valued.t_ns.size} of {expected} readings"]
    if gap_periods > GAP_PERIODS_MAX:
        return [f"{key} was silent for {gap_periods:.1f} periods"]
    return []


def n_expected(window: Window, tier: Tier) -> int:
    """Return how many readings a tier owes the measured part; its ends may fall between two readings."""
    return max(1, window.duration_ns // period_ns(tier, window.plan) - 1)
