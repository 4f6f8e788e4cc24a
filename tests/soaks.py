"""Records of whole shifts, made in seconds: a soak that heat spoils, a calm one, one that ended too soon.

All are of the weld station on an industrial PC with a GPU. They are what a run of that length leaves behind,
to the stamp, so that everything after a run can be tested on them; only the measuring is left out.
"""

import hashlib
from contextlib import closing
from dataclasses import asdict
from fractions import Fraction
from functools import cache
from pathlib import Path

from accelerator_proofs import CPU, CUDA, make_proof
from builders import NS_PER_S, T0_NS
from hilrig import __version__
from hilrig.config.noun_json import to_json
from hilrig.config.plan_file import dump_plan
from hilrig.config.profile import parse_profile
from hilrig.core import files
from hilrig.core.canonical import sha256_hex
from hilrig.core.clock import ManualClock
from hilrig.core.frame import PoolFrame, Truth
from hilrig.core.run import Pacing, RunPlan, RunRecord
from hilrig.feed.opening import open_feed
from hilrig.feed.pool import stream_pool
from hilrig.record.finish import finish
from hilrig.record.run_directory import create, release_reserve, write_atomic
from hilrig.record.utc import utc_text
from hilrig.record.writer import FRAMES_PER_BATCH, READINGS_PER_BATCH, RunWriter
from hilrig.target.identity import pipeline_sha256
from soak_course import SHIFT_H, Course, Story
from soak_rig import FLOOR, RIG, STARTED_NS, soak_events, soak_telemetry

STATION = Path(__file__).parents[1] / "profiles" / "weld-station" / "profile.yaml"

HOT = Story(is_hot=True, n_stalls=6, n_collections=40, n_outliers=14, n_hangs=2)
CALM = Story(is_hot=False, n_stalls=1, n_collections=40, n_outliers=4, n_hangs=0)


def throttled_soak(*, hours: float = SHIFT_H, fps: int = 30, seed: int = 1) -> RunRecord:
    """Return a FAIL: the GPU throttles for 29 of 480 minutes, and p99 is over its limit for that alone.

    The windows shrink and grow with `hours`; from a tenth of an hour on the verdict is the same.
    """
    return _soak(HOT, hours=hours, fps=fps, seed=seed, asked_hours=hours)


def calm_soak(*, hours: float = SHIFT_H, fps: int = 30, seed: int = 2) -> RunRecord:
    """Return a PASS: nothing happens but what always does."""
    return _soak(CALM, hours=hours, fps=fps, seed=seed, asked_hours=hours)


def short_soak(*, hours: float = 0.1, fps: int = 30, seed: int = 3) -> RunRecord:
    """Return an INCONCLUSIVE: six calm minutes of the eight hours that the profile asks for."""
    return _soak(CALM, hours=hours, fps=fps, seed=seed, asked_hours=SHIFT_H)


def soak_profile(*, hours: float, fps: int) -> str:
    """Return profile.yaml: the weld station's, on a GPU, with a limit that a throttled GPU breaks."""
    text = STATION.read_text()
    for old, new in (
        ("[x86-cpu, arm64-cpu]", "[x86-rtx4000-ada]"),
        ("{providers: [CPUExecutionProvider], intra_op_threads: 1}", f"{{providers: [{CUDA}, {CPU}]}}"),
        ("pool_frames: 120", "pool_frames: 30"),
        ("defect_ratio: 0.3", "defect_ratio: 0.6"),
        ("p99_max_ms: 45", "p99_max_ms: 16"),
        ("p95_max_ms: 30", "p99_9_max_ms: 60"),
        ("duration_minutes: 1 ", f"duration_minutes: {hours * 60:g} "),
        ("frame_rate_fps: 30", f"frame_rate_fps: {fps}"),
        ("  resources:\n", "  resources:\n    gpu_memory_max_mb: 3072\n    gpu_util_sustained_max_pct: 95\n"),
    ):
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def write_soak(record: RunRecord, folder: Path) -> Path:
    """Write the run directory of a soak into `folder` (made when missing), as a run leaves it before its verdict.

    `conclude` or `hilrig recover` judges and signs it. Eight hours take five seconds.
    """
    plan = record.plan
    folder.mkdir(parents=True, exist_ok=True)
    run_dir = create(
        folder, profile_name=plan.profile_name, run_id=plan.run_id, started_at_utc=plan.created_at_utc
    )
    for name, data in {
        files.PROFILE: _profile_of(plan).encode(),
        files.PLAN: dump_plan(plan),
        files.RIG: to_json(RIG),
        files.FEED: to_json(_pool(plan)),
        files.FLOOR: to_json(record.floor),
        files.ACCELERATOR: to_json(record.accelerator),
    }.items():
        write_atomic(run_dir / name, data)
    _write_streams(record, run_dir)
    release_reserve(run_dir)
    finish(run_dir)
    return run_dir


def _write_streams(record: RunRecord, run_dir: Path) -> None:
    clock = ManualClock()
    clock.realtime_offset_ns = STARTED_NS - T0_NS
    with closing(RunWriter(run_dir, clock=clock)) as writer:
        writer.channels(record.capabilities)
        for table, add, size in (
            (record.frames, writer.frames, FRAMES_PER_BATCH),
            (record.readings, writer.readings, READINGS_PER_BATCH),
        ):
            for first in range(0, len(table), size):
                add(table[first : first + size])
        for event in record.events:
            clock.now_ns = event.t_ns
            writer.event(event.kind, event.detail, event.t_ns)
        writer.status({"phase": "done", "n_frames": record.plan.n_frames})


def _soak(story: Story, *, hours: float, fps: int, seed: int, asked_hours: float) -> RunRecord:
    plan = _plan(hours=hours, fps=fps, asked_hours=asked_hours, run_id=f"{seed:02x}{round(hours * 1000):06x}")
    course = Course(story, plan, _pool(plan), seed=seed)
    capabilities, readings = soak_telemetry(course)
    return RunRecord(
        plan=plan,
        frames=course.frames,
        capabilities=capabilities,
        readings=readings,
        events=soak_events(course),
        truths=tuple(Truth(labels=frame.labels) for frame in _pool(plan)),
        rig=asdict(RIG),
        floor=FLOOR,
        accelerator=make_proof(),
    )


def _plan(*, hours: float, fps: int, asked_hours: float, run_id: str) -> RunPlan:
    text = soak_profile(hours=asked_hours, fps=fps).encode()
    profile = parse_profile(text, file=files.PROFILE, folder=str(STATION.parent))
    period_ns = NS_PER_S / Fraction(fps)
    return RunPlan(
        run_id=run_id,
        hilrig_version=__version__,
        created_at_utc=utc_text(STARTED_NS),
        rig="bench-7",
        device_class="x86-rtx4000-ada",
        profile_name=profile.name,
        profile_sha256=profile.sha256,
        model=profile.model,
        model_files_sha256={"model.onnx": sha256_hex(STATION.with_name("model.onnx").read_bytes())},
        model_bundle_sha256=str(profile.model.bundle_sha256),
        pipeline=profile.pipeline,
        pipeline_sha256=pipeline_sha256(profile.pipeline, profile.model),
        feed=profile.feed,
        queue=profile.queue,
        pacing=Pacing.PACED,
        period_numerator_ns=period_ns.numerator,
        period_denominator=period_ns.denominator,
        n_warmup_frames=round(profile.warmup_s * fps),
        n_measured_frames=round(hours * 3600 * fps),
        profile_duration_s=profile.duration_s,
        telemetry_period_ms=profile.telemetry_period_ms,
        limits=profile.limits,
        self_test_s=profile.self_test_s,
        operator="M. Weber",
        note="Second shift, cabinet door closed.",
    )


def _profile_of(plan: RunPlan) -> str:
    fps = Fraction(NS_PER_S * plan.period_denominator, plan.period_numerator_ns)
    return soak_profile(hours=plan.profile_duration_s / 3600, fps=int(fps))


@cache
def _drawn(n_frames: int, options: str) -> tuple[PoolFrame, ...]:
    """Return the pool frames of the profile's feed as feed.json has them; drawing one takes 30 ms."""
    spec = parse_profile(options.encode(), file=files.PROFILE, folder=str(STATION.parent)).feed
    with closing(open_feed(spec, STATION.parent)) as feed:
        return tuple(
            PoolFrame(sha256=hashlib.sha256(pixels.data).hexdigest(), labels=truth.labels)
            for pixels, truth in stream_pool(feed, n_frames)
        )


def _pool(plan: RunPlan) -> tuple[PoolFrame, ...]:
    return _drawn(plan.feed.pool_frames, soak_profile(hours=SHIFT_H, fps=30))
