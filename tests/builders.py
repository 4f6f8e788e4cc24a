"""Plans, frames, telemetry and records for tests: sound by default, so that a test states only what is wrong."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hilrig.core.arrivals import schedule
from hilrig.core.frame import FRAME_DTYPE, FrameTable, Outcome, OutcomeReason, Truth
from hilrig.core.profile import (
    BackendSpec,
    ColorOrder,
    Comparator,
    DecideSpec,
    FeedSpec,
    Layout,
    Limit,
    ModelSpec,
    OnFull,
    PipelineSpec,
    PreprocessSpec,
    QueueSpec,
)
from hilrig.core.run import Ended, Pacing, RunEvent, RunPlan, RunRecord
from hilrig.core.telemetry import (
    READING_DTYPE,
    TIER_CODES,
    Capability,
    Channel,
    ChannelKind,
    Exactness,
    ReadingTable,
    Reason,
    Tier,
)

T0_NS = 5_000_000_000_000
LABELS = ("porosity", "crack")
NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000
MIB = 1 << 20

P99 = Limit(
    check_id="latency.p99_max_ms",
    metric="latency_p99_ms",
    comparator=Comparator.LE,
    limit=45.0,
    unit="ms",
    source="profile.yaml:30:14",
)


def make_limit(check_id: str, metric: str, limit: float, unit: str, *, at_least: bool = False) -> Limit:
    """Return a limit as a profile would give it."""
    comparator = Comparator.GE if at_least else Comparator.LE
    return Limit(
        check_id=check_id, metric=metric, comparator=comparator, limit=limit, unit=unit, source="profile.yaml:9:5"
    )


def make_plan(
    *,
    n_measured: int = 1800,
    n_warmup: int = 30,
    fps: Fraction = Fraction(30),
    limits: Sequence[Limit] = (P99,),
    labels: Sequence[str] = LABELS,
    pacing: Pacing = Pacing.PACED,
) -> RunPlan:
    """Return the plan of a short run at 30 fps with one limit."""
    period_ns = NS_PER_S / fps
    preprocess = PreprocessSpec(
        width_px=64,
        height_px=64,
        color_order=ColorOrder.RGB,
        scale=1 / 255,
        mean=(0.0, 0.0, 0.0),
        std=(1.0, 1.0, 1.0),
        layout=Layout.NCHW,
        dtype="float32",
    )
    model = ModelSpec(
        files=("model.onnx",),
        bundle_sha256=None,
        input_name="image",
        input_shape=(1, 3, 64, 64),
        output_name="scores",
        labels=tuple(labels),
    )
    return RunPlan(
        run_id="0123456789abcdef",
        hilrig_version="0.1.0",
        created_at_utc="2026-01-01T00:00:00Z",
        rig="local",
        device_class="x86-cpu",
        profile_name="weld-station",
        profile_sha256="0" * 64,
        model=model,
        model_files_sha256={"model.onnx": "1" * 64},
        model_bundle_sha256="2" * 64,
        pipeline=PipelineSpec(
            target="in_process",
            preprocess=preprocess,
            backend=BackendSpec(name="null"),
            decide=DecideSpec(thresholds=dict.fromkeys(labels, 0.5)),
        ),
        pipeline_sha256="3" * 64,
        feed=FeedSpec(source="synthetic", pool_frames=4),
        queue=QueueSpec(depth=4, on_full=OnFull.DROP_OLDEST),
        pacing=pacing,
        period_numerator_ns=period_ns.numerator,
        period_denominator=period_ns.denominator,
        n_warmup_frames=n_warmup,
        n_measured_frames=n_measured,
        profile_duration_s=float(n_measured / fps),
        telemetry_period_ms=100,
        limits=tuple(limits),
    )


def make_frames(
    plan: RunPlan,
    *,
    latency_ms: float | NDArray[np.float64] = 10.0,
    lateness_us: float | NDArray[np.float64] = 2.0,
    dropped: Collection[int] = (),
    failed: Collection[int] = (),
    defects: int | NDArray[np.uint32] = 0,
) -> FrameTable:
    """Return one record per planned frame, on the plan's grid from T0_NS.

    `latency_ms` is one number, or one per frame id; `dropped` and `failed` are frame ids.
    """
    frames = np.zeros(plan.n_frames, FRAME_DTYPE)
    ids = np.arange(plan.n_frames)
    frames["frame_id"] = ids
    frames["outcome"] = Outcome.DECIDED
    frames["defects"] = defects
    intended_ns = T0_NS + ids * plan.period_numerator_ns // plan.period_denominator
    release_ns = intended_ns + np.round(np.broadcast_to(lateness_us, ids.shape) * 1000).astype(np.int64)
    decided_ns = intended_ns + np.round(np.broadcast_to(latency_ms, ids.shape) * NS_PER_MS).astype(np.int64)
    left_ns = decided_ns - release_ns
    frames["t_intended_ns"], frames["t_release_ns"], frames["t_decided_ns"] = intended_ns, release_ns, decided_ns
    frames["t_dequeue_ns"] = release_ns + left_ns // 10
    frames["t_preprocessed_ns"] = release_ns + left_ns // 4
    frames["t_inferred_ns"] = release_ns + left_ns * 9 // 10
    undecide(frames, dropped, outcome=Outcome.DROPPED, reason=OutcomeReason.QUEUE_FULL)
    undecide(frames, failed, outcome=Outcome.FAILED, reason=OutcomeReason.INFERENCE_ERROR)
    return frames


def undecide(frames: FrameTable, ids: Collection[int], *, outcome: Outcome, reason: OutcomeReason) -> None:
    """Take the decision from some frames of a table, in place."""
    rows = np.array(sorted(ids), np.int64)
    for name in ("t_dequeue_ns", "t_preprocessed_ns", "t_inferred_ns", "t_decided_ns", "defects"):
        frames[name][rows] = 0
    frames["outcome"][rows], frames["reason"][rows] = outcome, reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """A channel and what was read from it: (t_ns, value or the reason why there was none)."""

    capability: Capability
    points: tuple[tuple[int, float | Reason], ...]


def make_capability(
    name: str,
    *,
    unit: str = "By",
    kind: ChannelKind = ChannelKind.GAUGE,
    tier: Tier = Tier.FAST,
    attributes: tuple[tuple[str, str], ...] = (),
    reason: Reason | None = None,
) -> Capability:
    """Return a channel that answered its probe, or did not for `reason`."""
    exactness = Exactness.EXACT if tier is Tier.EDGE else Exactness.SAMPLED
    channel = Channel(
        name=name, unit=unit, kind=kind, tier=tier, source="test", attributes=attributes, exactness=exactness
    )
    return Capability(channel=channel, reason=reason)


def ticks_ns(plan: RunPlan, *, period_ms: int = 100) -> list[int]:
    """Return the moments of the measured part at which a sampler reads, its two edges included."""
    start_ns, end_ns = edges_ns(plan)
    return [*range(start_ns, end_ns, period_ms * NS_PER_MS), end_ns]


def edges_ns(plan: RunPlan) -> tuple[int, int]:
    """Return start and end of the measured part."""
    due = schedule(plan)
    return T0_NS + due.offset_ns(plan.n_warmup_frames), T0_NS + due.offset_ns(plan.n_frames)


def steady(plan: RunPlan, capability: Capability, value: float) -> Curve:
    """Return a channel that read one value all the time."""
    moments = edges_ns(plan) if capability.channel.tier is Tier.EDGE else ticks_ns(plan)
    return Curve(capability=capability, points=tuple(zip(moments, repeat(value))))


def rising(plan: RunPlan, capability: Capability, first: float, last: float) -> Curve:
    """Return a channel that read `first` at the start of the measured part and `last` from there on to its end."""
    start_ns, *later = ticks_ns(plan)
    return Curve(capability=capability, points=((start_ns, first), *zip(later, repeat(last))))


def memory_peak(plan: RunPlan, mib: float) -> Curve:
    """Return the exact peak of the target's memory; what loading took stands in the first reading."""
    start_ns, end_ns = edges_ns(plan)
    capability = make_capability("hilrig.process.memory.peak", tier=Tier.EDGE)
    return Curve(capability=capability, points=((start_ns, 4 * mib * MIB), (end_ns, mib * MIB)))


def cpu_time(plan: RunPlan, *, steal_s: float = 0.0) -> list[Curve]:
    """Return CPU time by mode: ten seconds of work, ninety of idling, and what other machines stole."""
    return [
        rising(
            plan,
            make_capability(
                "system.cpu.time", unit="s", kind=ChannelKind.COUNTER, attributes=(("cpu.mode", mode),)
            ),
            1000.0,
            1000.0 + spent_s,
        )
        for mode, spent_s in (("user", 10.0), ("idle", 90.0), ("steal", steal_s))
    ]


def make_readings(curves: Sequence[Curve]) -> ReadingTable:
    """Return the curves as rows in the order of time; channels are numbered in the order of the curves."""
    parts = [np.zeros(0, READING_DTYPE)]
    for index, curve in enumerate(curves):
        part = np.zeros(len(curve.points), READING_DTYPE)
        points = [point for _, point in curve.points]
        part["t_ns"] = [t_ns for t_ns, _ in curve.points]
        part["reason"] = [point if isinstance(point, Reason) else 0 for point in points]
        part["value"] = np.where(part["reason"], np.nan, np.array(points, np.float64))
        part["channel"], part["tier"] = index, TIER_CODES[curve.capability.channel.tier]
        parts.append(part)
    rows = np.concatenate(parts)
    return rows[np.argsort(rows["t_ns"], kind="stable")]


def make_event(kind: str, t_ns: int = T0_NS, **detail: Any) -> RunEvent:
    """Return an event."""
    return RunEvent(seq=0, t_ns=t_ns, at_utc="2026-01-01T00:00:00Z", kind=kind, detail=detail)


def clock_event(t_ns: int, *, realtime_step_ms: float = 0.0, suspended_ms: float = 0.0) -> RunEvent:
    """Return a reading of the three clocks, with the wall clock stepped or the machine suspended before it."""
    return make_event(
        "clock",
        t_ns,
        monotonic_ns=t_ns,
        realtime_ns=t_ns + 1_700_000_000 * NS_PER_S + round((realtime_step_ms + suspended_ms) * NS_PER_MS),
        boottime_ns=t_ns + round(suspended_ms * NS_PER_MS),
    )


def make_events(plan: RunPlan, *, ended: Ended = Ended.COMPLETED, reason: str = "") -> tuple[RunEvent, ...]:
    """Return the events of a run without incident."""
    end_ns = edges_ns(plan)[1]
    return (
        make_event("run_created", boot_id="boot-1"),
        make_event("schedule", t0_ns=T0_NS),
        clock_event(T0_NS),
        clock_event(end_ns),
        make_event("run_ended", end_ns, ended=ended.value, reason=reason, boot_id="boot-1", n_lost_records=0),
    )


def make_record(
    plan: RunPlan | None = None,
    *,
    frames: FrameTable | None = None,
    curves: Sequence[Curve] | None = None,
    events: Sequence[RunEvent] | None = None,
    truths: Sequence[Truth] = (),
    rig: Mapping[str, Any] | None = None,
) -> RunRecord:
    """Return the record of a sound run that passes, but for what is given."""
    plan = make_plan() if plan is None else plan
    curves = [memory_peak(plan, 100), *cpu_time(plan)] if curves is None else curves
    return RunRecord(
        plan=plan,
        frames=make_frames(plan) if frames is None else frames,
        capabilities=tuple(curve.capability for curve in curves),
        readings=make_readings(curves),
        events=make_events(plan) if events is None else tuple(events),
        truths=tuple(truths),
        rig={} if rig is None else rig,
    )
