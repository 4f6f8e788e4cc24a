"""What the telemetry said at a moment: the last reading of each channel that is worth seeing beside a frame."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hilrig.core import channels
from hilrig.core.analysis import MomentReading
from hilrig.core.run import RunPlan
from hilrig.core.telemetry import ChannelKind, Tier
from hilrig.core.units import NS_PER_MS
from hilrig.verdict.telemetry.channels import Series, Telemetry
from hilrig.verdict.telemetry.metric_channels import cause_of
from hilrig.verdict.telemetry.sampling import period_ns
from hilrig.verdict.telemetry.series import SHOWN

N_READINGS_MAX: Final = 12
"""A line or two beside a frame."""

N_PER_NAME_MAX: Final = 3
"""The fourth hottest of 64 cores tells nothing that the first three do not."""

N_PERIODS_MAX: Final = 3
"""An older reading is none: the sampler missed its rounds, or the source was gone."""

NAMES: Final = (*SHOWN, channels.THROTTLE_STATE)
LOWEST_FIRST: Final = (channels.GPU_CLOCK, channels.CPU_FREQUENCY)
"""A slow clock makes a frame late; everything else does where it is high."""

_KINDS: Final = (ChannelKind.GAUGE, ChannelKind.STATE)


def readings_at(
    telemetry: Telemetry, plan: RunPlan, moments_ns: NDArray[np.int64]
) -> list[tuple[MomentReading, ...]]:
    """Return for each moment (CLOCK_MONOTONIC) at most 12 readings, in the order of `NAMES`.

    A reading is the last one at or before the moment. One without a value, or older than three periods of its
    tier, is left out. Of channels of one name the hottest (the slowest of clocks) come first, and no more than
    three; where there are too many, every name has its first before any has its second.
    """
    shown = [series for name in NAMES for series in telemetry.named(name) if _is_shown(series)]
    found: list[list[tuple[Series, MomentReading]]] = [[] for _ in moments_ns]
    for series in shown:
        for index, reading in _last(series, plan, moments_ns):
            found[index].append((series, reading))
    return [_chosen(readings) for readings in found]


def _is_shown(series: Series) -> bool:
    channel = series.channel
    is_read = channel.tier is not Tier.EDGE and series.t_ns.size > 0
    return is_read and channel.kind in _KINDS and cause_of(series) != channels.CAUSE_CURRENT_PEAK


def _last(series: Series, plan: RunPlan, moments_ns: NDArray[np.int64]) -> Iterator[tuple[int, MomentReading]]:
    """Yield the number of each moment that has a reading, and that reading."""
    row = np.maximum(0, np.searchsorted(series.t_ns, moments_ns, side="right") - 1)
    age_ns, value = moments_ns - series.t_ns[row], series.value[row]
    is_fresh = (age_ns >= 0) & (age_ns <= N_PERIODS_MAX * period_ns(series.channel.tier, plan))
    has_value = (series.reason[row] == 0) & np.isfinite(value)
    for index in np.flatnonzero(is_fresh & has_value).tolist():
        yield (
            index,
            MomentReading(
                key=series.channel.key,
                unit=series.channel.unit,
                value=float(value[index]),
                age_ms=int(age_ns[index]) / NS_PER_MS,
            ),
        )


def _chosen(found: Sequence[tuple[Series, MomentReading]]) -> tuple[MomentReading, ...]:
    ranked: list[tuple[int, int, MomentReading]] = []
    for place, (name, of_name) in enumerate(groupby(found, key=lambda pair: pair[0].channel.name)):
        readings = sorted((one for _, one in of_name), key=attrgetter("value"), reverse=name not in LOWEST_FIRST)
        ranked += [(rank, place, one) for rank, one in enumerate(readings[:N_PER_NAME_MAX])]
    kept = sorted(ranked, key=lambda one: one[:2])[:N_READINGS_MAX]
    return tuple(one for _, _, one in sorted(kept, key=lambda one: (one[1], one[0])))
