"""Numbers from the frame records."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from builders import make_frames, make_plan, make_record, undecide
from hilrig.core.frame import FRAME_DTYPE, FrameTable, Outcome, OutcomeReason
from hilrig.core.run import RunPlan
from hilrig.core.verdict import Measurement
from hilrig.verdict.measure import longest_run, measure_frames
from hilrig.verdict.window import cut


def measured(plan: RunPlan, frames: FrameTable) -> dict[str, Measurement]:
    """Return all frame measurements by name."""
    return {one.metric: one for one in measure_frames(cut(make_record(plan, frames=frames)))}


def value(plan: RunPlan, frames: FrameTable, metric: str) -> float | None:
    """Return one frame measurement's value."""
    return measured(plan, frames)[metric].value


PLAN = make_plan(n_measured=1000, n_warmup=30)


def ramp() -> NDArray[np.float64]:
    """Return latencies of 1 to 1000 ms in a shuffled order; the warm-up takes 5 s."""
    return np.concatenate((np.full(30, 5000.0), np.random.default_rng(1).permutation(np.arange(1.0, 1001.0))))


@pytest.mark.parametrize(
    ("metric", "expected_ms"),
    [
        ("latency_p50_ms", 500),
        ("latency_p95_ms", 950),
        ("latency_p99_ms", 990),
        ("latency_p99_9_ms", 999),
        ("latency_max_ms", 1000),
        ("latency_mean_ms", 500.5),
        ("latency_p99_incl_drops_ms", 990),
    ],
)
def test_percentiles_are_nearest_rank_on_raw_frames(metric: str, expected_ms: float) -> None:
    """No interpolation, no warm-up, no histogram: the ranked latency itself."""
    assert value(PLAN, make_frames(PLAN, latency_ms=ramp()), metric) == expected_ms


def test_latency_counts_from_the_intended_moment() -> None:
    """A frame that was released late is late, even when it was served fast."""
    frames = make_frames(PLAN, latency_ms=80.0, lateness_us=70_000.0)
    numbers = measured(PLAN, frames)
    assert numbers["latency_p50_ms"].value == 80
    assert numbers["feeder_lateness_p50_us"].value == 70_000
    assert (numbers["service_max_ms"].value or 0) < 10


def test_dropped_frames_raise_the_percentile_that_counts_them() -> None:
    """Dropping the slow frames improves the p99 of the others, not the one with drops as infinite."""
    slow = np.arange(40, 55)
    latency_ms = np.full(PLAN.n_frames, 10.0)
    latency_ms[slow] = 900.0
    frames = make_frames(PLAN, latency_ms=latency_ms, dropped=slow.tolist())
    numbers = measured(PLAN, frames)
    assert numbers["latency_p99_ms"].value == 10
    assert numbers["latency_p99_incl_drops_ms"].value is None
    assert numbers["latency_p99_incl_drops_ms"].reason == "infinite: 1.5 % of frames got no decision"


def test_stages_add_up_to_the_latency() -> None:
    """Lateness, queue and service of equal frames make up their latency."""
    numbers = measured(PLAN, make_frames(PLAN, latency_ms=20.0, lateness_us=400.0))
    parts = [numbers[f"{name}_p50_ms"].value or 0 for name in ("queue", "preprocess", "infer", "decide")]
    assert sum(parts) + 0.4 == pytest.approx(20.0)
    assert numbers["service_p50_ms"].value == pytest.approx(sum(parts[1:]))


def test_counts_are_of_the_measured_part() -> None:
    """Drops and failures in the warm-up are not counted, and the cut is reported."""
    frames = make_frames(PLAN, dropped=[3, 100, 101], failed=[5, 200])
    numbers = measured(PLAN, frames)
    counts = ("frames_offered", "frames_decided", "frames_dropped", "frames_failed", "warmup_frames_cut")
    assert [numbers[name].value for name in counts] == [1000, 997, 2, 1, 30]
    assert numbers["drop_pct"].value == 0.2
    assert numbers["failed_pct"].value == 0.1


def test_decision_gap_of_a_healthy_run_is_one_period() -> None:
    """Whatever the latency, a steady pipeline decides once a period."""
    for latency_ms in (5.0, 30.0, 140.0):
        gap_ms = value(PLAN, make_frames(PLAN, latency_ms=latency_ms), "decision_gap_ms")
        assert gap_ms == pytest.approx(1000 / 30, abs=1e-5)


def test_gap_before_the_measured_part_is_not_part_of_it() -> None:
    """A warm-up in which hardly anything was decided makes no gap."""
    frames = make_frames(PLAN, dropped=range(1, 30))
    assert value(PLAN, frames, "decision_gap_ms") == pytest.approx(1000 / 30, abs=1e-5)


def test_blind_camera_shows_in_the_decision_gap() -> None:
    """Two seconds without decisions are a gap of two seconds, though every decided frame was fast."""
    frames = make_frames(PLAN, dropped=range(500, 560))
    assert value(PLAN, frames, "decision_gap_ms") == pytest.approx(61 * 1000 / 30, abs=1e-3)
    assert value(PLAN, frames, "consecutive_drops") == 60


def test_stalled_from_the_start_or_to_the_end_is_a_gap_too() -> None:
    """A target that never begins, or stops before the end, is blind for that time."""
    last = PLAN.n_frames
    for blind in (range(30, 330), range(last - 300, last)):
        gap_ms = value(PLAN, make_frames(PLAN, dropped=blind), "decision_gap_ms")
        assert gap_ms is not None
        assert gap_ms >= 300 * 1000 / 30 - 11


def test_no_decision_at_all_is_a_gap_of_the_whole_run() -> None:
    """Without any decision the gap is as long as the measured part, and latencies have no value."""
    numbers = measured(PLAN, make_frames(PLAN, dropped=range(PLAN.n_frames)))
    assert numbers["decision_gap_ms"].value == pytest.approx(1000 / 30 * 1000, abs=1e-3)
    assert numbers["latency_p99_ms"].value is None
    assert numbers["latency_p99_ms"].reason == "no measured frame was decided"


def test_failed_frame_interrupts_neither_drops_nor_counts_as_one() -> None:
    """A failure between drops ends the run of drops: it was an answer of its own kind."""
    frames = make_frames(PLAN, dropped=[100, 101, 103, 104, 105], failed=[102])
    assert value(PLAN, frames, "consecutive_drops") == 3


def test_ntsc_minute_is_a_minute() -> None:
    """Duration follows the exact frame period: 1800 frames at 30000/1001 fps are 60.06 s."""
    plan = make_plan(n_measured=1800, n_warmup=7, fps=Fraction(30_000, 1001))
    assert value(plan, make_frames(plan), "duration_min") == 1.001


def test_record_without_frames_gives_reasons_not_zeros() -> None:
    """Nothing measured is None with a reason in every quantity but the counts."""
    numbers = measured(PLAN, np.zeros(0, FRAME_DTYPE))
    with_value = {name for name, one in numbers.items() if one.value is not None}
    assert all(name.startswith(("frames_", "warmup_", "tail_")) for name in with_value)
    assert all(one.reason for one in numbers.values() if one.value is None)


def test_frame_without_outcome_is_no_decision() -> None:
    """A pending frame is as late as a dropped one, even with a stamp that looks like a decision."""
    frames = make_frames(PLAN)
    stamps = frames["t_decided_ns"][100:200].copy()
    undecide(frames, range(100, 200), outcome=Outcome.PENDING, reason=OutcomeReason.NONE)
    frames["t_decided_ns"][100:200] = stamps
    assert value(PLAN, frames, "latency_p99_incl_drops_ms") is None


def test_stages_that_a_target_does_not_show_are_not_measured() -> None:
    """A stamp of 0 is no stamp: stages of a foreign pipeline have a reason, not 0 ms; what is known stays."""
    frames = make_frames(PLAN, latency_ms=20.0)
    frames["t_preprocessed_ns"] = frames["t_inferred_ns"] = 0
    numbers = measured(PLAN, frames)
    for stage in ("preprocess", "infer", "decide"):
        for name in ("p50", "p95", "p99", "max"):
            one = numbers[f"{stage}_{name}_ms"]
            assert (one.value, one.n, one.reason) == (None, 0, "the target does not show its stages")
    assert (numbers["service_p50_ms"].value or 0) > 10
    assert numbers["queue_p50_ms"].n == 1000


def test_stage_is_measured_on_the_frames_that_show_it() -> None:
    """Frames without the stamp do not pull a stage's percentiles towards 0."""
    frames = make_frames(PLAN, latency_ms=20.0)
    whole = measured(PLAN, frames)["infer_p50_ms"].value
    frames["t_inferred_ns"][::2] = 0
    one = measured(PLAN, frames)["infer_p50_ms"]
    assert (one.value, one.n) == (pytest.approx(whole, rel=1e-6), 500)


def test_undecided_run_does_not_blame_the_stages() -> None:
    """Where nothing was decided, that is the reason."""
    numbers = measured(PLAN, make_frames(PLAN, dropped=range(PLAN.n_frames)))
    assert numbers["infer_p99_ms"].reason == "no measured frame was decided"


@given(mask=st.lists(st.booleans(), max_size=80))
def test_longest_run_equals_the_longest_streak_of_a_plain_loop(mask: list[bool]) -> None:
    """The vectorised run length agrees with counting by hand."""
    longest = streak = 0
    for is_true in mask:
        streak = streak + 1 if is_true else 0
        longest = max(longest, streak)
    assert longest_run(np.array(mask, np.bool_)) == longest
