"""Documents to render: one that passes, one that fails, one undecided with hostile strings, one empty."""

import math
from dataclasses import replace

from report_checks import (
    FAILED_P99,
    HOLDS,
    HOSTILE,
    HOSTILE_CHECK,
    HOSTILE_SELF_CHECK,
    INFINITE_P999,
    PASSED_DROPS,
    PASSED_DURATION,
    PASSED_MEMORY,
    PASSED_P99,
    STEPPED,
    UNDECIDED_P99,
    UNMEASURED_GPU,
)

from hilrig.core.document import Document, SignatureInfo
from hilrig.core.result import RESULT_SCHEMA, Result
from hilrig.core.verdict import (
    ChannelSummary,
    Judgement,
    LabelQuality,
    Measurement,
    RunStatus,
    SeriesPoint,
    WorstFrame,
)


def stage_measurements() -> list[Measurement]:
    """Return percentiles of every stage, as the verdict names them."""
    stages = {"latency": 22.0, "queue": 0.3, "preprocess": 1.2, "infer": 19.0, "decide": 0.05, "service": 20.4}
    factors = {"p50": 1.0, "p95": 1.1, "p99": 1.18, "max": 2.36}
    rows = [
        Measurement(metric=f"{stage}_{statistic}_ms", unit="ms", value=base * factor, n=18_000)
        for stage, base in stages.items()
        for statistic, factor in factors.items()
    ]
    lateness = [
        Measurement(metric=f"feeder_lateness_{statistic}_us", unit="us", value=base, n=18_000)
        for statistic, base in {"p50": 42.0, "p99": 181.0, "max": 903.0}.items()
    ]
    return [*rows, *lateness]


def other_measurements() -> list[Measurement]:
    """Return numbers that are no percentile of a stage, two of them not measured."""
    return [
        Measurement(metric="latency_p99_9_ms", unit="ms", value=37.9, n=18_000),
        Measurement(metric="latency_p99_incl_drops_ms", unit="ms", value=None, n=18_000, reason="infinite"),
        Measurement(metric="frames_offered", unit="frames", value=18_000.0, n=18_000),
        Measurement(metric="duration_min", unit="min", value=10.0, n=18_000),
        Measurement(metric="stall_max_ms", unit="ms", value=3.4, n=7),
        Measurement(metric="gpu_memory_peak_mib", unit="MiB", value=None, n=0, reason="ABSENT: no NVML"),
        Measurement(metric="broken_ms", unit="ms", value=math.nan, n=0, reason="not a number"),
    ]


def make_series(*, slow_ms: float = 52.0, n_lost: int = 0) -> tuple[SeriesPoint, ...]:
    """Return ten minutes in 600 buckets with a slow minute; with lost frames, some buckets hold no latency."""
    return tuple(_bucket(index, slow_ms=slow_ms, n_lost=n_lost) for index in range(600))


def _bucket(index: int, *, slow_ms: float, n_lost: int) -> SeriesPoint:
    wave_ms = 22 + 1.5 * math.sin(index / 9) + 0.8 * math.sin(index * 2.1)
    is_slow = 320 <= index < 380
    if n_lost and 400 <= index < 405:
        return SeriesPoint(
            t_s=float(index), n=0, min_ms=None, p50_ms=None, p99_ms=None, max_ms=None, n_dropped=30, n_failed=0
        )
    tail_ms = (slow_ms - 8 if is_slow else wave_ms + 4) + (index * 37 % 11) / 4
    return SeriesPoint(
        t_s=float(index),
        n=30,
        min_ms=wave_ms - 3,
        p50_ms=wave_ms + (6 if is_slow else 0),
        p99_ms=tail_ms,
        max_ms=slow_ms if index == 350 else tail_ms + 1,
        n_dropped=n_lost if is_slow and index % 7 == 0 else 0,
        n_failed=1 if n_lost and index == 123 else 0,
    )


def make_worst(*, n_undecided: int = 0) -> tuple[WorstFrame, ...]:
    """Return twenty slow frames, the first ones without a decision."""
    lost = WorstFrame(
        frame_id=12_000,
        t_s=400.0,
        outcome="dropped",
        latency_ms=None,
        feeder_lateness_ms=0.05,
        queue_ms=None,
        preprocess_ms=None,
        infer_ms=None,
        decide_ms=None,
    )
    slow = WorstFrame(
        frame_id=10_500,
        t_s=350.0,
        outcome="decided",
        latency_ms=52.0,
        feeder_lateness_ms=0.04,
        queue_ms=28.1,
        preprocess_ms=1.3,
        infer_ms=22.4,
        decide_ms=0.05,
    )
    return tuple(
        replace(lost if index < n_undecided else slow, frame_id=10_000 + index, t_s=333 + index * 1.5)
        for index in range(20)
    )


CHANNELS = (
    ChannelSummary(
        key="hw.temperature{hw.id=coretemp/Package}",
        unit="Cel",
        kind="gauge",
        source="/sys/class/hwmon",
        n=600,
        minimum=41.0,
        mean=58.25,
        maximum=71.0,
        delta=None,
        reason="",
    ),
    ChannelSummary(
        key="hilrig.process.memory.peak",
        unit="By",
        kind="gauge",
        source="/proc/PID/status",
        n=2,
        minimum=510_918_656.0,
        mean=510_918_656.0,
        maximum=510_918_656.0,
        delta=None,
        reason="",
    ),
    ChannelSummary(
        key="hw.gpu.utilization",
        unit="1",
        kind="gauge",
        source="NVML",
        n=0,
        minimum=None,
        mean=None,
        maximum=None,
        delta=None,
        reason="ABSENT: libnvidia-ml.so.1 is not on this machine",
    ),
)

DETECTION = (
    LabelQuality(
        label="porosity",
        true_positive=412,
        false_positive=9,
        false_negative=3,
        true_negative=17_576,
        precision=0.97862,
        recall=0.99277,
    ),
    LabelQuality(
        label="crack",
        true_positive=0,
        false_positive=0,
        false_negative=0,
        true_negative=18_000,
        precision=None,
        recall=None,
    ),
)


def make_document(judgement: Judgement) -> Document:
    """Return a signed document around a judgement."""
    result = Result(
        schema=RESULT_SCHEMA,
        run_id="2026-11-20T21-00-04Z-weld-station-7f3a",
        hilrig_version="0.1.0",
        started_at_utc="2026-11-20T21:00:04Z",
        ended_at_utc="2026-11-20T21:10:21Z",
        ended="completed",
        ended_reason="",
        exit_code=int(judgement.status.exit_code),
        profile_name="weld-station",
        profile_sha256="5e" * 32,
        rig="local",
        device_class="x86-cpu",
        rig_info={
            "name": "local",
            "device_classes": ["x86-cpu"],
            "boot_id": "0c0ffee0-0000-4000-8000-000000000000",
            "serial_sha256": None,
            "facts": {
                "os": "Debian GNU/Linux 12",
                "cpu": {"model": "Example CPU @ 2.4 GHz", "n_cores": 8, "turbo": False},
                "memory_mib": 15_906.5,
                "gpus": [],
                "disks": [{"name": "nvme0n1", "size_gib": 512}],
            },
            "stack_sha256": "77" * 32,
        },
        model_bundle_sha256="a1b2c3d4" * 8,
        model_files_sha256={"model.onnx": "c4" * 32},
        pipeline_sha256="9f" * 32,
        feed="synthetic, seed 7, 120 frames",
        n_warmup_frames_cut=150,
        judgement=judgement,
        files={"profile.yaml": "01" * 32, "plan.json": "02" * 32, "frames.arrows": "03" * 32},
    )
    signature = SignatureInfo(
        key_fingerprint="SHA256:Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9vYmFyYmE",
        envelope_file="attestation.dsse.json",
        envelope_sha256="44" * 32,
    )
    return Document(result=result, signature=signature)


def make_passing() -> Document:
    """Return a run that passes every limit."""
    return make_document(
        Judgement(
            status=RunStatus.PASS,
            sentence="All 4 limits hold; closest: 10 minutes were measured, 10 are asked for.",
            checks=(PASSED_P99, PASSED_DROPS, PASSED_DURATION, PASSED_MEMORY),
            self_checks=(HOLDS, replace(STEPPED, ok=True, observed_text="none", sentence="No clock was stepped.")),
            measurements=(*stage_measurements(), *other_measurements()),
            detection=DETECTION,
            worst_frames=make_worst(),
            latency_series=make_series(slow_ms=36.0),
            channels=CHANNELS,
        )
    )


def make_failing() -> Document:
    """Return a run that fails two limits, one of them infinite."""
    return make_document(
        Judgement(
            status=RunStatus.FAIL,
            sentence="p99 61.2 ms is over the 45 ms limit by 16.2 ms; p99.9 is infinite: 1.5 % were lost.",
            checks=(PASSED_DROPS, PASSED_DURATION, FAILED_P99, PASSED_MEMORY, INFINITE_P999),
            self_checks=(HOLDS, STEPPED),
            measurements=(*stage_measurements(), *other_measurements()),
            detection=DETECTION,
            worst_frames=make_worst(n_undecided=4),
            latency_series=make_series(slow_ms=93.0, n_lost=4),
            channels=CHANNELS,
        )
    )


def make_inconclusive() -> Document:
    """Return an aborted run, undecided, with hostile strings wherever a stranger can put one."""
    judged = make_document(
        Judgement(
            status=RunStatus.INCONCLUSIVE,
            sentence=f"240 frames can't decide p99. {HOSTILE}",
            checks=(UNDECIDED_P99, UNMEASURED_GPU, HOSTILE_CHECK),
            self_checks=(HOSTILE_SELF_CHECK, STEPPED),
            measurements=(
                *other_measurements(),
                Measurement(metric=f"queue_p50_ms {HOSTILE}", unit=HOSTILE, value=1.0, n=1),
                Measurement(metric="queue_p50_ms", unit="ms", value=None, n=0, reason=HOSTILE),
            ),
            detection=(replace(DETECTION[1], label=HOSTILE),),
            worst_frames=tuple(replace(frame, outcome=HOSTILE) for frame in make_worst(n_undecided=20)),
            latency_series=make_series(slow_ms=900.0, n_lost=4),
            channels=(
                replace(CHANNELS[2], key=HOSTILE, unit=HOSTILE, kind=HOSTILE, source=HOSTILE, reason=HOSTILE),
            ),
        )
    )
    result = replace(
        judged.result,
        run_id=HOSTILE,
        rig=HOSTILE,
        profile_name=HOSTILE,
        feed=HOSTILE,
        ended="aborted",
        ended_reason=HOSTILE,
        exit_code=12,
        rig_info={HOSTILE: HOSTILE, "facts": {"serial": None, "nested": [{HOSTILE: [HOSTILE, None]}]}},
        files={HOSTILE: HOSTILE},
        model_files_sha256={HOSTILE: HOSTILE},
        model_bundle_sha256="",
    )
    return Document(result=result, signature=replace(judged.signature, key_fingerprint=HOSTILE))


def make_empty() -> Document:
    """Return a run that ended before anything was measured: every list is empty, every text is blank."""
    blank = make_document(
        Judgement(
            status=RunStatus.INCONCLUSIVE,
            sentence="Nothing was measured: the target never became ready.",
            checks=(),
            self_checks=(),
            measurements=(),
            detection=(),
            worst_frames=(),
            latency_series=(),
            channels=(),
        )
    )
    result = replace(
        blank.result, rig_info={}, files={}, model_files_sha256={}, started_at_utc="", ended_at_utc=""
    )
    return Document(
        result=result, signature=SignatureInfo(key_fingerprint="", envelope_file="", envelope_sha256="")
    )
