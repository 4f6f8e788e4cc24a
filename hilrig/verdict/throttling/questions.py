"""Did the hardware slow itself down? Three questions: for heat, for power or current, for too low a voltage.

Each device of the machine has to answer, and the sum counts. A hit of one is a hit, whatever the others can tell;
none is claimed only where all of them answered.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np

from hilrig.core import channels
from hilrig.core.metrics import METRICS
from hilrig.core.units import NS_PER_S, S_PER_MIN
from hilrig.core.verdict import Measurement
from hilrig.verdict.telemetry.channels import Series, Telemetry, over_measured_part
from hilrig.verdict.telemetry.devices import CPU
from hilrig.verdict.telemetry.metric_channels import channels_of, hw_id_of, missing, why_missing
from hilrig.verdict.telemetry.sampling import COUNTED
from hilrig.verdict.throttling.answer import NO_EDGES, WENT_BACK, Answer, count_episodes, time_ms
from hilrig.verdict.throttling.asked_devices import Watched, watched_for
from hilrig.verdict.throttling.held_clocks import why_likely
from hilrig.verdict.window import Window
from hilrig.verdict.wording import listed

EVENTS_OF: Final[Mapping[str, str]] = {
    channels.CAUSE_THERMAL: "thermal_throttle_events",
    channels.CAUSE_POWER: "power_throttle_events",
    channels.CAUSE_UNDERVOLTAGE: "undervoltage_events",
}
"""The metric that counts the episodes of each cause."""

TIME: Final = "thermal_throttle_ms"
PEAKS: Final = "overcurrent_peaks_per_min"

N_NAMED: Final = 4


def measure_throttling(telemetry: Telemetry, window: Window) -> Iterator[Measurement]:
    """Yield the episodes of each cause, the time in thermal ones, and the rate of current peaks."""
    for cause in EVENTS_OF:
        yield throttle_events(cause, telemetry, window)
    yield _thermal_time(telemetry, window)
    yield _current_peaks(telemetry, window)


def throttle_events(cause: str, telemetry: Telemetry, window: Window) -> Measurement:
    """Return how often the devices throttled for a cause: exact where all count, else no fewer than so often.

    A number above 0 stands although another device could not tell; 0 only when all of them did.
    """
    metric, watched = EVENTS_OF[cause], _watched(cause, telemetry, window)
    found = _channels(watched, telemetry)
    answers = [count_episodes(hw_id, own, telemetry, window) for hw_id, own in found.items()]
    total = math.fsum(answer.value for answer in answers if answer.value is not None)
    if not total and (not answers or any(answer.value is None for answer in answers)):
        likely = why_likely(telemetry, window) if cause == channels.CAUSE_THERMAL else ""
        return missing(metric, "; ".join(filter(None, [_why_unknown(metric, answers, telemetry), likely])))
    return _total(metric, total, answers, watched)


def _watched(cause: str, telemetry: Telemetry, window: Window) -> Watched:
    capabilities = [series.capability for series in telemetry.series]
    return watched_for(cause, capabilities, window.plan.device_class)


def _channels(watched: Watched, telemetry: Telemetry) -> dict[str, tuple[Series, ...]]:
    """Return the throttle channels of each device that has to answer, in the order of the record."""
    by_key = {series.channel.key: series for series in telemetry.series}
    return {
        hw_id: tuple(by_key[capability.channel.key] for capability in found)
        for hw_id, found in watched.devices.items()
    }


def _thermal_time(telemetry: Telemetry, window: Window) -> Measurement:
    """Return the time in thermal throttling, added up over the devices; unknown as soon as one cannot tell."""
    watched = _watched(channels.CAUSE_THERMAL, telemetry, window)
    answers = [time_ms(hw_id, own, window) for hw_id, own in _channels(watched, telemetry).items()]
    if not answers or any(answer.value is None for answer in answers):
        return missing(TIME, _why_unknown(TIME, answers, telemetry))
    return _total(TIME, math.fsum(answer.value or 0.0 for answer in answers), answers, watched)


def _total(metric: str, total: float, answers: Sequence[Answer], watched: Watched) -> Measurement:
    return Measurement(
        metric=metric,
        unit=METRICS[metric].unit,
        value=total,
        n=sum(answer.n for answer in answers),
        evidence=_evidence(total, answers, watched),
    )


def _evidence(total: float, answers: Sequence[Answer], watched: Watched) -> str:
    """Return how the number is known and of whom: where there is one, of those that throttled."""
    told = [answer for answer in answers if answer.value is not None and (answer.value or not total)]
    silent = [answer.hw_id for answer in answers if answer.value is None]
    words = [
        f"{how}: {_names([answer.hw_id for answer in told if answer.evidence == how])}"
        for how in dict.fromkeys(answer.evidence for answer in told)
    ]
    words += [f"not known of {_names(silent)}"] if silent else []
    words += [f"{name} not watched: ABSENT" for name in watched.absent]
    return "; ".join(words)


def _names(names: Sequence[str]) -> str:
    n_more = len(names) - N_NAMED
    return ", ".join(names[:N_NAMED]) + (f" and {n_more} more" if n_more > 0 else "")


def _why_unknown(metric: str, answers: Sequence[Answer], telemetry: Telemetry) -> str:
    silent = [f"{answer.hw_id}: {answer.reason}" for answer in answers if answer.value is None]
    return listed(silent, at_most=N_NAMED) or why_missing(metric, channels_of(telemetry, metric), NO_EDGES)


def _current_peaks(telemetry: Telemetry, window: Window) -> Measurement:
    """Return how often a minute the current was too high for a moment: sound boards have such peaks too."""
    found = channels_of(telemetry, PEAKS)
    parts = [over_measured_part(series, window) for series in found]
    read = [part for part in parts if part is not None]
    if not read or window.duration_ns <= 0:
        return missing(PEAKS, why_missing(PEAKS, found, NO_EDGES))
    if any((np.diff(part) < 0).any() for part in read):
        return missing(PEAKS, WENT_BACK)
    minutes = window.duration_ns / (NS_PER_S * S_PER_MIN)
    return Measurement(
        metric=PEAKS,
        unit=METRICS[PEAKS].unit,
        value=math.fsum(float(part[-1] - part[0]) for part in read) / minutes,
        n=len(read),
        evidence=f"{COUNTED}: {_names([hw_id_of(series) or CPU for series in found])}",
    )
