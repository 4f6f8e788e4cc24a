"""The distribution: exact integer bins, percentiles only as far as the frames go."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import NS_PER_MS, make_frames, make_plan, make_record
from hilrig.core.frame import FRAME_DTYPE
from hilrig.verdict.distribution import N_BINS_MAX, distribution
from hilrig.verdict.window import cut


def distribution_of(latency_ms, **frames):
    latency_ms = np.asarray(latency_ms, np.float64)
    plan = make_plan(n_measured=latency_ms.size, n_warmup=0)
    return distribution(
        cut(make_record(plan, frames=make_frames(plan, latency_ms=latency_ms, **frames), curves=()))
    )


def test_the_curve_goes_as_far_as_the_frames() -> None:
    """Of 4000 frames one is beyond 99.975 %; 99.99 % would be the longest frame again, so 100 follows."""
    found = distribution_of(np.arange(1, 4001) / 100)
    assert found.percentiles == (
        0.0, 25.0, 50.0, 75.0, 90.0, 95.0, 97.5, 99.0, 99.5, 99.75, 99.9, 99.95, 99.975, 100.0,
    )  # fmt: skip
    assert found.latency_ms[:5] == (0.01, 10.0, 20.0, 30.0, 36.0)
    assert found.latency_ms[-3:] == (39.98, 39.99, 40.0)


@pytest.mark.parametrize(("n", "finest"), [(1, 0.0), (2, 50.0), (10, 90.0), (1000, 99.9), (999, 99.75)])
def test_no_percentile_is_finer_than_the_frames(n: int, finest: float) -> None:
    """At least one frame lies beyond every percentile but 100."""
    assert distribution_of(np.linspace(1, 50, n)).percentiles[-2] == finest


def test_frames_without_a_decision_are_the_longest() -> None:
    """Ten of a thousand: p99 is the longest decided one, everything beyond has no number."""
    found = distribution_of(np.linspace(1, 50, 1000), dropped=range(10))
    beyond = dict(zip(found.percentiles, found.latency_ms, strict=True))
    assert found.n_undecided == 10
    assert beyond[99.0] == 50.0
    assert beyond[99.5] is None
    assert beyond[100.0] is None


def test_without_a_decided_frame_there_is_no_distribution() -> None:
    """No latency at all is not a latency of 0."""
    assert distribution_of(np.full(5, 10.0), dropped=range(5)) is None
    assert distribution(cut(make_record(make_plan(n_measured=0, n_warmup=0), curves=()))) is None


def test_equal_latencies_are_one_bin() -> None:
    """Around it, half a microsecond wide at 10 ms."""
    found = distribution_of(np.full(50, 10.0))
    assert found.counts == (50,)
    low, high = found.edges_ms
    assert low <= 10.0 < high
    assert high - low == pytest.approx(0.000512)


def test_close_latencies_get_bins_of_one_width() -> None:
    """Within an octave the axis is linear: 17 to 17.5 ms has bins of 8 microseconds, not one for all."""
    found = distribution_of(np.linspace(17.0, 17.5, 1000))
    widths = {round((high - low) * NS_PER_MS) for low, high in pairwise(found.edges_ms)}
    assert widths == {8192}
    assert min(found.counts) > 0


def test_a_wide_range_gets_bins_that_grow_with_the_latency() -> None:
    """From 1 ms to 10 s the bins double from octave to octave, so that each decade has its share of them."""
    found = distribution_of(np.geomspace(1.0, 10_000.0, 1000))
    widths = [round((high - low) * NS_PER_MS) / NS_PER_MS for low, high in pairwise(found.edges_ms)]
    assert N_BINS_MAX / 2 <= len(widths) <= N_BINS_MAX
    assert widths == sorted(widths)
    assert all(0.1 < width / low < 0.26 for width, low in zip(widths, found.edges_ms, strict=False))


def test_an_edge_belongs_to_the_bin_above_it() -> None:
    """2^24 ns is the first latency of its octave, not the last of the one below."""
    edge_ms = 2**24 / NS_PER_MS
    found = distribution_of([edge_ms - 1 / NS_PER_MS, edge_ms, edge_ms])
    assert found.counts[-1] == 2
    assert found.edges_ms[-2] == edge_ms


@given(
    latencies_ns=st.lists(
        st.one_of(st.integers(-5, 5), st.integers(1, 10**8), st.integers(-(2**63) + 1, 2**63 - 1)),
        min_size=1,
        max_size=40,
    )
)
@settings(max_examples=100, deadline=None)
def test_every_decided_frame_is_in_one_bin(latencies_ns) -> None:
    """Whatever latencies a damaged record claims: ascending edges that span them all, no frame lost or twice."""
    n = len(latencies_ns)
    frames = np.zeros(n, FRAME_DTYPE)
    frames["frame_id"], frames["outcome"] = np.arange(n), 1
    frames["t_decided_ns"] = latencies_ns
    found = distribution(cut(make_record(make_plan(n_measured=n, n_warmup=0), frames=frames, curves=())))
    assert found is not None
    assert sum(found.counts) + found.n_undecided == n
    assert len(found.edges_ms) == len(found.counts) + 1 <= N_BINS_MAX + 1
    assert sorted(found.edges_ms) == list(found.edges_ms)
    assert found.edges_ms[0] <= min(latencies_ns) / NS_PER_MS
    assert found.edges_ms[-1] >= max(latencies_ns) / NS_PER_MS
    for low, high, count in zip(found.edges_ms[:-1], found.edges_ms[1:-1], found.counts, strict=False):
        if max(abs(low), abs(high)) < 1000:  # in whole nanoseconds a float of ms is exact there
            low_ns, high_ns = round(low * NS_PER_MS), round(high * NS_PER_MS)
            assert count == sum(low_ns <= one < high_ns for one in latencies_ns)


@given(n=st.integers(1, 5000))
@settings(max_examples=50, deadline=None)
def test_percentiles_ascend_and_so_do_their_latencies(n: int) -> None:
    """Each percentile stands once; the curve begins at the shortest and ends at the longest frame."""
    found = distribution_of(np.random.default_rng(n).gamma(2, 8, n) + 0.001)
    assert sorted(set(found.percentiles)) == list(found.percentiles)
    assert sorted(found.latency_ms) == list(found.latency_ms)
    assert (found.percentiles[0], found.percentiles[-1]) == (0.0, 100.0)
