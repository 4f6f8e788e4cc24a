"""hilrig.app.soak.plan: a plan from a profile."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from hilrig.app.run.request import RunRequest
from hilrig.app.soak.plan import as_requested, build_plan
from hilrig.app.soak.preflight import load_rig_in_place, preflight
from hilrig.core.arrivals import schedule
from hilrig.core.errors import UsageError
from hilrig.core.profile import ArrivalModel, ArrivalSpec
from stations import write_station


@pytest.fixture(scope="module")
def ready(tmp_path_factory):
    """Return a ready station with 4 pool frames, 2 s at 100 fps after 0.2 s."""
    return preflight(write_station(tmp_path_factory.mktemp("station")), load_rig_in_place(None))


def plan_of(ready, **changes):
    return build_plan(
        replace(ready, profile=replace(ready.profile, **changes)),
        request_of(),
        run_id="abc",
        created_at_utc="2026-01-01T00:00:00Z",
    )


def request_of(**changes):
    return replace(
        RunRequest(profile=Path("p"), rig_file=None, reports=Path("r"), duration_s=None, key=Path("k")), **changes
    )


def test_frames_follow_from_time_and_rate(ready):
    """0.2 s and 2 s at 100 fps are 20 and 200 frames."""
    plan = plan_of(ready)
    assert (plan.n_warmup_frames, plan.n_measured_frames, plan.n_frames) == (20, 200, 220)


def test_a_broadcast_frame_rate_stays_exact(ready):
    """30000/1001 fps is no float: after an hour the deadline is right to the nanosecond."""
    plan = plan_of(ready, frame_rate_fps=Fraction(30000, 1001))
    frames_per_hour = 107_892
    assert schedule(plan).offset_ns(frames_per_hour) == frames_per_hour * 1001 * 10**9 // 30000


def test_the_pool_is_never_larger_than_the_feed(ready):
    """A feed of three frames fills three slots."""
    plan = build_plan(
        replace(ready, feed_info=replace(ready.feed_info, n_frames=3)),
        request_of(),
        run_id="abc",
        created_at_utc="2026-01-01T00:00:00Z",
    )
    assert plan.feed.pool_frames == 3


def test_a_given_duration_replaces_the_profiles_and_the_profiles_stays_known(ready):
    """The verdict holds the run against the profile's duration, not against the shorter one."""
    request = request_of(duration_s=1, operator="Ada", note="new lamp")
    plan = build_plan(ready, request, run_id="abc", created_at_utc="2026-01-01T00:00:00Z")
    assert plan.n_measured_frames == 100
    assert (plan.operator, plan.note) == ("Ada", "new lamp")
    assert plan.profile_duration_s == pytest.approx(2)


def test_two_cameras_double_the_frames(ready):
    """Each camera has the profile's rate: 0.2 s and 2 s of two cameras at 100 fps are 40 and 400 frames."""
    plan = plan_of(ready, arrivals=ArrivalSpec(camera_offsets_ms=(0, 4)))
    assert (plan.n_warmup_frames, plan.n_measured_frames, plan.period_ns) == (40, 400, 5e6)
    assert schedule(plan).offset_ns(3) == 14_000_000


def test_a_trace_is_replayed_at_its_own_rate(ready):
    """The period is the mean of the recorded gaps, so that ten cycles of them are measured in their own time."""
    gaps_ns = (5_000_000, 20_000_000, 5_060_000)  # 99.8 fps
    plan = plan_of(ready, arrivals=ArrivalSpec(model=ArrivalModel.TRACE, trace_gaps_ns=gaps_ns))
    assert schedule(plan).offset_ns(30) == 300_600_000 == 30 * plan.period_ns
    assert plan.n_measured_frames == 200


@pytest.mark.parametrize(
    ("arrivals", "fault"),
    [
        (
            ArrivalSpec(model=ArrivalModel.TRACE, trace_gaps_ns=(10_000_000,)),
            "a trace, which has a rate of its own",
        ),
        (ArrivalSpec(camera_offsets_ms=(0, 4)), "bench-station at 300 fps: frames would overtake each other"),
        (ArrivalSpec(model=ArrivalModel.JITTER, jitter_ms=2), "at 300 fps: frames would overtake each other"),
    ],
)
def test_a_requested_rate_must_fit_the_arrivals(ready, tmp_path, arrivals, fault):
    """Phases, jitter and traces were checked at the profile's rate: another one is refused before a run begins."""
    changed = replace(ready, profile=replace(ready.profile, arrivals=arrivals))
    request = RunRequest(
        profile=tmp_path,
        rig_file=None,
        reports=tmp_path,
        duration_s=None,
        key=tmp_path,
        frame_rate_fps=Fraction(300),
    )
    with pytest.raises(UsageError, match=fault):
        as_requested(changed, request)
