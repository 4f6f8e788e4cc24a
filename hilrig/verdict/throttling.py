"""Did the hardware slow itself down? Three questions: for heat, for power or current, for too low a voltage.

Each device of the machine has to answer, and the sum counts. A hit of one is a hit, whatever the others can tell;
none is claimed only where all of them answered.
"""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from hilrig.core import channels
from hilrig.core.metrics import METRICS
from hilrig.core.telemetry import Reason
from hilrig.core.units import NS_PER_S, S_PER_MIN
from hilrig.core.verdict import Measurement
from hilrig.verdict.channels import Series, Telemetry, over_measured_part
from hilrig.verdict.held_clocks import FIRST_GPU, is_gpu, why_likely
from hilrig.verdict.metric_channels import channels_of, hw_id_of, missing, why_missing
from hilrig.verdict.sampling import COUNTED
from hilrig.verdict.throttle_answer import CPU, NO_EDGES, WENT_BACK, Answer, count_episodes, is_absent, time_ms
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

STAND_INS: Final = frozenset({"gpu-throttle-alert", "soc"})
"""Who answers for a Jetson's GPU (`gpu0`) of which NVML knows no more than the name: the GPU's alert for heat, the
module's counters for power and voltage. They are devices that have to answer themselves."""

CPU_CLASS: Final = "-cpu"
"""How the name of a device class without an accelerator ends."""

THROTTLE_NAMES: Final = (channels.THROTTLE_EVENTS, channels.THROTTLE_TIME, channels.THROTTLE_STATE)
N_NAMED: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """The devices that have to answer for one cause, with their channels, and those that this machine lacks."""

    devices: Mapping[str, tuple[Series, ...]]
    absent: tuple[str, ...]


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
    metric, watched = EVENTS_OF[cause], watched_for(cause, telemetry, window)
    answers = [count_episodes(hw_id, found, telemetry, window) for hw_id, found in watched.devices.items()]
    total = math.fsum(answer.value for answer in answers if answer.value is not None)
    if not total and (not answers or any(answer.value is None for answer in answers)):
        likely = why_likely(telemetry, window) if cause == channels.CAUSE_THERMAL else ""
        return missing(metric, "; ".join(filter(None, [_why_unknown(metric, answers, telemetry), likely])))
    return _total(metric, total, answers, watched)


def watched_for(cause: str, telemetry: Telemetry, window: Window) -> Watched:
    """Return who has to answer for a cause.

    That is every device with a throttle channel of it but these: a CPU without such counters; a GPU that is not
    there, where the rig's class has none; a GPU of a Jetson that leaves the answer to the module's own. The
    accelerator of a class that has one must answer even where nothing speaks for it. Nobody left: not measured.
    """
    is_cpu_class = window.plan.device_class.endswith(CPU_CLASS)
    devices = _devices(cause, telemetry)
    if not is_cpu_class and list(devices) == [""]:
        devices[FIRST_GPU] = ()
    nowhere = [hw_id for hw_id in devices if is_cpu_class and is_gpu(hw_id) and _is_nowhere(hw_id, telemetry)]
    left_out = [
        hw_id for hw_id, found in devices.items() if is_absent(found) and _is_excused(hw_id, devices, nowhere)
    ]
    return Watched(
        devices={hw_id: found for hw_id, found in devices.items() if hw_id not in left_out},
        absent=tuple(hw_id or CPU for hw_id in left_out if not hw_id or hw_id in nowhere),
    )


def _devices(cause: str, telemetry: Telemetry) -> dict[str, tuple[Series, ...]]:
    """Return the throttle channels of a cause by device; that of no `hw.id` is the CPU."""
    devices: dict[str, tuple[Series, ...]] = {}
    for name in THROTTLE_NAMES:
        for series in telemetry.named(name, (channels.CAUSE, cause)):
            devices[hw_id_of(series)] = (*devices.get(hw_id_of(series), ()), series)
    return devices


def _is_excused(hw_id: str, devices: Collection[str], nowhere: Collection[str]) -> bool:
    """Return whether an absent device leaves no question open: the CPU, no GPU at all, one with a stand-in."""
    has_stand_in = hw_id == FIRST_GPU and not STAND_INS.isdisjoint(devices)
    return not hw_id or hw_id in nowhere or has_stand_in


def _is_nowhere(hw_id: str, telemetry: Telemetry) -> bool:
    """Return whether no channel of a GPU is more than ABSENT: a driver without a card."""
    own = (series.capability.reason for series in telemetry.series if hw_id_of(series) == hw_id)
    return all(reason is Reason.ABSENT for reason in own)


def _thermal_time(telemetry: Telemetry, window: Window) -> Measurement:
    """Return the time in thermal throttling, added up over the devices; unknown as soon as one cannot tell."""
    watched = watched_for(channels.CAUSE_THERMAL, telemetry, window)
    answers = [time_ms(hw_id, found, window) for hw_id, found in watched.devices.items()]
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
