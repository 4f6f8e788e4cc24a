"""Which frames count."""

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from builders import T0_NS, make_events, make_frames, make_plan, make_record, undecide
from hilrig.core.arrivals import schedule
from hilrig.core.frame import FRAME_DTYPE, Outcome, OutcomeReason
from hilrig.core.run import Ended
from hilrig.verdict.window import cut, grid_ns


def test_warm_up_is_cut_by_rule() -> None:
    """The planned number of first frames does not count, however slow or fast they were."""
    plan = make_plan(n_measured=100, n_warmup=30)
    latency_ms = np.where(np.arange(130) < 30, 900.0, 10.0)
    window = cut(make_record(plan, frames=make_frames(plan, latency_ms=latency_ms)))
    assert window.n == 100
    assert int(window.measured.frame_id[0]) == 30
    assert int(window.sorted_latency_ns[-1]) == 10_000_000


def test_measured_part_is_the_grid_of_its_frames() -> None:
    """It starts when its first frame is due and ends one period after its last one."""
    plan = make_plan(n_measured=60, n_warmup=30)
    window = cut(make_record(plan))
    assert window.start_ns == T0_NS + 1_000_000_000
    assert window.end_ns == T0_NS + 3_000_000_000


def test_frames_still_queued_at_a_stop_are_not_the_models_fault() -> None:
    """After an early end, the last frames without a decision for that reason are cut."""
    plan = make_plan(n_measured=100, n_warmup=0)
    frames = make_frames(plan)
    undecide(frames, range(96, 100), outcome=Outcome.DROPPED, reason=OutcomeReason.RUN_ENDED)
    window = cut(make_record(plan, frames=frames, events=make_events(plan, ended=Ended.ABORTED)))
    assert (window.n, window.n_tail_cut) == (96, 4)


def test_frames_dropped_as_run_ended_in_the_middle_of_a_run_count() -> None:
    """Only the tail is cut: the reason cannot be used to hide drops before it."""
    plan = make_plan(n_measured=100, n_warmup=0)
    frames = make_frames(plan)
    undecide(frames, range(40, 50), outcome=Outcome.DROPPED, reason=OutcomeReason.RUN_ENDED)
    window = cut(make_record(plan, frames=frames, events=make_events(plan, ended=Ended.ABORTED)))
    assert (window.n, window.n_decided) == (100, 90)


def test_nothing_is_cut_at_the_end_of_a_completed_run() -> None:
    """A run that claims to be complete had time to decide every frame."""
    plan = make_plan(n_measured=100, n_warmup=0)
    frames = make_frames(plan)
    undecide(frames, range(96, 100), outcome=Outcome.DROPPED, reason=OutcomeReason.RUN_ENDED)
    window = cut(make_record(plan, frames=frames))
    assert (window.n, window.n_decided) == (100, 96)


def test_record_without_frames_has_an_empty_window() -> None:
    """No frame is no error: there is nothing to measure, and that is said elsewhere."""
    plan = make_plan()
    window = cut(make_record(plan, frames=np.zeros(0, FRAME_DTYPE)))
    assert (window.n, window.duration_ns) == (0, 0)


@given(
    numerator=st.integers(1001, 240_000),
    denominator=st.sampled_from([1, 100, 1001]),
    frame_ids=st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=20),
)
def test_grid_of_many_frames_equals_that_of_each(numerator: int, denominator: int, frame_ids: list[int]) -> None:
    """The vectorised grid is exact for every rate from 1 fps on and every frame id that a record can hold."""
    plan = make_plan(n_measured=max(frame_ids) + 1, n_warmup=0, fps=Fraction(numerator, denominator))
    expected = [schedule(plan).offset_ns(frame_id) for frame_id in frame_ids]
    assert grid_ns(plan, np.array(frame_ids, np.int64)).tolist() == expected
