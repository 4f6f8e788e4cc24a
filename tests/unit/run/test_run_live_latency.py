"""hilrig.run.live_latency: percentiles of the live state, as the verdict would rank them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilrig.run import live_latency
from hilrig.run.live_latency import NEVER, PERMILLE, RECENT_FRAMES_MAX, RECENT_NS, LastMinute, LatencyHistogram

S = 1_000_000_000
LATENCIES = st.lists(
    st.one_of(st.integers(1_000, 100 * S), st.integers(10_000_000, 11_000_000), st.just(NEVER)),
    min_size=1,
    max_size=300,
)


def nearest_rank_ms(latencies_ns, permille):
    value = sorted(latencies_ns)[-(-len(latencies_ns) * permille // 1000) - 1]
    return None if value == NEVER else value / 1e6


@given(LATENCIES, st.integers(1, 7))
def test_the_histogram_is_half_a_per_cent_beside_the_exact_percentile(latencies_ns, n_batches):
    """From a microsecond to 100 s, in any batches; infinite exactly when the verdict would call it so."""
    histogram = LatencyHistogram()
    for batch in np.array_split(np.array(latencies_ns, np.int64), n_batches):
        histogram.update(batch)
    found = histogram.percentiles_ms()
    for name, permille in PERMILLE.items():
        exact_ms = nearest_rank_ms(latencies_ns, permille)
        if exact_ms is None:
            assert found[name] is None
        else:
            assert found[name] == pytest.approx(exact_ms, rel=0.005, abs=0.001)


@given(LATENCIES)
def test_the_largest_latency_is_exact(latencies_ns):
    """The one worst frame is never rounded into a bucket."""
    histogram = LatencyHistogram()
    histogram.update(np.array(latencies_ns, np.int64))
    decided = [value for value in latencies_ns if value != NEVER]
    assert histogram.largest_ms() == (pytest.approx(max(decided) / 1e6, abs=0.001) if decided else None)


def test_before_the_first_frame_nothing_is_known():
    """No frame, no number: not 0 ms."""
    assert set(LatencyHistogram().percentiles_ms().values()) == {None}
    assert LatencyHistogram().largest_ms() is None


@pytest.mark.parametrize("latency_ns", [0, -5, 1, (1 << 62)])
def test_no_latency_is_outside_of_the_buckets(latency_ns):
    """A stamp that went wrong must not end the run that shows it."""
    histogram = LatencyHistogram()
    histogram.update(np.array([latency_ns], np.int64))
    assert histogram.n == 1


@given(LATENCIES)
def test_the_last_minute_is_exact(latencies_ns):
    """Every frame of it counts, undecided ones as infinitely late."""
    recent = LastMinute()
    recent.update(np.full(len(latencies_ns), 5 * S), np.array(latencies_ns, np.int64))
    found = recent.percentiles_ms(now_ns=6 * S)
    assert found["n"] == len(latencies_ns)
    assert found["n_undecided"] == latencies_ns.count(NEVER)
    for name, permille in PERMILLE.items():
        exact_ms = nearest_rank_ms(latencies_ns, permille)
        assert found[name] == (None if exact_ms is None else pytest.approx(exact_ms, abs=0.001))


def test_a_minute_later_a_frame_is_forgotten():
    """Frames leave when they are a minute old, also while no others come: no old number of a hanging target."""
    recent = LastMinute()
    recent.update(np.array([10 * S]), np.array([900_000_000]))
    recent.update(np.array([30 * S]), np.array([5_000_000]))
    assert recent.percentiles_ms(now_ns=69 * S)["p99_ms"] == 900
    assert recent.percentiles_ms(now_ns=70 * S)["p99_ms"] == 5
    gone = recent.percentiles_ms(now_ns=30 * S + RECENT_NS)
    assert (gone["n"], gone["p50_ms"]) == (0, None)


def test_a_very_fast_camera_does_not_fill_the_memory(monkeypatch):
    """Of more frames than there is room for the newest stay."""
    monkeypatch.setattr(live_latency, "RECENT_FRAMES_MAX", 100)
    recent = LastMinute()
    for first in range(0, 1000, 30):
        recent.update(np.arange(first, first + 30), np.full(30, first * 1_000_000))
    found = recent.percentiles_ms(now_ns=2000)
    assert 70 < found["n"] <= 100
    assert found["p99_ms"] == 990
    assert RECENT_FRAMES_MAX >= 60 * 2000
