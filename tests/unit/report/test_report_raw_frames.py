import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilrig.core.document import MeasuredFrames
from hilrig.core.frame import Outcome
from hilrig.report import raw_frames as raw_frames_module
from hilrig.report.raw_frames import BASE64_BYTES_MAX, N_EXACT, encode
from raw_frames import EIGHT_HOURS, decoded, make_measured, ordinary_ms

OUTCOMES = st.sampled_from(list(Outcome))


@st.composite
def measured(draw) -> MeasuredFrames:
    """Return any frames: gaps of up to an hour, latencies of up to a minute, every outcome."""
    n = draw(st.integers(1, 60))
    later_ns = draw(st.lists(st.integers(0, 3600 * 10**9), min_size=n, max_size=n))
    latency_ns = draw(st.lists(st.integers(0, 60 * 10**9), min_size=n, max_size=n))
    outcome = np.array(draw(st.lists(OUTCOMES, min_size=n, max_size=n)), np.uint8)
    return MeasuredFrames(
        due_ns=np.cumsum(np.array(later_ns, np.int64)),
        latency_ns=np.where(outcome == Outcome.DECIDED, np.array(latency_ns, np.int64), -1),
        outcome=outcome,
    )


@given(measured())
def test_every_frame_comes_back_within_one_step_and_never_lower(frames):
    """Latencies are rounded up and due times down, by less than a step; outcomes are exact, the slowest too."""
    raw = encode(frames)
    due_ns, latency_ns = decoded(raw.value)
    is_decided = frames.outcome == Outcome.DECIDED
    more_ns = (latency_ns - frames.latency_ns)[is_decided]
    assert ((more_ns >= 0) & (more_ns < raw.step_us * 1000)).all()
    late_ns = frames.due_ns - due_ns
    assert ((late_ns >= 0) & (late_ns < raw.value["due"]["step_us"] * 1000)).all()
    for outcome, mark in ((Outcome.DROPPED, -1), (Outcome.FAILED, -2), (Outcome.PENDING, -3)):
        assert (latency_ns[frames.outcome == outcome] == mark).all()
    if is_decided.any():
        assert latency_ns.max() == frames.latency_ns.max()


def test_eight_hours_fit_the_budget_and_keep_their_slowest_frames_exactly():
    """864,000 frames with three hot windows take steps of 10 us and less than 1.3 MB."""
    latency_ms = ordinary_ms(EIGHT_HOURS)
    latency_ms[100_000:150_000] *= 1.6
    latency_ms[500_000] = 5000.123456
    frames = make_measured(latency_ms, dropped=range(700_000, 700_030))
    raw = encode(frames)
    assert raw.step_us == 10
    assert len(raw.value["due"]["data"]) + len(raw.value["latency"]["data"]) <= BASE64_BYTES_MAX
    _, latency_ns = decoded(raw.value)
    slowest = np.argsort(-frames.latency_ns, kind="stable")[:N_EXACT]
    assert (latency_ns[slowest] == frames.latency_ns[slowest]).all()
    assert latency_ns.max() == 5_000_123_456
    assert np.count_nonzero(latency_ns == -1) == 30


def test_a_frame_is_over_a_limit_in_whole_steps_exactly_when_it_was():
    """Rounding up keeps the answer: 45.000001 ms is over 45 ms, 45 ms and 44.999999 ms are not."""
    frames = make_measured(np.array([44.999999, 45.0, 45.000001, 99.0] * 300))
    _, latency_ns = decoded(encode(frames).value)
    assert ((latency_ns > 45_000_000) == (frames.latency_ns > 45_000_000)).all()


def test_a_short_run_has_steps_of_a_microsecond():
    """The finest step that fits is taken."""
    assert encode(make_measured(ordinary_ms(18_000))).step_us == 1


def test_a_run_that_fits_only_in_steps_of_a_millisecond_keeps_its_buckets(monkeypatch):
    """Of 11 ms nobody sees a tail in whole milliseconds; a twentieth of the room stands for a run of days."""
    monkeypatch.setattr(raw_frames_module, "BASE64_BYTES_MAX", BASE64_BYTES_MAX // 20)
    assert encode(make_measured(ordinary_ms(60_000))).step_us == 100
    assert encode(make_measured(ordinary_ms(100_000))) is None


def test_a_slow_pipeline_gets_coarser_steps_rather_than_a_list_of_misfits():
    """Latencies of half a second do not fit 16 bits of a microsecond."""
    assert encode(make_measured(ordinary_ms(18_000) + 500)).step_us == 10


def test_no_frames_give_no_block():
    """A run without a measured part has nothing to zoom into."""
    assert encode(make_measured(np.array([]))) is None


def test_more_frames_than_a_page_can_hold_give_no_block():
    """Eight hours at 1 kHz with noise of a second: the page keeps its buckets and says so."""
    rng = np.random.default_rng(2)
    assert encode(make_measured(rng.uniform(1, 60_000, 1_200_000), period_ns=1_000_000)) is None


def test_frames_out_of_order_are_not_packed():
    """Zooming searches by time: what is not in its order is not drawn as if it were."""
    frames = make_measured(ordinary_ms(10))
    swapped = MeasuredFrames(due_ns=frames.due_ns[::-1], latency_ns=frames.latency_ns, outcome=frames.outcome)
    assert encode(swapped) is None


@pytest.mark.parametrize("n", [1, 2, 255, 257])
def test_equal_input_gives_equal_bytes(n):
    """Nothing but the frames goes into the block."""
    assert encode(make_measured(ordinary_ms(n))) == encode(make_measured(ordinary_ms(n)))
