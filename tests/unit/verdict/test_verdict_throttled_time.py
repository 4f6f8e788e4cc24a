"""hilrig.verdict.throttling.throttled_time: how long hardware was slowed down, or that nobody can tell."""

from hypothesis import given
from hypothesis import strategies as st

from hilrig.verdict.throttling.throttled_time import throttled_s

MS = st.integers(0, 500).map(lambda ms: ms / 1000)


def seconds(stretches, n_events=1.0):
    return throttled_s(stretches, n_events=n_events, reason="")


def test_overlapping_devices_count_once():
    """GPU from 1 to 3 s, CPU from 2 to 4 s and once more inside: three seconds."""
    assert seconds([(1.0, 3.0), (2.0, 4.0), (2.5, 2.6), (10.0, 10.5)]) == (3.5, "")


def test_none_seen_by_a_rig_that_can_tell_is_zero():
    """Zero events were counted."""
    assert seconds([], n_events=0.0) == (0.0, "")


def test_none_seen_by_a_rig_that_cannot_tell_is_not_zero():
    """The reason comes along; without one the words say so."""
    assert throttled_s([], n_events=None, reason="no channel") == (None, "no channel")
    assert throttled_s([], n_events=None, reason="")[0] is None
    assert throttled_s([], n_events=None, reason="")[1]


def test_events_without_stretches_have_no_length():
    """It throttled three times; how long nobody wrote down."""
    value, reason = seconds([], n_events=3.0)
    assert value is None
    assert "not recorded" in reason


@given(st.lists(st.tuples(MS, MS).map(lambda pair: (min(pair), max(pair))), min_size=1, max_size=12))
def test_the_union_is_what_counting_milliseconds_gives(stretches):
    """Against a set of the milliseconds that any stretch covers; the order does not matter."""
    covered = {ms for begin, end in stretches for ms in range(round(begin * 1000), round(end * 1000))}
    assert seconds(stretches) == (len(covered) / 1000, "")
    assert seconds(stretches[::-1]) == seconds(stretches)
