"""From a profile on a rig to the plan of one run."""

import secrets
from dataclasses import replace

from hilrig import __version__
from hilrig.app.preflight import Ready
from hilrig.core.run import Pacing, RunPlan
from hilrig.core.units import NS_PER_S
from hilrig.target.identity import pipeline_sha256
from hilrig.target.model_files import bundle_sha256


def new_run_id() -> str:
    """Return a name that no other run has: 8 hex digits."""
    return secrets.token_hex(4)


def build_plan(ready: Ready, *, run_id: str, created_at_utc: str, duration_s: float | None) -> RunPlan:
    """Return the plan of a run, everything resolved.

    Args:
        ready: the profile on its rig.
        run_id: the run's name.
        created_at_utc: for people.
        duration_s: measured seconds instead of the profile's.
    """
    profile = ready.profile
    rate_fps = profile.frame_rate_fps
    pool_frames = min(profile.feed.pool_frames, ready.feed_info.n_frames)
    return RunPlan(
        run_id=run_id,
        hilrig_version=__version__,
        created_at_utc=created_at_utc,
        rig=ready.rig.name,
        device_class=ready.device_class,
        profile_name=profile.name,
        profile_sha256=profile.sha256,
        model=profile.model,
        model_files_sha256=ready.model_files_sha256,
        model_bundle_sha256=bundle_sha256(ready.model_files_sha256),
        pipeline=profile.pipeline,
        pipeline_sha256=pipeline_sha256(profile.pipeline, profile.model),
        feed=replace(profile.feed, pool_frames=pool_frames),
        queue=profile.queue,
        pacing=Pacing.PACED,
        period_numerator_ns=NS_PER_S * rate_fps.denominator,
        period_denominator=rate_fps.numerator,
        n_warmup_frames=round(profile.warmup_s * rate_fps),
        n_measured_frames=max(1, round((duration_s or profile.duration_s) * rate_fps)),
        profile_duration_s=profile.duration_s,
        telemetry_period_ms=profile.telemetry_period_ms,
        limits=profile.limits,
        arrivals=profile.arrivals,
        tuning=profile.tuning,
        self_test_s=profile.self_test_s,
        stop_when_failed=profile.stop_when_failed,
    )
