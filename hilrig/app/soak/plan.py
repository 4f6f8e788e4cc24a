"""From a profile on a rig to the plan of one run."""

from dataclasses import replace
from fractions import Fraction
from typing import TypeVar

from hilrig import __version__
from hilrig.app.run.request import RunRequest
from hilrig.app.soak.preflight import Ready
from hilrig.core.arrivals import schedule_of
from hilrig.core.drill import n_drill_frames
from hilrig.core.errors import RecordError, UsageError
from hilrig.core.profile import ArrivalModel, Profile
from hilrig.core.run import Pacing, RunPlan
from hilrig.core.units import NS_PER_S
from hilrig.target.identity import pipeline_sha256
from hilrig.target.model_files import bundle_sha256

_T = TypeVar("_T")


def as_requested(ready: Ready, request: RunRequest) -> Ready:
    """Return a ready profile with what a request changes of it: never its limits, which stay those of the file.

    Raises:
        UsageError: the profile's frames cannot arrive at the requested rate.
    """
    profile = ready.profile
    changed = replace(
        profile,
        frame_rate_fps=_either(request.frame_rate_fps, profile.frame_rate_fps),
        self_test_s=_either(request.self_test_s, profile.self_test_s),
        stop_when_failed=_either(request.stop_when_failed, profile.stop_when_failed),
    )
    if request.frame_rate_fps is not None:
        _require_arrivals(changed)
    return replace(ready, profile=_measured_part(changed) if request.measured_part_only else changed)


def _measured_part(profile: Profile) -> Profile:
    """Return what a profile measures, without what comes before and after it; companions are still there."""
    companions = tuple(replace(one, alone_s=0.0) for one in profile.companions)
    return replace(profile, faults=(), power_loss=None, companions=companions)


def _either(asked: _T | None, stated: _T) -> _T:
    return stated if asked is None else asked


def build_plan(ready: Ready, request: RunRequest, *, run_id: str, created_at_utc: str) -> RunPlan:
    """Return the plan of a run, everything resolved.

    Args:
        ready: the profile on its rig.
        request: its duration, its operator and their note.
        run_id: the run's name.
        created_at_utc: for people.
    """
    profile = ready.profile
    rate_fps = mean_rate_fps(profile)
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
        n_measured_frames=max(1, round((request.duration_s or profile.duration_s) * rate_fps)),
        profile_duration_s=profile.duration_s,
        telemetry_period_ms=profile.telemetry_period_ms,
        limits=profile.limits,
        arrivals=profile.arrivals,
        tuning=profile.tuning,
        self_test_s=profile.self_test_s,
        stop_when_failed=profile.stop_when_failed,
        operator=request.operator,
        note=request.note,
        n_drill_frames=n_drill_frames(profile.faults, rate_fps),
        faults=profile.faults,
        companions=profile.companions,
        power_loss=profile.power_loss,
        actuation=profile.actuation,
    )


def mean_rate_fps(profile: Profile) -> Fraction:
    """Return the mean rate of all cameras together; that of a trace is its own, a little beside the profile's."""
    arrivals = profile.arrivals
    if arrivals.model is ArrivalModel.TRACE:
        return Fraction(NS_PER_S * len(arrivals.trace_gaps_ns), sum(arrivals.trace_gaps_ns))
    return profile.frame_rate_fps * len(arrivals.camera_offsets_ms)


def _require_arrivals(profile: Profile) -> None:
    """Refuse a frame rate that the profile was not checked at and that its arrivals do not have."""
    hint = "arrivals of the models fixed and poisson have every rate"
    if profile.arrivals.model is ArrivalModel.TRACE:
        raise UsageError(f"{profile.name} replays a trace, which has a rate of its own", hint=hint)
    try:
        schedule_of(profile.arrivals, period_ns=NS_PER_S / mean_rate_fps(profile))
    except RecordError as error:
        rate_fps = float(profile.frame_rate_fps)
        raise UsageError(
            f"{profile.name} at {rate_fps:g} fps: frames would overtake each other", hint=hint
        ) from error
