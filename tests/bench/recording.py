"""Recording one frame: all of its stamps packed into the ring, beside one value put into an HdrHistogram."""

import time
from collections.abc import Mapping

import numpy as np

from bench.row import Bench, Row
from hilrig.run.frame_record import (
    COMPLETION,
    COMPLETION_AT,
    OUTCOME_AT,
    REASON_AT,
    RECORD_BYTES,
    RELEASE,
)

N = 200_000
N_RECORDS = 1 << 16  # as many as the ring of a run has
HIGHEST_NS = 60_000_000_000
SIGNIFICANT_FIGURES = 3


def _ours(scale: float) -> Mapping[str, float]:
    """Return ns for what feeder and worker write of a frame: the released record, the stages, the outcome."""
    ring, stamp_ns = memoryview(bytearray(N_RECORDS * RECORD_BYTES)), time.monotonic_ns()
    release, complete = RELEASE.pack_into, COMPLETION.pack_into
    begin_ns = time.perf_counter_ns()
    for index in range(round(N * scale)):
        offset = index % N_RECORDS * RECORD_BYTES
        release(ring, offset, index, 0, 0, 0, 0, stamp_ns, stamp_ns)
        complete(ring, offset + COMPLETION_AT, stamp_ns, stamp_ns, stamp_ns, stamp_ns, 0, 0.5)
        ring[offset + REASON_AT] = 0
        ring[offset + OUTCOME_AT] = 1
    return {"ns": (time.perf_counter_ns() - begin_ns) / round(N * scale)}


def _hdr_histogram(scale: float) -> Mapping[str, float]:
    """Return ns for one latency put into a histogram."""
    from hdrh.histogram import HdrHistogram  # without it this row alone is missing

    histogram = HdrHistogram(1, HIGHEST_NS, SIGNIFICANT_FIGURES)
    latencies = np.random.default_rng(1).lognormal(16, 0.5, round(N * scale)).astype(int).tolist()
    begin_ns = time.perf_counter_ns()
    for latency_ns in latencies:
        histogram.record_value(latency_ns)
    return {"ns": (time.perf_counter_ns() - begin_ns) / len(latencies)}


RECORDING = Bench(
    name="recording",
    rows=(
        Row(
            name="recording one frame, all stamps",
            against="one HdrHistogram insert",
            key="ns",
            unit="ns",
            reach=0.3,
            stretch=None,
        ),
    ),
    ours=_ours,
    peer=_hdr_histogram,
)
