"""hilrig.app.plan: a plan from a profile."""

from dataclasses import replace
from fractions import Fraction

import pytest

from hilrig.app.plan import build_plan, new_run_id
from hilrig.app.preflight import load_rig_or_local, preflight
from stations import write_station


@pytest.fixture(scope="module")
def ready(tmp_path_factory):
    """Return a ready station with 4 pool frames, 2 s at 100 fps after 0.2 s."""
    return preflight(write_station(tmp_path_factory.mktemp("station")), load_rig_or_local(None))


def plan_of(ready, **changes):
    return build_plan(
        replace(ready, profile=replace(ready.profile, **changes)),
        run_id="abc",
        created_at_utc="2026-01-01T00:00:00Z",
        duration_s=None,
    )


def test_frames_follow_from_time_and_rate(ready):
    """0.2 s and 2 s at 100 fps are 20 and 200 frames."""
    plan = plan_of(ready)
    assert (plan.n_warmup_frames, plan.n_measured_frames, plan.n_frames) == (20, 200, 220)


def test_a_broadcast_frame_rate_stays_exact(ready):
    """30000/1001 fps is no float: after an hour the deadline is right to the nanosecond."""
    plan = plan_of(ready, frame_rate_fps=Fraction(30000, 1001))
    frames_per_hour = 107_892
    assert plan.offset_ns(frames_per_hour) == frames_per_hour * 1001 * 10**9 // 30000


def test_the_pool_is_never_larger_than_the_feed(ready):
    """A feed of three frames fills three slots."""
    plan = build_plan(
        replace(ready, feed_info=replace(ready.feed_info, n_frames=3)),
        run_id="abc",
        created_at_utc="2026-01-01T00:00:00Z",
        duration_s=None,
    )
    assert plan.feed.pool_frames == 3


def test_a_given_duration_replaces_the_profiles_and_the_profiles_stays_known(ready):
    """The verdict holds the run against the profile's duration, not against the shorter one."""
    plan = build_plan(ready, run_id="abc", created_at_utc="2026-01-01T00:00:00Z", duration_s=1)
    assert plan.n_measured_frames == 100
    assert plan.profile_duration_s == pytest.approx(2)


def test_run_ids_differ_and_have_no_hyphen():
    """The folder's name is split at its last hyphen."""
    names = {new_run_id() for _ in range(100)}
    assert len(names) == 100
    assert not any("-" in name for name in names)
