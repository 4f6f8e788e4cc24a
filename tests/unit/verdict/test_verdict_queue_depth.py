"""The depth of the queue, from what the stamps say exactly."""

import time
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import NS_PER_MS, NS_PER_S, T0_NS, make_frames, make_plan, make_record, undecide
from hilrig.core.frame import FRAME_DTYPE, Outcome, OutcomeReason
from hilrig.core.profile import OnFull, QueueSpec
from hilrig.verdict.queue_depth import KEY, UNIT, queue_depth
from hilrig.verdict.window import cut

PERIOD_MS = 100
DEPTH = 4


def plan_of(n, *, on_full=OnFull.DROP_OLDEST, n_warmup=0):
    plan = make_plan(n_measured=n, n_warmup=n_warmup, fps=Fraction(1000, PERIOD_MS))
    return replace(plan, queue=QueueSpec(depth=DEPTH, on_full=on_full))


def frames_of(plan, taken_ms):
    """Return frames released every 100 ms; each is taken so many ms after t0, or never (None)."""
    frames = make_frames(plan, lateness_us=0.0)
    untaken = [index for index, moment in enumerate(taken_ms) if moment is None]
    undecide(frames, untaken, outcome=Outcome.DROPPED, reason=OutcomeReason.QUEUE_FULL)
    for index, moment in enumerate(taken_ms):
        if moment is not None:
            frames["t_dequeue_ns"][index] = T0_NS + round(moment * NS_PER_MS)
    return frames


def depth_of(plan, frames):
    (series,) = queue_depth(cut(make_record(plan, frames=frames, curves=())))
    return series


def extremes(plan, frames):
    series = depth_of(plan, frames)
    return list(zip(series.minimum, series.maximum, strict=True))


def test_a_target_that_waits_for_frames_has_a_depth_of_one() -> None:
    """Each frame is alone in the queue for a moment."""
    plan = plan_of(40)
    series = depth_of(plan, frames_of(plan, [PERIOD_MS * index + 1 for index in range(40)]))
    assert (series.key, series.unit) == (KEY, UNIT)
    assert set(series.minimum) == set(series.mean) == set(series.maximum) == {1.0}


def test_frames_pile_up_while_the_target_is_busy() -> None:
    """Three frames wait until 250 ms and are then taken at once: 1, 2, 3, then 1 again."""
    plan = plan_of(20)
    taken_ms = [250, 251, 252, *(PERIOD_MS * index + 1 for index in range(3, 20))]
    series = depth_of(plan, frames_of(plan, taken_ms))
    assert (series.minimum, series.maximum) == ((1.0,), (3.0,))
    assert series.mean == (pytest.approx(23 / 20),)


def test_a_full_queue_that_drops_the_oldest_stays_at_its_depth() -> None:
    """A target that hangs for 30 frames: the camera writes over the oldest, and no more than 4 ever wait."""
    plan = plan_of(60)
    taken_ms = [*(PERIOD_MS * index + 1 for index in range(20)), *[None] * 26]
    taken_ms += [4950, 4951, 4952, 4953, *(PERIOD_MS * index + 1 for index in range(50, 60))]
    assert extremes(plan, frames_of(plan, taken_ms)) == [(1.0, 1.0), (1.0, 4.0), (1.0, 4.0)]


def test_a_full_queue_that_drops_the_newest_never_had_them() -> None:
    """The four that it holds are the oldest; those that were turned away do not count."""
    plan = plan_of(20, on_full=OnFull.DROP_NEWEST)
    taken_ms = [950, 951, 952, 953, *[None] * 6, *(PERIOD_MS * index + 1 for index in range(10, 20))]
    assert extremes(plan, frames_of(plan, taken_ms)) == [(1.0, 4.0)]


def test_the_warm_ups_backlog_is_still_there_when_the_measured_part_begins() -> None:
    """Frames of the warm-up that wait are in the way of the first measured one."""
    plan = plan_of(20, n_warmup=2)
    taken_ms = [210, 211, 212, *(PERIOD_MS * index + 1 for index in range(3, 22))]
    assert depth_of(plan, frames_of(plan, taken_ms)).maximum == (3.0,)


def test_what_a_dead_target_left_is_never_deeper_than_the_queue() -> None:
    """One that it held and those that waited bear no stamp alike: the queue's depth bounds them."""
    for on_full in (OnFull.DROP_NEWEST, OnFull.BLOCK, OnFull.DROP_OLDEST):
        plan = plan_of(40, on_full=on_full)
        frames = frames_of(plan, [PERIOD_MS * index + 1 for index in range(40)])
        undecide(frames, range(20, 40), outcome=Outcome.FAILED, reason=OutcomeReason.RUN_ENDED)
        assert depth_of(plan, frames).maximum == (1.0, 4.0)


def test_buckets_are_those_of_the_telemetry() -> None:
    """Two seconds each in a short run, from the start of the measured part on."""
    plan = plan_of(100)
    frames = frames_of(plan, [PERIOD_MS * index + 1 for index in range(100)])
    assert depth_of(plan, frames).t_s == (0.0, 2.0, 4.0, 6.0, 8.0)


def test_a_late_last_release_is_in_the_last_bucket() -> None:
    """A camera that stalled for seconds released it after the measured part: it is not lost, nor out of bounds."""
    plan = plan_of(100)
    frames = make_frames(plan, lateness_us=np.where(np.arange(100) == 99, 5e6, 2.0), latency_ms=6000.0)
    assert depth_of(plan, frames).maximum[-1] is not None


def test_without_a_released_frame_there_is_no_series() -> None:
    """No frames, or none with a stamp: unknown is not empty."""
    assert queue_depth(cut(make_record(make_plan(n_measured=0, n_warmup=0), curves=()))) == ()
    plan = plan_of(10)
    frames = make_frames(plan)
    frames["t_release_ns"] = 0
    assert queue_depth(cut(make_record(plan, frames=frames, curves=()))) == ()


@given(
    waits_ms=st.lists(st.one_of(st.none(), st.integers(1, 900)), min_size=1, max_size=60),
    on_full=st.sampled_from(list(OnFull)),
)
@settings(max_examples=100, deadline=None)
def test_depth_is_what_counting_one_by_one_gives(waits_ms, on_full) -> None:
    """A slow count of who waits at each release finds the same extremes."""
    plan = plan_of(len(waits_ms), on_full=on_full)
    taken_ms = [None if wait is None else PERIOD_MS * index + wait for index, wait in enumerate(waits_ms)]
    overwritten_ms = [*(PERIOD_MS * later for later in range(DEPTH, len(taken_ms))), *[np.inf] * DEPTH]
    untaken_ms = {
        OnFull.DROP_OLDEST: overwritten_ms[-len(taken_ms) :],
        OnFull.DROP_NEWEST: [-1] * len(taken_ms),
        OnFull.BLOCK: [-1] * len(taken_ms),
    }[on_full]
    left_ms = [
        moment if moment is not None else untaken for moment, untaken in zip(taken_ms, untaken_ms, strict=True)
    ]
    counted = [
        min(DEPTH, sum(left > PERIOD_MS * index for left in left_ms[: index + 1])) for index in range(len(left_ms))
    ]
    series = depth_of(plan, frames_of(plan, taken_ms))
    found = [value for value in series.maximum if value is not None]
    assert (max(found), min(value for value in series.minimum if value is not None)) == (
        max(counted),
        min(counted),
    )


@given(st.lists(st.binary(min_size=64, max_size=64), max_size=40))
@settings(max_examples=100, deadline=None)
def test_garbage_gives_numbers_within_the_queue_or_none(rows) -> None:
    """Damaged stamps make no depth below 0 or beyond what the queue holds."""
    plan = plan_of(100)
    frames = np.concatenate((make_frames(plan), np.frombuffer(b"".join(rows), FRAME_DTYPE)))
    for series in queue_depth(cut(make_record(plan, frames=frames, curves=()))):
        assert all(value is None or 0 <= value <= DEPTH for value in (*series.minimum, *series.maximum))


def test_eight_hours_take_a_fraction_of_a_second() -> None:
    """864,000 frames in less than 0.3 s of CPU time, of the two seconds that all of the verdict may take."""
    plan = replace(make_plan(n_measured=864_000, n_warmup=0), queue=QueueSpec(depth=4, on_full=OnFull.DROP_OLDEST))
    window = cut(make_record(plan, curves=()))
    costs_ns = []
    for _ in range(4):  # the least of them is the function's own: what else runs only adds
        before_ns = time.process_time_ns()
        queue_depth(window)
        costs_ns.append(time.process_time_ns() - before_ns)
    assert min(costs_ns) < 0.3 * NS_PER_S
