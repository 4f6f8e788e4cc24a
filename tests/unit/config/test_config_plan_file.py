"""Which limits a plan of which format has."""

from dataclasses import replace

import pytest

from builders import P99, make_limit, make_plan
from hilrig.config.plan_file import dump_plan, limits_for, load_plan
from hilrig.config.profile import parse_profile
from stations import write_station

GAP = make_limit("latency.decision_gap_max_ms", "decision_gap_ms", 1000.0, "ms")


@pytest.fixture
def profile(tmp_path):
    """Return a profile that does not state its longest decision gap."""
    folder = write_station(tmp_path / "station")
    return parse_profile((folder / "profile.yaml").read_bytes(), file="profile.yaml", folder=str(folder))


def metrics(limits):
    return [limit.metric for limit in limits]


def test_an_old_plan_has_no_limit_that_nobody_had_then(profile):
    """A plan of format 1 was right without a decision gap that its profile does not state."""
    old = replace(make_plan(limits=[P99]), format_version=1)
    assert "decision_gap_ms" in metrics(profile.limits)
    assert metrics(limits_for(old, profile)) == [
        metric for metric in metrics(profile.limits) if metric != "decision_gap_ms"
    ]


def test_an_old_plan_with_that_limit_keeps_it(profile):
    """Stated then, it is held against the profile as every other limit."""
    old = replace(make_plan(limits=[P99, GAP]), format_version=1)
    assert limits_for(old, profile) == profile.limits


def test_a_plan_of_today_has_all_limits_of_its_profile(profile):
    """Leaving out the one that always holds would hide a blind camera."""
    assert limits_for(replace(make_plan(limits=[P99]), format_version=2), profile) == profile.limits


def test_both_formats_are_read():
    """What was written comes back."""
    for version in (1, 2):
        plan = replace(make_plan(), format_version=version)
        assert load_plan(dump_plan(plan)) == plan
