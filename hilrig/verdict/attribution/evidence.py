"""How much of a frame's lost time each known disturbance can explain, in nanoseconds.

Every finding is an upper bound of what the disturbance took within the frame's own part (see `spike_origin`): a
cause is named only when it can have taken most of the excess. When several explain about as much, the first of
`FINDINGS` is believed: what was seen of the frame itself comes before its process, and that before the machine.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hilrig.core import channels
from hilrig.core.run import RunEvent
from hilrig.core.telemetry import GC_PAUSE, HOST_STALL
from hilrig.core.units import NS_PER_MS, NS_PER_S, NS_PER_US
from hilrig.core.verdict import Cause
from hilrig.verdict.attribution.evidence_counters import grown, lowest_share
from hilrig.verdict.attribution.origin import Origins
from hilrig.verdict.evidence_spans import (
    Spans,
    spans_of_elapsed,
    spans_of_growth,
    spans_of_lengths,
    spans_of_service,
    spans_of_state,
)
from hilrig.verdict.processes import process_setups
from hilrig.verdict.telemetry.channels import Series, Telemetry
from hilrig.verdict.telemetry.metric_channels import cause_of

FAULT_NS_MIN: Final = NS_PER_MS // 10
"""A major fault reads from the disk: even a solid-state one takes about 0.1 ms."""

FAULT_NS_MAX: Final = 20 * NS_PER_MS
"""A slow disk's seek: one fault cannot explain more, however long others waited for the disk."""

CLOCK_SHARE_MAX: Final = 0.8
"""A clock above 80 % of its median wanders; below, it fell."""

SENTINEL: Final = "stall_sentinel"
"""Role of the process whose gaps say that nobody ran."""

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One kind of evidence: the cause it stands for, a sentence with `{explained}`, and what it can explain.

    Args:
        channels: names of the channels it is read from; the finding is blind when none of them answered.
        explains_ns: from the evidence and n origins to n upper bounds.
        is_shareable: while a co-resident service is active, this is that service's doing.
    """

    cause: Cause
    words: str
    channels: tuple[str, ...]
    explains_ns: Callable[["Evidence", Origins], Numbers]
    is_shareable: bool = False


class Evidence:
    """What a run's telemetry and events tell of disturbances."""

    def __init__(self, telemetry: Telemetry, events: tuple[RunEvent, ...]) -> None:
        self._telemetry = telemetry
        self.stalls = spans_of_lengths(self.read(HOST_STALL))
        self.is_sentinel_first = any(
            one.role == SENTINEL and one.real_time_priority is not None for one in process_setups(events)
        )
        self.collections = spans_of_lengths(self.read(GC_PAUSE))
        self.stopped = spans_of_state(self.read("hilrig.process.stopped"))
        self.throttled = (
            spans_of_growth(self._slowing(channels.THROTTLE_EVENTS)),
            spans_of_elapsed(self._slowing(channels.THROTTLE_TIME)),
            spans_of_state(self._slowing(channels.THROTTLE_STATE)),
        )
        services = spans_of_service(events)
        self.service_names = tuple(services)
        self._services = tuple(services.values())

    def explained_ns(self, origins: Origins) -> Numbers:
        """Return findings x n: how much time each finding can explain of what n frames lost."""
        return np.stack([one.explains_ns(self, origins) for one in FINDINGS])

    def read(self, name: str, *attributes: tuple[str, str]) -> tuple[Series, ...]:
        """Return the channels of a name."""
        return self._telemetry.named(name, *attributes)

    def grown_ns(self, origins: Origins, name: str, *attributes: tuple[str, str], unit_ns: int) -> Numbers:
        """Return by how much counters of time grew beyond the usual around the frames' own parts."""
        growth_ns: Numbers = grown(self.read(name, *attributes), origins.begin_ns, origins.end_ns) * unit_ns
        return growth_ns

    def blind(self) -> tuple[Cause, ...]:
        """Return the causes that this run could not have seen: no channel of theirs answered."""
        seen = {one.cause for one in FINDINGS if not one.channels or any(map(self._answered, one.channels))}
        return tuple(dict.fromkeys(one.cause for one in FINDINGS if one.cause not in seen))

    def active_service(self, origins: Origins) -> NDArray[np.int64]:
        """Return for each frame the number of a co-resident service that was active, -1 without one."""
        number = np.full(origins.begin_ns.size, -1)
        for index, spans in enumerate(self._services):
            number[spans.overlap_ns(origins.begin_ns, origins.end_ns) > 0] = index
        return number

    def _slowing(self, name: str) -> list[Series]:
        """Return throttle channels, but those of current peaks: they move on boards that run at full clock."""
        return [series for series in self.read(name) if cause_of(series) != channels.CAUSE_CURRENT_PEAK]

    def _answered(self, name: str) -> bool:
        return any(series.capability.reason is None for series in self.read(name))


def _stalled(evidence: Evidence, origins: Origins) -> Numbers:
    """Return what the sentinel saw; without real-time priority less what the target waited for a CPU.

    Such a sentinel waits for a CPU like everybody else: then its gap is the same queue, not a machine at rest.
    """
    stalled = _overlap(evidence.stalls, origins)
    if evidence.is_sentinel_first:
        return stalled
    alone: Numbers = np.maximum(0.0, stalled - _queued(evidence, origins))
    return alone


def _late(evidence: Evidence, origins: Origins) -> Numbers:  # noqa: ARG001 - a finding's form
    late: Numbers = np.maximum(0.0, origins.release_ns - origins.begin_ns)
    return late


def _stopped(evidence: Evidence, origins: Origins) -> Numbers:
    return _overlap(evidence.stopped, origins)


def _collecting(evidence: Evidence, origins: Origins) -> Numbers:
    return _overlap(evidence.collections, origins)


def _queued(evidence: Evidence, origins: Origins) -> Numbers:
    return evidence.grown_ns(origins, "hilrig.process.run_delay", unit_ns=1)


def _faulting(evidence: Evidence, origins: Origins) -> Numbers:
    n_faults = evidence.grown_ns(origins, "process.paging.faults", ("type", "major"), unit_ns=1)
    clipped: Numbers = np.clip(_disk_wait(evidence, origins), n_faults * FAULT_NS_MIN, n_faults * FAULT_NS_MAX)
    return clipped


def _throttled(evidence: Evidence, origins: Origins) -> Numbers:
    longest: Numbers = np.maximum.reduce([_overlap(spans, origins) for spans in evidence.throttled])
    return longest


def _slowed(evidence: Evidence, origins: Origins) -> Numbers:
    """Return the time that the work would have saved at the usual clock; each GPU clock stands for itself."""
    clocks = [evidence.read("system.cpu.frequency")]
    clocks += [(series,) for series in evidence.read("hilrig.hw.gpu.clock.frequency")]
    shares = [lowest_share(clock, origins.begin_ns, origins.end_ns) for clock in clocks]
    lowest = np.minimum.reduce(shares)
    saved: Numbers = np.where(lowest < CLOCK_SHARE_MAX, (1 - lowest) * (origins.end_ns - origins.begin_ns), 0.0)
    return saved


def _stolen(evidence: Evidence, origins: Origins) -> Numbers:
    return evidence.grown_ns(origins, "system.cpu.time", ("cpu.mode", "steal"), unit_ns=NS_PER_S)


def _waiting_for_disk(evidence: Evidence, origins: Origins) -> Numbers:
    """Return the machine's disk wait, but no more than the target was not computing instead."""
    computing = evidence.grown_ns(origins, "process.cpu.time", unit_ns=NS_PER_S)
    idle = np.maximum(0.0, origins.excess_ns - computing)
    wait: Numbers = np.minimum(_disk_wait(evidence, origins), idle)
    return wait


def _disk_wait(evidence: Evidence, origins: Origins) -> Numbers:
    attributes = (("resource", "io"), ("scope", "some"))
    return evidence.grown_ns(origins, "hilrig.system.pressure", *attributes, unit_ns=NS_PER_US)


def _overlap(spans: Spans, origins: Origins) -> Numbers:
    return spans.overlap_ns(origins.begin_ns, origins.end_ns).astype(np.float64)


FINDINGS: Final = (
    Finding(
        cause=Cause.HOST_STALL,
        words="the machine stood still for {explained}, as the stall sentinel felt too",
        channels=(HOST_STALL,),
        explains_ns=_stalled,
    ),
    Finding(
        cause=Cause.FEEDER_LATE,
        words="the camera released the frame {explained} late",
        channels=(),
        explains_ns=_late,
    ),
    Finding(
        cause=Cause.STOPPED,
        words="the target's process was seen stopped, by a signal or a debugger, for up to {explained}",
        channels=("hilrig.process.stopped",),
        explains_ns=_stopped,
    ),
    Finding(
        cause=Cause.GARBAGE_COLLECTION,
        words="a garbage collection kept the target for {explained}",
        channels=(GC_PAUSE,),
        explains_ns=_collecting,
    ),
    Finding(
        cause=Cause.RUN_QUEUE,
        words="the target was ready to run and waited {explained} for a CPU",
        channels=("hilrig.process.run_delay",),
        explains_ns=_queued,
        is_shareable=True,
    ),
    Finding(
        cause=Cause.MAJOR_FAULT,
        words="the target's memory had to be read from the disk (major page faults), up to {explained}",
        channels=("process.paging.faults",),
        explains_ns=_faulting,
    ),
    Finding(
        cause=Cause.THROTTLE,
        words="the hardware throttled during {explained} of it",
        channels=(channels.THROTTLE_EVENTS, channels.THROTTLE_TIME, channels.THROTTLE_STATE),
        explains_ns=_throttled,
    ),
    Finding(
        cause=Cause.HOST_STALL,
        words="other virtual machines took {explained} of CPU time from this one",
        channels=("system.cpu.time",),
        explains_ns=_stolen,
    ),
    Finding(
        cause=Cause.CLOCK_DROP,
        words="a clock below 80 % of its usual rate cost about {explained}",
        channels=("system.cpu.frequency", "hilrig.hw.gpu.clock.frequency"),
        explains_ns=_slowed,
    ),
    Finding(
        cause=Cause.IO_PRESSURE,
        words="the machine waited {explained} for its disks while the target did not compute",
        channels=("hilrig.system.pressure",),
        explains_ns=_waiting_for_disk,
        is_shareable=True,
    ),
)
"""Every kind of evidence, the most direct one first."""
