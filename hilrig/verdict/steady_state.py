"""From when on the rig's temperature no longer changed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hilrig.core import channels
from hilrig.core.units import NS_PER_MS, NS_PER_S, S_PER_MIN
from hilrig.core.verdict import Measurement
from hilrig.verdict.measure import NO_DECISIONS, unmeasured
from hilrig.verdict.part import Part, part_after
from hilrig.verdict.statistics.percentile_bounds import nearest_rank
from hilrig.verdict.statistics.theil_sen import n_outside, variance_of_s
from hilrig.verdict.telemetry.blocks import BLOCK_NS, block_means, n_blocks
from hilrig.verdict.telemetry.channels import Series, Telemetry
from hilrig.verdict.window import Window

SPAN_BLOCKS: Final = 15
"""Five minutes of 20 s blocks: about the thermal time constant of a heat sink with a fan."""

SLOPE_MAX_C_PER_MIN: Final = 0.2
BOUND_MAX_C_PER_MIN: Final = 0.5

_THERMAL: Final = ((channels.CAUSE, channels.CAUSE_THERMAL),)
CONSTANT: Final = (
    (channels.THROTTLE_EVENTS, _THERMAL),
    (channels.THROTTLE_TIME, _THERMAL),
    (channels.GPU_CLOCK_LIMIT, ()),
    (channels.POWER_MODE, ()),
)
"""Channels that must not change in a steady span, by name and attributes: as far as the rig has them."""

STEADY_PERMILLE: Final = {"p50": 500, "p95": 950, "p99": 990}
_SPANS_AT_ONCE: Final = 512  # bounds the memory that a search through a month takes


@dataclass(frozen=True, slots=True, kw_only=True)
class SteadyState:
    """When the rig was thermally steady: `after_ns` from the start of the measured part, or why it never was."""

    after_ns: int | None
    reason: str = ""


def steady_state(telemetry: Telemetry, window: Window) -> SteadyState:
    """Return the first moment at which the five minutes before it were steady.

    Steady is a span in which the Theil-Sen slope of every temperature over its 20 s means is below 0.2 C/min with
    its 99 % interval within 0.5 C/min either way, no thermal throttling was counted, and the power mode
    and the bounds of the GPU's clock stayed. A span with a block without reading is not known to be steady.
    """
    n_spans = n_blocks(window, BLOCK_NS) - SPAN_BLOCKS + 1
    if n_spans < 1:
        return SteadyState(after_ns=None, reason="the measured part is shorter than 5 min")
    found = telemetry.named(channels.TEMPERATURE)
    read = [series for series in found if series.valued().within(window).t_ns.size]
    if not read:
        why = (
            "; ".join(series.why_empty() for series in found) or f"this rig has no channel {channels.TEMPERATURE}"
        )
        return SteadyState(after_ns=None, reason=why)
    is_candidate = _is_unchanged(telemetry, window, n_spans)
    first = _first_steady([block_means(series, window, BLOCK_NS) for series in read], is_candidate)
    if first is None:
        return SteadyState(after_ns=None, reason="the temperature never settled for 5 min")
    return SteadyState(after_ns=(first + SPAN_BLOCKS) * BLOCK_NS)


def steady_part(steady: SteadyState, window: Window) -> Part | None:
    """Return the frames of the steady part; None when it was not reached, or with the last frame."""
    if steady.after_ns is None:
        return None
    minutes = steady.after_ns // NS_PER_S / S_PER_MIN
    part = part_after(window, steady.after_ns, words=f"from minute {minutes:.3g} on, when the rig was warm")
    return part if part.n else None


def steady_measurements(steady: SteadyState, part: Part | None) -> Iterator[Measurement]:
    """Yield when the rig was steady, and the percentiles of the frames decided from then on."""
    metric, unit = "thermal_steady_after_min", "min"
    if steady.after_ns is None:
        yield unmeasured(metric, unit, steady.reason)
    else:
        yield Measurement(metric=metric, unit=unit, value=steady.after_ns / (NS_PER_S * S_PER_MIN), n=SPAN_BLOCKS)
    for name, permille in STEADY_PERMILLE.items():
        yield _percentile(f"latency_{name}_steady_ms", permille, steady, part)


def _percentile(metric: str, permille: int, steady: SteadyState, part: Part | None) -> Measurement:
    n = part.n_decided if part else 0
    if part is None or not n:
        return unmeasured(metric, "ms", steady.reason or NO_DECISIONS)
    value_ns = int(part.sorted_latency_ns[nearest_rank(n, permille) - 1])
    return Measurement(metric=metric, unit="ms", value=value_ns / NS_PER_MS, n=n)


def _is_unchanged(telemetry: Telemetry, window: Window, n_spans: int) -> NDArray[np.bool_]:
    begins_ns = window.start_ns + np.arange(n_spans, dtype=np.int64) * BLOCK_NS
    is_unchanged = np.ones(n_spans, np.bool_)
    for name, attributes in CONSTANT:
        for series in telemetry.named(name, *attributes):
            is_unchanged &= _n_changes(series, begins_ns + SPAN_BLOCKS * BLOCK_NS) == _n_changes(series, begins_ns)
    return is_unchanged


def _n_changes(series: Series, until_ns: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how often the value changed from one reading to the next up to each moment."""
    valued = series.valued()
    changed = np.concatenate(([0, 0], np.cumsum(np.diff(valued.value) != 0)))
    n_changes: NDArray[np.int64] = changed[np.searchsorted(valued.t_ns, until_ns, side="right")]
    return n_changes


def _first_steady(temperatures: Sequence[NDArray[np.float64]], is_candidate: NDArray[np.bool_]) -> int | None:
    """Return the first span, counted in blocks, in which all temperatures are steady."""
    candidates = np.flatnonzero(is_candidate)
    for start in range(0, candidates.size, _SPANS_AT_ONCE):
        spans = candidates[start : start + _SPANS_AT_ONCE]
        for means in temperatures:
            spans = spans[_is_steady(np.lib.stride_tricks.sliding_window_view(means, SPAN_BLOCKS)[spans])]
        if spans.size:
            return int(spans[0])
    return None


def _is_steady(spans: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which rows (spans x 15 block means in C) are steady."""
    later, earlier = np.tril_indices(SPAN_BLOCKS, -1)
    minutes = (later - earlier) * (BLOCK_NS // NS_PER_S) / S_PER_MIN
    slopes = np.sort((spans[:, later] - spans[:, earlier]) / minutes, axis=1)  # NaN comes last
    outside = n_outside(later.size, variance_of_s(SPAN_BLOCKS, [])) or 0
    is_flat = np.abs(slopes[:, later.size // 2]) < SLOPE_MAX_C_PER_MIN  # 105 slopes have one in the middle
    is_sure = (slopes[:, outside] >= -BOUND_MAX_C_PER_MIN) & (slopes[:, -1 - outside] <= BOUND_MAX_C_PER_MIN)
    is_steady: NDArray[np.bool_] = is_flat & is_sure & np.isfinite(spans).all(axis=1)
    return is_steady
