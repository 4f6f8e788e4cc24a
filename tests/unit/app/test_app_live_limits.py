"""hilrig.app.live.limits: how limits stand while a run goes on."""

import copy

import pytest

from builders import P99, make_limit, make_plan
from hilrig.app.live.limits import limits_so_far
from hilrig.app.live.status import LiveStatus
from hilrig.core.live import Standing
from live_runs import STATUS

DROPS = make_limit("frames.drop_max_pct", "drop_pct", 0.5, "%")
GAP = make_limit("frames.decision_gap_max_ms", "decision_gap_ms", 100.0, "ms")
DURATION = make_limit("latency.duration_minutes", "duration_min", 1.0, "min", at_least=True)
MEMORY = make_limit("resources.host_memory_max_mb", "host_memory_peak_mib", 250.0, "MiB")
HEADROOM = make_limit("resources.headroom_min_c", "temperature_headroom_c", 20.0, "C", at_least=True)
EVENTS = make_limit("resources.thermal_throttle_allowed", "thermal_throttle_events", 0.0, "events")
GROWTH = make_limit("resources.growth", "host_memory_growth_mib_per_h", 5.0, "MiB/h")


def so_far(limit, *, measured=None, **said):
    status = copy.deepcopy(STATUS) | said
    status["measured"] |= measured or {}
    return limits_so_far(LiveStatus(plan=make_plan(limits=(limit,)), said=status))[0]


@pytest.mark.parametrize(
    ("n_over", "standing", "left_pct"),
    [
        (0, Standing.WITHIN, 100),
        (9, Standing.WITHIN, 50),
        (10, Standing.BROKEN, 400 / 9),
        (30, Standing.BROKEN, 0),
    ],
)
def test_a_percentile_stands_by_the_frames_over_it(n_over, standing, left_pct):
    """1 % of 900 frames may be over so far, 18 of the 1800 that the run will have."""
    found = so_far(P99, measured={"n_over_limit": {"latency.p99_max_ms": n_over}})
    assert found.standing is standing
    assert found.budget_left_pct == pytest.approx(left_pct, abs=0.1)
    assert (found.now, found.whole) == (13.0, 13.1)
    assert found.text == "latency p99 13.1 ms, limit 45 ms"


def test_a_percentile_may_be_infinite():
    """More than 1 % without a decision: no number, and no doubt how it stands."""
    found = so_far(P99, measured={"p99_ms": None, "n_over_limit": {"latency.p99_max_ms": 20}})
    assert (found.whole, found.standing) == (None, Standing.BROKEN)
    assert found.text == "latency p99 infinite, limit 45 ms"


def test_before_the_first_measured_frame_nothing_is_known():
    """Not 0 ms and not within."""
    for limit in (P99, DROPS, GAP, MEMORY, HEADROOM, EVENTS):
        found = limits_so_far(LiveStatus(plan=make_plan(limits=(limit,)), said={"phase": "loading"}))[0]
        assert (found.now, found.whole, found.standing) == (None, None, Standing.UNKNOWN)
        assert "nothing measured yet" in found.text


@pytest.mark.parametrize(
    ("n_dropped", "standing", "left_pct"),
    [(0, Standing.WITHIN, 100), (4, Standing.WITHIN, 500 / 9), (5, Standing.BROKEN, 400 / 9)],
)
def test_a_share_of_frames_is_of_those_so_far_its_budget_of_all(n_dropped, standing, left_pct):
    """0.5 % of 900 are four frames; 0.5 % of 1800 are nine."""
    found = so_far(DROPS, measured={"n_dropped": n_dropped})
    assert found.standing is standing
    assert found.budget_left_pct == pytest.approx(left_pct)


@pytest.mark.parametrize(
    ("limit", "said", "whole", "standing"),
    [
        (GAP, {}, 66.7, Standing.WITHIN),
        (GAP, {"measured": STATUS["measured"] | {"longest_gap_ms": 100.1}}, 100.1, Standing.BROKEN),
        (DURATION, {}, 0.5, Standing.UNKNOWN),
        (DURATION, {"measured": STATUS["measured"] | {"n": 1800}}, 1.0, Standing.WITHIN),
        (MEMORY, {}, 300.0, Standing.BROKEN),
        (MEMORY, {"measured_peak_ram_mib": 250.0}, 250.0, Standing.WITHIN),
        (MEMORY, {"measured_peak_ram_mib": None}, None, Standing.UNKNOWN),
        (HEADROOM, {}, 17.0, Standing.BROKEN),  # by the hottest so far, not by now
        (HEADROOM, {"temperatures": STATUS["temperatures"][:1]}, None, Standing.UNKNOWN),
        (EVENTS, {}, 0.0, Standing.WITHIN),
        (EVENTS, {"throttled_s": 1.5}, None, Standing.BROKEN),
        (EVENTS, {"throttled_s": None}, None, Standing.UNKNOWN),
        (GROWTH, {}, None, Standing.UNKNOWN),
    ],
)
def test_other_limits_stand_by_what_is_known(limit, said, whole, standing):
    """Extremes can only get worse; what needs the whole record is left open."""
    found = so_far(limit, **said)
    assert found.standing is standing
    assert found.whole == (None if whole is None else pytest.approx(whole))


def test_a_limit_that_needs_the_whole_record_says_so():
    """A growth per hour is not guessed from half a minute."""
    assert "judged at the end" in so_far(GROWTH).text


def test_a_lower_limit_is_called_one():
    """`at least` stands before the number."""
    assert so_far(HEADROOM).text == "headroom to the nearest trip point 17 C, limit at least 20 C"


@pytest.mark.parametrize("junk", [{"measured": 3}, {"measured": {"n": "many"}}, {"temperatures": ["hot", 3]}])
def test_a_status_of_another_version_is_unknown_not_a_crash(junk):
    """A view must not fall over a number that it does not find."""
    for limit in (P99, HEADROOM, GAP):
        assert so_far_raw(limit, junk).standing is Standing.UNKNOWN


def so_far_raw(limit, said):
    return limits_so_far(LiveStatus(plan=make_plan(limits=(limit,)), said=said))[0]
