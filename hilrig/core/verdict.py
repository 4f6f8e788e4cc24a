"""Checks, self-checks, the verdict."""

from dataclasses import dataclass
from enum import Enum

from hilrig.core.accelerator import AcceleratorProof
from hilrig.core.analysis import Budget, Distribution, Episode, MomentReading, StageShare
from hilrig.core.companion import CompanionFinding
from hilrig.core.exits import ExitCode
from hilrig.core.fault import FaultSeen
from hilrig.core.floor import Floor
from hilrig.core.power_loss import PowerLossResult


class CheckStatus(str, Enum):
    """Outcome of one limit."""

    PASS = "PASS"  # noqa: S105 - a verdict, not a password
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"  # measured, but the evidence can't decide
    NOT_MEASURED = "NOT_MEASURED"


class RunStatus(str, Enum):
    """Outcome of a run: FAIL if any check fails; else INCONCLUSIVE if anything is not certain; else PASS."""

    PASS = "PASS"  # noqa: S105 - a verdict, not a password
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"

    @property
    def exit_code(self) -> ExitCode:
        """Return the exit code that `hilrig run` ends with."""
        return {
            RunStatus.PASS: ExitCode.OK,
            RunStatus.FAIL: ExitCode.FAIL,
            RunStatus.INCONCLUSIVE: ExitCode.INCONCLUSIVE,
        }[self]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One number of a run. `value` is None when it was not measured or is infinite; `reason` then says why.

    `evidence` says in words how the number is known where that limits what it can claim: `exact`, `sampled at
    10 Hz`, `counted over the whole run`, with whose it is.
    """

    metric: str
    unit: str
    value: float | None
    n: int
    reason: str = ""
    evidence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One limit held against its measurement.

    Args:
        observed: in `unit`; None when not measured, or infinite (a dropped frame never gets its decision).
        observed_text: the observation as every view prints it, for example `25.9 ms` or `infinite`.
        lower: one-sided 99 % lower confidence bound of a percentile, a growth or a drift, else None.
        upper: one-sided 99 % upper confidence bound; None when it is unbounded or does not apply.
        margin_pct: how far inside the limit, in per cent of the limit; negative when over it.
        n: number of frames or samples behind the observation.
        minutes_needed: about how much longer a run must be to decide; None when that can't help.
        sentence: what happened, for a person, with observed, limit and unit.
        evidence: how the observation is known, as in `Measurement`; empty where every frame was counted.
    """

    check_id: str
    metric: str
    status: CheckStatus
    comparator: str
    limit: float
    unit: str
    source: str
    observed: float | None
    observed_text: str
    lower: float | None
    upper: float | None
    margin_pct: float | None
    n: int
    minutes_needed: float | None
    sentence: str
    evidence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfCheck:
    """The instrument judging itself: `ok` False makes the run INCONCLUSIVE, whatever the model did."""

    check_id: str
    ok: bool
    observed_text: str
    limit_text: str
    sentence: str
    advice: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelQuality:
    """How decisions on frames of known truth compare with that truth, for one label.

    Counts are of decided frames. `precision` and `recall` are None when their denominator is 0.
    """

    label: str
    true_positive: int
    false_positive: int
    false_negative: int
    true_negative: int
    precision: float | None
    recall: float | None


class Cause(str, Enum):
    """What made a frame slow, where the evidence names it."""

    THROTTLE = "throttle"
    CLOCK_DROP = "clock_drop"
    HOST_STALL = "host_stall"  # nobody ran: stolen virtual CPU, firmware, suspend
    STOPPED = "stopped"  # the target's process was stopped by a signal or a debugger
    RUN_QUEUE = "run_queue"  # the target was ready and others had its CPU
    CO_RESIDENT = "co_resident"  # the same, while a known co-resident service was at work
    MAJOR_FAULT = "major_fault"
    GARBAGE_COLLECTION = "garbage_collection"
    IO_PRESSURE = "io_pressure"
    FEEDER_LATE = "feeder_late"  # the instrument's own fault
    UNEXPLAINED = "unexplained"


@dataclass(frozen=True, slots=True, kw_only=True)
class CauseCount:
    """How many frames over the limit (undecided ones included) a cause explains.

    `evidence` is that of the worst of them, for a person.
    """

    cause: Cause
    n_frames: int
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePoint:
    """A moment from which on the latency was another one, with what happened near it."""

    t_s: float
    metric: str
    before_ms: float
    after_ms: float
    nearby: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSetup:
    """What a process of the run asked of the system and got. None: not asked for; `refused` says why it failed."""

    role: str
    real_time_priority: int | None
    is_memory_locked: bool | None
    cpus: tuple[int, ...] | None
    timer_slack_ns: int | None
    spin_us: float | None
    refused: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorstFrame:
    """One of the slowest measured frames, with its stages in milliseconds (None where a stage did not happen).

    `cause` is None where there is nothing to explain; `evidence` says in words what it rests on. `truth` is what
    was really in it (None where nobody knows), `found` what was decided (None without a decision), `readings` the
    telemetry that stood when it was due.
    """

    frame_id: int
    t_s: float
    outcome: str
    latency_ms: float | None
    feeder_lateness_ms: float | None
    queue_ms: float | None
    preprocess_ms: float | None
    infer_ms: float | None
    decide_ms: float | None
    cause: Cause | None = None
    evidence: str = ""
    truth: tuple[str, ...] | None = None
    found: tuple[str, ...] | None = None
    readings: tuple[MomentReading, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesPoint:
    """One bucket of the latency-over-time band. Latencies are None when no frame of the bucket was decided."""

    t_s: float
    n: int
    min_ms: float | None
    p50_ms: float | None
    p99_ms: float | None
    max_ms: float | None
    n_dropped: int
    n_failed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelSummary:
    """One telemetry channel over the measured part. Values are in `unit`; None when nothing was read.

    `delta` is last minus first, for counters. `reason` says why there is no value. `evidence` says what the
    maximum is: `exact`, or `sampled at 10 Hz`.
    """

    key: str
    unit: str
    kind: str
    source: str
    n: int
    minimum: float | None
    mean: float | None
    maximum: float | None
    delta: float | None
    reason: str
    evidence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TelemetrySeries:
    """One channel over time, in buckets of equal length on the time axis of the frames.

    Args:
        key: the channel's.
        unit: of the values.
        t_s: where each bucket begins, seconds after the start of the measured part.
        minimum: lowest reading of each bucket; None without a reading. `mean` and `maximum` alike.
    """

    key: str
    unit: str
    t_s: tuple[float, ...]
    minimum: tuple[float | None, ...]
    mean: tuple[float | None, ...]
    maximum: tuple[float | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ThrottleWindow:
    """A stretch of the measured part in which a device throttled, in seconds after its start.

    Between two readings is all that is known of a counter's growth: the window is that wide, the episode may be
    shorter. `evidence` is `counted` or `seen in its state`.
    """

    begin_s: float
    end_s: float
    cause: str
    hw_id: str
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """Everything that is computed from a record: the same record always gives the same judgement."""

    status: RunStatus
    sentence: str
    checks: tuple[Check, ...]
    self_checks: tuple[SelfCheck, ...]
    measurements: tuple[Measurement, ...]
    detection: tuple[LabelQuality, ...]
    worst_frames: tuple[WorstFrame, ...]
    latency_series: tuple[SeriesPoint, ...]
    channels: tuple[ChannelSummary, ...]
    causes: tuple[CauseCount, ...] = ()
    change_points: tuple[ChangePoint, ...] = ()
    processes: tuple[ProcessSetup, ...] = ()
    floor: Floor | None = None
    telemetry_series: tuple[TelemetrySeries, ...] = ()
    throttle_windows: tuple[ThrottleWindow, ...] = ()
    accelerator: AcceleratorProof | None = None
    budgets: tuple[Budget, ...] = ()
    distribution: Distribution | None = None
    stage_shares: tuple[StageShare, ...] = ()
    episodes: tuple[Episode, ...] = ()
    faults: tuple[FaultSeen, ...] = ()
    power_loss: PowerLossResult | None = None
    companions: tuple[CompanionFinding, ...] = ()
