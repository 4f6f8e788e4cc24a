"""When the hardware throttled, for the chart."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import Curve
from hilrig.core.telemetry import Reason
from hilrig.core.verdict import ThrottleWindow
from hilrig.verdict.judge import judge
from hilrig.verdict.telemetry.channels import Telemetry
from hilrig.verdict.throttling.windows import N_WINDOWS_MAX, throttle_windows
from hilrig.verdict.window import cut
from watched_rigs import orin, pulsing, reading, record, rig_of, rtx, silent, stepping, throttle

ALERT = "gpu-throttle-alert"


def windows(*curves: Curve) -> tuple[ThrottleWindow, ...]:
    """Return the windows of a minute with these channels."""
    made = record(rig_of(curves))
    return throttle_windows(Telemetry(made), cut(made))


def test_sound_rigs_have_no_windows() -> None:
    """Counts since boot, states of 0 and peaks of current shade nothing."""
    assert judge(record(rtx())).throttle_windows == ()
    assert judge(record(orin())).throttle_windows == ()


def test_a_counters_growth_lies_between_its_readings() -> None:
    """Between two readings a second apart is all that is known."""
    curve = stepping(throttle("events", "thermal", ALERT, "cooling_device_stats"), by=2, at_s=30.5)
    (one,) = windows(curve)
    assert (one.begin_s, one.end_s, one.cause, one.hw_id, one.evidence) == (30, 31, "thermal", ALERT, "counted")


def test_a_state_reaches_from_the_reading_before_to_the_one_after() -> None:
    """Ten readings a second: the state was seen at 10 s to 10.9 s."""
    (one,) = windows(pulsing(throttle("state", "thermal", ALERT, "cooling_device"), 1.0, from_s=10, to_s=11))
    assert (one.begin_s, one.end_s, one.evidence) == (9.9, 11.0, "seen in its state")


def test_a_time_that_moves_at_the_end_reaches_back() -> None:
    """An x86 episode of three seconds shows only as it ends; before the measured part nothing is shaded."""
    time = throttle("time", "thermal", "", "package")
    (late,) = windows(stepping(time, by=3e9, at_s=20.0))
    assert (late.begin_s, late.end_s, late.hw_id) == (17, 20, "")
    (early,) = windows(stepping(time, by=9e9, at_s=4.0))
    assert (early.begin_s, early.end_s) == (0, 4)


def test_channels_of_one_device_and_cause_are_one_window() -> None:
    """Where state and counter saw the same, it is counted; another cause or device has windows of its own."""
    both = [
        stepping(throttle("time", "thermal", "gpu0", "violation"), by=1e8, at_s=20.0),
        pulsing(throttle("state", "thermal", "gpu0", "event_reasons"), 1.0, from_s=19.5, to_s=22.0),
        pulsing(throttle("state", "power", "gpu0", "event_reasons"), 1.0, from_s=20.0, to_s=21.0),
        pulsing(throttle("state", "thermal", "soc", "cooling_device"), 1.0, from_s=50.0, to_s=51.0),
    ]
    found = windows(*both)
    assert [(one.hw_id, one.cause, one.evidence) for one in found] == [
        ("gpu0", "thermal", "counted"),
        ("gpu0", "power", "seen in its state"),
        ("soc", "thermal", "seen in its state"),
    ]
    assert (found[0].begin_s, found[0].end_s) == (19, 22)


def test_peaks_of_current_are_no_window_and_an_unnamed_cause_is_one() -> None:
    """OC3 moves all the time on sound boards; slowed down for a reason that nobody names is worth a look."""
    peaks = throttle("events", "current_peak", "soc", "oc3_event_cnt")
    rising = reading(peaks, np.arange(len(peaks.points), dtype=float).tolist())
    unknown = pulsing(throttle("state", "unknown", "gpu0", "event_reasons"), 1.0, from_s=5, to_s=6)
    assert [one.cause for one in windows(rising, unknown)] == ["unknown"]


def test_channels_without_values_shade_nothing() -> None:
    """A reason is neither throttling nor its end."""
    assert windows(silent(throttle("state", "thermal", ALERT, "cooling_device"), Reason.LOST)) == ()


def test_too_many_windows_become_fewer_by_joining_the_closest() -> None:
    """A state that flickers all the minute: at most 200 windows, which still cover all that was seen."""
    state = throttle("state", "power", "gpu0", "event_reasons")
    flicker = [float(index % 4 == 0 and index < 500) for index in range(len(state.points))]
    rare = throttle("state", "thermal", "gpu0", "event_reasons")
    many = windows(reading(state, flicker), pulsing(rare, 1.0, from_s=30, to_s=30.1))
    assert len(many) <= N_WINDOWS_MAX
    assert [one.cause for one in many].count("thermal") == 1
    several = [throttle("state", "power", f"gpu{number}", "event_reasons") for number in range(4)]
    crowded = windows(*(reading(one, flicker) for one in several))
    assert len(crowded) == N_WINDOWS_MAX
    assert {one.hw_id for one in crowded} == {f"gpu{number}" for number in range(4)}
    assert max(one.end_s for one in crowded) == pytest.approx(49.7)


def test_windows_of_different_devices_are_never_one() -> None:
    """More devices than windows are allowed: each keeps its own."""
    states = [
        throttle("state", "thermal", f"part{number}", "cooling_device") for number in range(N_WINDOWS_MAX + 5)
    ]
    found = windows(*(pulsing(state, 1.0, from_s=30, to_s=31) for state in states))
    assert len({one.hw_id for one in found}) == N_WINDOWS_MAX + 5


@settings(max_examples=40, deadline=None)  # a minute of one channel each
@given(hits=st.lists(st.booleans(), min_size=601, max_size=601))
def test_every_hit_is_inside_a_window_and_windows_do_not_touch(hits: list[bool]) -> None:
    """Whatever the state did: its hits are covered, windows lie in the measured part, apart, in order."""
    found = windows(reading(throttle("state", "thermal", ALERT, "cooling_device"), [float(hit) for hit in hits]))
    for index, hit in enumerate(hits):
        assert not hit or any(one.begin_s <= index / 10 <= one.end_s for one in found)
    assert all(0 <= one.begin_s < one.end_s <= 60 for one in found)
    assert all(before.end_s < after.begin_s for before, after in pairwise(found))
