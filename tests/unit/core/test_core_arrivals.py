"""hilrig.core.arrivals: when each frame is due."""

import time
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import make_plan
from hilrig.core.arrivals import AHEAD_FRAMES, BLOCK_FRAMES, Schedule, grid_of, schedule, schedule_of
from hilrig.core.errors import RecordError
from hilrig.core.profile import ArrivalModel, ArrivalSpec

MS = 1_000_000
PERIOD_NS = Fraction(10**9, 30)
TWO_CAMERAS = ArrivalSpec(camera_offsets_ms=(0.0, 16.0))
BURST = ArrivalSpec(model=ArrivalModel.BURST, burst_frames=4, burst_spacing_ms=5.0)
JITTER = ArrivalSpec(model=ArrivalModel.JITTER, jitter_ms=2.0, seed=7)
JITTERED_CAMERAS = replace(JITTER, camera_offsets_ms=(0.0, 16.0))
POISSON = ArrivalSpec(model=ArrivalModel.POISSON, seed=7)
TRACE = ArrivalSpec(model=ArrivalModel.TRACE, trace_gaps_ns=(30 * MS, 0, 37 * MS, 33 * MS))
ALL = {
    "fixed": ArrivalSpec(),
    "two-cameras": TWO_CAMERAS,
    "burst": BURST,
    "jitter": JITTER,
    "jittered-cameras": JITTERED_CAMERAS,
    "poisson": POISSON,
    "trace": TRACE,
}
every_model = pytest.mark.parametrize("arrivals", ALL.values(), ids=ALL.keys())


def scheduled(arrivals: ArrivalSpec, rate_fps: Fraction = Fraction(30)) -> Schedule:
    return schedule_of(arrivals, period_ns=10**9 / (rate_fps * len(arrivals.camera_offsets_ms)))


def offsets(arrivals: ArrivalSpec, n: int, rate_fps: Fraction = Fraction(30)) -> np.ndarray:
    return scheduled(arrivals, rate_fps).offsets_ns(np.arange(n))


# --- every model ---------------------------------------------------------------------------------------------


@every_model
def test_one_frame_is_due_when_all_say_so(arrivals: ArrivalSpec):
    """Asked for one after the other, as the feeder does, frames are due to the nanosecond as the verdict says."""
    n = 3 * AHEAD_FRAMES + 7
    paced = scheduled(arrivals)
    assert [paced.offset_ns(frame_id) for frame_id in range(n)] == offsets(arrivals, n).tolist()


@every_model
@given(frame_ids=st.lists(st.integers(0, 40_000), min_size=1, max_size=8))
def test_no_order_of_asking_changes_an_answer(arrivals: ArrivalSpec, frame_ids: list[int]):
    """Forwards, backwards, twice: one schedule gives the answers of a fresh one for each frame."""
    asked = scheduled(arrivals)
    expected = offsets(arrivals, max(frame_ids) + 1)[frame_ids].tolist()
    assert asked.offsets_ns(np.array(frame_ids)).tolist() == expected
    assert [asked.offset_ns(frame_id) for frame_id in frame_ids] == expected
    assert asked.offsets_ns(np.array(frame_ids)).tolist() == expected


@every_model
def test_no_frame_overtakes_another(arrivals: ArrivalSpec):
    """Frame ids are in the order of time, from t0 on, also across the blocks that are computed at once."""
    due_ns = offsets(arrivals, 3 * BLOCK_FRAMES)
    assert due_ns[0] >= 0
    assert np.diff(due_ns).min() >= 0


@every_model
def test_the_mean_rate_is_the_plans(arrivals: ArrivalSpec):
    """50,000 frames take 50,000 mean periods; chance alone moves Poisson arrivals, by 0.45 % (one sigma)."""
    n = 50_000
    period_ns = 25 * MS if arrivals is TRACE else 10**9 / (30 * len(arrivals.camera_offsets_ms))
    off = offsets(arrivals, n + 1)[-1] / (n * float(period_ns)) - 1
    assert abs(off) < (0.015 if arrivals is POISSON else 0.0001)


@every_model
def test_no_frames_have_no_offsets(arrivals: ArrivalSpec):
    """A record without frames is judged as well."""
    assert scheduled(arrivals).offsets_ns(np.zeros(0, np.int64)).tolist() == []


@every_model
def test_a_schedule_comes_from_the_plan_alone(arrivals: ArrivalSpec):
    """What the feeder computes before a run the verdict computes from plan.json."""
    period_ns = 10**9 / (Fraction(30) * len(arrivals.camera_offsets_ms))
    plan = replace(
        make_plan(),
        arrivals=arrivals,
        period_numerator_ns=7 * period_ns.numerator,
        period_denominator=7 * period_ns.denominator,
    )
    assert schedule(plan).offsets_ns(np.arange(100)).tolist() == offsets(arrivals, 100).tolist()


@every_model
def test_eight_hours_are_computed_in_a_moment(arrivals: ArrivalSpec):
    """864,000 frames in well under a second of CPU time: 0.05 s measured, 3 s allowed on a busy machine."""
    begin_s = time.thread_time()
    offsets(arrivals, 864_000)
    assert time.thread_time() - begin_s < 3


# --- fixed ---------------------------------------------------------------------------------------------------


@given(
    st.integers(0, 10**9),
    st.sampled_from([Fraction(30), Fraction(30000, 1001), Fraction(1), Fraction("59.94005994005994")]),
)
def test_one_camera_is_on_the_exact_grid(frame_id: int, rate_fps: Fraction):
    """Frame i is due at floor(i * period), for a rate of sixteen digits too: what old runs were paced by."""
    expected = frame_id * 10**9 * rate_fps.denominator // rate_fps.numerator
    assert scheduled(ArrivalSpec(), rate_fps).offset_ns(frame_id) == expected


def test_cameras_take_turns():
    """Two cameras at 30 fps, the second 16 ms after the first: frame ids alternate, each camera keeps its grid."""
    two = scheduled(TWO_CAMERAS)
    due_ns = two.offsets_ns(np.arange(60))
    assert due_ns[::2].tolist() == offsets(ArrivalSpec(), 30).tolist()
    assert due_ns[1::2].tolist() == [due + 16 * MS for due in due_ns[::2].tolist()]
    assert two.camera_ids(np.arange(5)).tolist() == [two.camera_id(i) for i in range(5)] == [0, 1, 0, 1, 0]


@given(
    st.integers(1, 64),
    st.fractions(Fraction(1, 10), 1000, max_denominator=1001),
    st.data(),
)
def test_cameras_never_overtake_each_other(n_cameras: int, rate_fps: Fraction, data: st.DataObject):
    """Any phases that ascend below the period give frames in order, however the period is rounded."""
    period_ns = int(10**9 / rate_fps)
    phases_ns = sorted(data.draw(st.sets(st.integers(0, period_ns - 1), min_size=n_cameras, max_size=n_cameras)))
    cameras = ArrivalSpec(camera_offsets_ms=tuple(phase_ns / MS for phase_ns in phases_ns))
    due_ns = offsets(cameras, 20 * n_cameras, rate_fps)
    assert np.diff(due_ns).min() >= 0
    assert due_ns[:n_cameras].tolist() == phases_ns


@pytest.mark.parametrize("phases_ms", [(0, 0), (5, 4), (0, 33.4), (-1, 2), ()])
def test_phases_that_no_camera_has_are_refused(phases_ms: tuple[float, ...]):
    """Not ascending, beyond the period, before t0, none: a plan with these was changed by hand."""
    with pytest.raises(RecordError, match="arrivals are impossible") as caught:
        schedule_of(ArrivalSpec(camera_offsets_ms=phases_ms), period_ns=PERIOD_NS / max(1, len(phases_ms)))
    assert "plan.json" in caught.value.hint


# --- burst ---------------------------------------------------------------------------------------------------


def test_a_burst_is_a_trigger_with_its_frames():
    """Four frames 5 ms apart at 30 fps on average: a trigger every 133.3 ms."""
    assert offsets(BURST, 9).tolist() == [
        *(0, 5 * MS, 10 * MS, 15 * MS),
        *(133_333_333, 138_333_333, 143_333_333, 148_333_333),
        266_666_666,
    ]
    assert scheduled(BURST).camera_ids(np.arange(5)).tolist() == [0] * 5


def test_a_burst_that_meets_the_next_trigger_is_refused():
    """Four frames fill at most the trigger's period: 44.4 ms apart they would not."""
    schedule_of(replace(BURST, burst_spacing_ms=44.4), period_ns=PERIOD_NS)
    with pytest.raises(RecordError, match="overtake"):
        schedule_of(replace(BURST, burst_spacing_ms=44.5), period_ns=PERIOD_NS)


@pytest.mark.parametrize("burst_frames", [-1, 0, 10**12])
def test_an_endless_burst_is_refused(burst_frames: int):
    """A number from a hostile plan ends in a message, not in a full memory."""
    with pytest.raises(RecordError, match="out of range"):
        schedule_of(replace(BURST, burst_frames=burst_frames), period_ns=PERIOD_NS)


# --- jitter --------------------------------------------------------------------------------------------------


def test_jitter_is_uniform_around_the_grid():
    """Within +-2 ms, shifted by 2 ms so that nothing is due before t0; mean 0, deviation 2 / sqrt(3) ms."""
    late_ms = (offsets(JITTER, 20_000) - offsets(ArrivalSpec(), 20_000)) / MS - 2
    assert -2 <= late_ms.min() < -1.99
    assert 1.99 < late_ms.max() <= 2
    assert abs(late_ms.mean()) < 0.04  # five sigma
    assert late_ms.std() == pytest.approx(2 / 3**0.5, rel=0.02)
    assert abs(np.corrcoef(late_ms[1:], late_ms[:-1])[0, 1]) < 0.035  # frames know nothing of each other


@pytest.mark.parametrize("model", [ArrivalModel.JITTER, ArrivalModel.POISSON])
def test_the_seed_decides(model: ArrivalModel):
    """One seed, one schedule; the next seed, another one."""
    seven, again, eight = (
        offsets(ArrivalSpec(model=model, jitter_ms=1.0, seed=seed), 50).tolist() for seed in (7, 7, 8)
    )
    assert seven == again
    assert seven != eight


def test_jitter_up_to_half_the_shortest_gap():
    """Frames would overtake each other beyond that; with two cameras the time between the two decides."""
    schedule_of(replace(JITTER, jitter_ms=16.6), period_ns=PERIOD_NS)
    with pytest.raises(RecordError, match="overtake"):
        schedule_of(replace(JITTER, jitter_ms=16.7), period_ns=PERIOD_NS)
    with pytest.raises(RecordError, match="overtake"):
        schedule_of(replace(JITTERED_CAMERAS, jitter_ms=8.1), period_ns=PERIOD_NS / 2)


# --- poisson -------------------------------------------------------------------------------------------------


def test_poisson_gaps_are_exponential():
    """Mean and deviation are the period, the distribution is within the Kolmogorov-Smirnov bound (0.1 %)."""
    n = 100_000
    gaps = np.sort(np.diff(offsets(POISSON, n + 1)) / float(PERIOD_NS))
    assert gaps.mean() == pytest.approx(1, rel=0.016)  # five sigma
    assert gaps.std() == pytest.approx(1, rel=0.025)
    empirical = np.arange(1, n + 1) / n
    assert np.abs(empirical - (1 - np.exp(-gaps))).max() < 1.95 / n**0.5


def test_poisson_counts_vary_as_they_should():
    """In windows of ten periods the count's variance is its mean: parts that know nothing of each other."""
    due_ns = offsets(POISSON, 50_001)
    counts = np.bincount((due_ns / float(10 * PERIOD_NS)).astype(int))[:-1]
    assert counts.var() / counts.mean() == pytest.approx(1, abs=0.1)


def test_drawn_offsets_are_what_they_were():
    """They are part of the format: a record of today is judged by them later. Computed apart, to 40 digits."""
    assert offsets(POISSON, 5).tolist() == [0, 31_401_505, 167_637_284, 171_121_139, 189_110_727]
    assert offsets(replace(JITTER, seed=0), 3).tolist() == [3_521_759, 36_556_003, 69_987_954]


@pytest.mark.parametrize("rate_fps", [Fraction(1000), Fraction(1, 3600), Fraction(1, 10**6)])
def test_poisson_has_every_rate(rate_fps: Fraction):
    """From a thousand a second to one in eleven days, gaps are the same multiples of the period."""
    n = 2000
    gaps = offsets(POISSON, n, rate_fps) * float(rate_fps) / 1e9
    assert gaps == pytest.approx(offsets(POISSON, n) * 30 / 1e9, rel=1e-3, abs=1e-2)


# --- trace ---------------------------------------------------------------------------------------------------


def test_a_trace_is_replayed_in_a_cycle():
    """Each gap after the other, the first again after the last; two frames at one moment stay two."""
    assert [due // MS for due in offsets(TRACE, 10).tolist()] == [0, 30, 30, 67, 100, 130, 130, 167, 200, 230]


@pytest.mark.parametrize("gaps_ns", [(), (0, 0), (5, -1), (2**62, 2**62)])
def test_no_trace_at_all_is_refused(gaps_ns: tuple[int, ...]):
    """A profile parsed without its trace, gaps that are none: nothing is guessed."""
    with pytest.raises(RecordError, match="a trace needs gaps"):
        schedule_of(ArrivalSpec(model=ArrivalModel.TRACE, trace_gaps_ns=gaps_ns), period_ns=PERIOD_NS)


# --- hostile plans -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("numerator_ns", "denominator", "seed"),
    [(0, 1, 0), (-5, 1, 0), (5, 0, 0), (5, -1, 0), (2**60, 1, 0), (5, 1, -1)],
)
@pytest.mark.parametrize("model", ArrivalModel)
def test_a_plan_that_no_profile_makes_is_refused(model, numerator_ns: int, denominator: int, seed: int):
    """Periods and seeds out of range end in a message that names the plan."""
    arrivals = ArrivalSpec(model=model, seed=seed, trace_gaps_ns=(5,))
    plan = make_plan()
    plan = replace(plan, arrivals=arrivals, period_numerator_ns=numerator_ns, period_denominator=denominator)
    with pytest.raises(RecordError, match="the plan's arrivals are impossible"):
        schedule(plan)


def test_a_grid_knows_its_gaps():
    """The time from each frame of a group to the next, and from the last one to the next group."""
    grid = grid_of(TWO_CAMERAS, period_ns=PERIOD_NS / 2)
    assert grid.gaps_ns == (16 * MS, 17_333_333)
    assert grid.is_ordered
