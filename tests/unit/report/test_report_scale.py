from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_checks import FAILED_P99, PASSED_DROPS, PASSED_P99
from report_documents import make_series

from hilrig.core.verdict import SeriesPoint
from hilrig.report.scale import bucket_edges_s, latency_axis, latency_limits, time_label, time_ticks_s

LATENCIES_MS = st.floats(0.001, 1e6)


def bucket(low_ms: float, high_ms: float, t_s: float = 0.0) -> SeriesPoint:
    return SeriesPoint(
        t_s=t_s, n=2, min_ms=low_ms, p50_ms=low_ms, p99_ms=high_ms, max_ms=high_ms, n_dropped=0, n_failed=0
    )


@given(st.lists(st.tuples(LATENCIES_MS, LATENCIES_MS), min_size=1, max_size=8), st.lists(LATENCIES_MS, max_size=3))
def test_every_latency_and_limit_lies_on_the_axis(
    pairs: list[tuple[float, float]], limits_ms: list[float]
) -> None:
    """No frame and no limit is clipped away, whatever the range, and slower is always higher."""
    axis = latency_axis([bucket(min(pair), max(pair)) for pair in pairs], limits_ms)
    shown_ms = sorted([latency for pair in pairs for latency in pair] + limits_ms)
    assert axis.lowest_ms <= shown_ms[0]
    assert shown_ms[-1] < axis.highest_ms
    positions = [axis.position(latency) for latency in shown_ms]
    assert positions == sorted(positions)
    assert all(0 <= position < 1 for position in positions)


@given(LATENCIES_MS, LATENCIES_MS)
def test_an_axis_has_some_ticks_all_on_it(low_ms: float, high_ms: float) -> None:
    """An axis is never without ticks, never crowded, never labelled outside its range."""
    axis = latency_axis([bucket(min(low_ms, high_ms), max(low_ms, high_ms))], [])
    ticks_ms = axis.ticks_ms()
    assert 1 <= len(ticks_ms) <= 40
    assert all(axis.lowest_ms <= tick <= axis.highest_ms for tick in ticks_ms)


def test_one_extreme_frame_does_not_flatten_the_rest() -> None:
    """With a stall of seconds among frames of milliseconds the axis turns logarithmic."""
    assert latency_axis([bucket(20, 30), bucket(20, 3000)], [45]).kind == "log"
    assert latency_axis([bucket(20, 30), bucket(20, 93)], [45]).kind == "linear"


def test_an_empty_series_still_has_an_axis() -> None:
    """No measured frame and no limit give an axis, not a crash."""
    assert latency_axis([], []).highest_ms > 0


def test_only_latency_limits_are_on_a_latency_chart() -> None:
    """A drop limit of 0.5 is not drawn as 0.5 ms, and a limit of zero has no place on a logarithmic axis."""
    zero = replace(PASSED_P99, limit=0.0)
    fast = replace(FAILED_P99, limit=30.0)
    assert latency_limits([PASSED_DROPS, PASSED_P99, zero, fast]) == [fast, PASSED_P99]


def test_buckets_are_joined_without_gaps() -> None:
    """Every bucket reaches to the next one, the last one is as wide as the one before."""
    series = make_series()
    edges_s = bucket_edges_s(series)
    assert len(edges_s) == len(series) + 1
    assert edges_s[-1] == 600.0
    assert bucket_edges_s(series[:1]) == [0.0, 1.0]
    assert bucket_edges_s([]) == []


@given(st.integers(0, 10**5), st.floats(0.5, 3e6))
def test_a_time_axis_has_at_most_a_dozen_ticks(start_s: int, length_s: float) -> None:
    """From half a second to a month, the ticks stay readable and within the run."""
    ticks_s = time_ticks_s(start_s, start_s + length_s)
    assert len(ticks_s) <= 12
    assert all(start_s <= tick <= start_s + length_s for tick in ticks_s)


@pytest.mark.parametrize(
    ("t_s", "end_s", "label"),
    [(40, 60, "40 s"), (90, 600, "1.5 min"), (9000, 28_800, "2:30 h"), (0, 28_800, "0:00 h")],
)
def test_times_are_labelled_by_the_length_of_the_run(t_s: float, end_s: float, label: str) -> None:
    """Seconds, minutes or hours: what fits the run."""
    assert time_label(t_s, end_s) == label
