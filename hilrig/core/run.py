"""A run: what was asked (plan), what happened (events), all that it left behind (record)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import Any

from hilrig.core.accelerator import AcceleratorProof
from hilrig.core.actuation import ActuationSpec
from hilrig.core.actuation_table import ActuationTable
from hilrig.core.companion import CompanionRecord, CompanionSpec
from hilrig.core.fault import FaultSpec
from hilrig.core.floor import Floor
from hilrig.core.frame import FrameTable, Truth
from hilrig.core.judged_from import JudgedFrom
from hilrig.core.power_loss import PowerLossResult, PowerLossSpec
from hilrig.core.profile import (
    ArrivalSpec,
    FeedSpec,
    Limit,
    ModelSpec,
    PipelineSpec,
    QueueSpec,
    TuningSpec,
)
from hilrig.core.telemetry import Capability, ReadingTable


class Phase(IntEnum):
    """Where a run stands; also the word that every process of the run watches in shared memory."""

    LOADING = 0
    WARMUP = 1
    MEASURE = 2
    DRILL = 3  # faults happen; nothing of it counts for the other limits
    DRAIN = 4
    DONE = 5


class Pacing(str, Enum):
    """When frames are released."""

    PACED = "paced"  # each frame when it is due, whatever the target does
    UNPACED = "unpaced"  # as fast as the queue takes them: for benchmarks of hilrig itself


class Ended(str, Enum):
    """How a run came to its end."""

    COMPLETED = "completed"
    DECIDED_EARLY = "decided_early"  # a FAIL that no further frame could have undone
    ABORTED = "aborted"  # by the operator
    LEASE_LOST = "lease_lost"  # the rig was not the run's own any more: somebody else may have used it
    PROCESS_LOST = "process_lost"  # one of the run's processes died
    DISK_FULL = "disk_full"
    RECOVERED = "recovered"  # the supervisor itself died; rebuilt from the journals


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPlan:
    """What a run was asked to do, resolved: everything that the processes of the run need to know.

    `period_numerator_ns / period_denominator` is the mean time from frame to frame, over all cameras, in
    nanoseconds and as an exact fraction. When each frame is due says `hilrig.core.arrivals.schedule`. The
    warm-up's frames come first, then the measured ones, then `n_drill_frames` during which `faults` happen.
    """

    format_version: int = 2
    run_id: str
    hilrig_version: str
    created_at_utc: str
    rig: str
    device_class: str
    profile_name: str
    profile_sha256: str
    model: ModelSpec
    model_files_sha256: Mapping[str, str]
    model_bundle_sha256: str
    pipeline: PipelineSpec
    pipeline_sha256: str
    feed: FeedSpec
    queue: QueueSpec
    pacing: Pacing
    period_numerator_ns: int
    period_denominator: int
    n_warmup_frames: int
    n_measured_frames: int
    profile_duration_s: float
    telemetry_period_ms: int
    limits: tuple[Limit, ...]
    arrivals: ArrivalSpec = field(default_factory=ArrivalSpec)
    tuning: TuningSpec = field(default_factory=TuningSpec)
    self_test_s: float = 0.0
    stop_when_failed: bool = False
    judged_from: JudgedFrom | None = None
    operator: str = ""
    note: str = ""
    n_drill_frames: int = 0
    faults: tuple[FaultSpec, ...] = ()
    companions: tuple[CompanionSpec, ...] = ()
    power_loss: PowerLossSpec | None = None
    actuation: ActuationSpec | None = None

    @property
    def n_frames(self) -> int:
        """Return the number of frames to offer, warm-up and drill included."""
        return self.n_warmup_frames + self.n_measured_frames + self.n_drill_frames

    @property
    def period_ns(self) -> float:
        """Return the mean time from frame to frame in nanoseconds (for statistics, never for deadlines)."""
        return self.period_numerator_ns / self.period_denominator


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEvent:
    """Something that happened at `t_ns` (CLOCK_MONOTONIC). `detail` is JSON.

    Kinds: run_created, pool_written, child_ready, schedule, phase, clock, stop_requested, child_lost, disk_full,
    fault, co_resident, worker_lost, worker_returned, run_ended, recovered.
    """

    seq: int
    t_ns: int
    at_utc: str
    kind: str
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """All that a run left behind: what the verdict is computed from.

    Args:
        truths: what is really in pool frame i; a frame's pool index is `frame_id % len(truths)`.
        readings: every reading; `channel` counts in `capabilities`.
        rig: the rig as found before the run (see `hilrig.core.rig.RigInfo`), as JSON.
        floor: what the instrument itself takes at this rate; None in runs of before the self-test.
        accelerator: what the probe before the run proved; None where no accelerator was asked for.
        companions: what became of the services beside the model.
        power_loss: what the power-loss test before the run found; None where none was made.
        actuations: what arrived at the PLC; None where hilrig did not stand in for one.
    """

    plan: RunPlan
    frames: FrameTable
    capabilities: tuple[Capability, ...]
    readings: ReadingTable
    events: tuple[RunEvent, ...]
    truths: tuple[Truth, ...]
    rig: Mapping[str, Any]
    floor: Floor | None = None
    accelerator: AcceleratorProof | None = None
    companions: tuple[CompanionRecord, ...] = ()
    power_loss: PowerLossResult | None = None
    actuations: ActuationTable | None = None
