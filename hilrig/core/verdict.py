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
    """One number of a run.

    Args:
        metric: its name, with its unit; those that a limit can refer to are in `hilrig.core.metrics`.
        unit: of `value`; `1` for a ratio.
        value: None when it was not measured or is infinite; `reason` then says why.
        n: number of frames or samples behind it.
        reason: why there is no value; empty where there is one.
        evidence: how the number is known where that limits what it can claim: `exact`, `sampled at 10 Hz`,
            `counted over the whole run`, with whose it is.
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
        check_id: the limit's key in the profile, without `hil_validation`.
        metric: the measurement that it holds.
        status: outcome of this limit.
        comparator: `<=` or `>=`: how `observed` must stand to `limit`.
        limit: in `unit`.
        unit: of `observed`, `limit` and both bounds; `1` for a ratio.
        source: where the limit is stated: file:line:column.
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
    """The instrument judging itself.

    Args:
        check_id: its name, as `hilrig explain` knows it.
        ok: False makes the run INCONCLUSIVE, whatever the model did.
        observed_text, limit_text: what was seen of the instrument, what it may be at most.
        sentence: what happened, for a person.
        advice: what to do about it; empty when it is ok.
    """

    check_id: str
    ok: bool
    observed_text: str
    limit_text: str
    sentence: str
    advice: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelQuality:
    """How decisions on frames of known truth compare with that truth, for one label.

    Args:
        label: as in the profile.
        true_positive, false_positive: decided frames that were found to have it: rightly (true), wrongly (false).
        false_negative, true_negative: decided frames that were found not to have it, alike.
        precision, recall: 0 to 1; None when their denominator is 0.
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

    Args:
        cause: what made them slow.
        n_frames: how many.
        evidence: that of the worst of them, for a person.
    """

    cause: Cause
    n_frames: int
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePoint:
    """A moment from which on the latency was another one, with what happened near it.

    Args:
        t_s: seconds after the start of the measured part.
        metric: what changed: a percentile of the latency.
        before_ms, after_ms: its level on either side.
        nearby: what happened near it, in words.
    """

    t_s: float
    metric: str
    before_ms: float
    after_ms: float
    nearby: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSetup:
    """What a process of the run asked of the system and got.

    Args:
        role: which process: `feeder`, `worker`, ...
        real_time_priority: of SCHED_FIFO; None: not asked for.
        is_memory_locked: whether its memory stays in RAM; None: not asked for.
        cpus: those that it may run on; None: not asked for.
        timer_slack_ns: how late the kernel may end its waits; None: not asked for.
        spin_us: how long before a deadline it stops sleeping; None: not asked for.
        refused: what the system did not give it, each with why.
    """

    role: str
    real_time_priority: int | None
    is_memory_locked: bool | None
    cpus: tuple[int, ...] | None
    timer_slack_ns: int | None
    spin_us: float | None
    refused: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorstFrame:
    """One of the slowest measured frames, with its stages: None where a stage did not happen.

    Args:
        frame_id: its number in the run, counted from 0.
        t_s: when it was due, seconds after the start of the measured part.
        outcome: `decided`, `dropped` or `failed`.
        latency_ms: from due to decided; None without a decision.
        feeder_lateness_ms: from due to released by the camera: the instrument's part.
        queue_ms: from released to taken by the pipeline.
        preprocess_ms, infer_ms, decide_ms: the pipeline's stages.
        cause: what made it slow; None where there is nothing to explain.
        evidence: what the cause rests on, in words.
        truth: what was really in it; None where nobody knows.
        found: what was decided; None without a decision.
        readings: the telemetry that stood when it was due.
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
    """One bucket of the latency-over-time band.

    Args:
        t_s: where it begins, seconds after the start of the measured part.
        n: frames due in it.
        min_ms, p50_ms, p99_ms, max_ms: latency of its decided frames; None when no frame of it was decided.
        n_dropped, n_failed: how many of its frames got no decision.
    """

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
    """One telemetry channel over the measured part.

    Args:
        key: the channel's name with its attributes.
        unit: of the values, as in UCUM: `By` is a byte, `Cel` a degree Celsius.
        kind: `gauge`, `counter` or `state`.
        source: what was read: a file, a library.
        n: readings.
        minimum, mean, maximum: in `unit`; None when nothing was read.
        delta: last minus first, for counters; else None.
        reason: why there is no value; empty where there is one.
        evidence: what the maximum is: `exact`, or `sampled at 10 Hz`.
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
        minimum, mean, maximum: of the readings of each bucket; None without a reading.
    """

    key: str
    unit: str
    t_s: tuple[float, ...]
    minimum: tuple[float | None, ...]
    mean: tuple[float | None, ...]
    maximum: tuple[float | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ThrottleWindow:
    """A stretch of the measured part in which a device throttled.

    Between two readings is all that is known of a counter's growth: the window is that wide, the episode may be
    shorter.

    Args:
        begin_s, end_s: seconds after the start of the measured part.
        cause: `thermal`, `power`, ...: the telemetry's `hilrig.cause`.
        hw_id: the device, as its channels call it.
        evidence: `counted` or `seen in its state`.
    """

    begin_s: float
    end_s: float
    cause: str
    hw_id: str
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """Everything that is computed from a record: the same record always gives the same judgement.

    Args:
        status: the verdict.
        sentence: the verdict with what decided it, for a person.
        checks: every limit of the profile, held against what was measured.
        self_checks: the instrument judging itself.
        measurements: every number of the run.
        detection: decisions held against the truth, by label; empty where no truth is known.
        worst_frames: at most 20: the first without a decision (at most 10), then the slowest.
        latency_series: latency over time.
        channels: what telemetry read, by channel.
        causes: what made frames slow, as far as the evidence names it.
        change_points: moments from which on the latency was another one.
        processes: what the processes of the run got of the system.
        floor: what a pipeline that does nothing took right before; None in runs of older versions.
        telemetry_series: the telemetry over time.
        throttle_windows: when devices throttled.
        accelerator: what a probe before the run proved; None when the profile asks for no accelerator.
        budgets: how many frames may break each latency limit, how many did.
        distribution: of the latency; None when no frame was decided.
        stage_shares: how much of the latency each stage takes.
        episodes: what stands beside the frames on a chart.
        faults: what became of each fault of the drill.
        power_loss: what came of the power-loss test; None when there was none.
        companions: how the services beside the model did.
    """

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
