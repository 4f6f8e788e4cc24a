"""Which frame lost the time that made another one late."""

import numpy as np
import pytest

from builders import NS_PER_MS, make_frames, make_plan, make_record
from hilrig.core.run import Ended, RunEvent
from hilrig.verdict.attribution.origin import ServiceLine
from hilrig.verdict.window import cut
from served_frames import HAND_OVER_NS, serve, when_ns

PLAN = make_plan(n_measured=300)
LIMIT_NS = 45 * NS_PER_MS


def line_of(frames, limit_ns=LIMIT_NS) -> ServiceLine:
    """Return the service line of a record."""
    return ServiceLine(cut(make_record(PLAN, frames=frames)), limit_ns)


def origins_of(frames, *frame_ids: int):
    """Return where the time of frames was lost."""
    return line_of(frames).origins(np.array(frame_ids) - PLAN.n_warmup_frames)


def test_a_frame_without_a_queue_is_its_own_origin():
    """Its own part begins when it was due, and the excess is what it took beyond the usual."""
    frames = serve(PLAN, extra_ms={100: 70.0})
    origin = origins_of(frames, 100)
    assert origin.frame_id.tolist() == [100]
    assert origin.begin_ns.tolist() == [when_ns(frames, 100)]
    assert origin.end_ns.tolist() == [int(frames["t_decided_ns"][100])]
    assert origin.excess_ns.tolist() == [70 * NS_PER_MS]


def test_a_frame_that_waited_for_nobody_never_leads_back():
    """Not even when it was faster than usual, long after a stall."""
    frames = serve(PLAN, extra_ms={90: 250.0, 150: -1.0})
    assert origins_of(frames, 150).frame_id.tolist() == [150]


def test_every_frame_of_the_queue_leads_back_to_the_stall():
    """Frames that waited, and frames that were dropped, lost their time in the one that was slow."""
    jitter_ms = dict.fromkeys(range(101, 120), 1.0)
    frames = serve(PLAN, extra_ms={100: 250.0} | jitter_ms)
    late = np.flatnonzero(
        (frames["t_decided_ns"] == 0) | (frames["t_decided_ns"] - frames["t_intended_ns"] > LIMIT_NS)
    )
    assert late.size > 6
    assert set(origins_of(frames, *late.tolist()).frame_id.tolist()) == {100}


def test_a_second_stall_in_the_queue_is_an_origin_of_its_own():
    """What waits behind both leads back to the later one, when that lost more than it had waited."""
    frames = serve(PLAN, extra_ms={100: 40.0, 102: 150.0})
    assert origins_of(frames, 101, 102, 103).frame_id.tolist() == [100, 102, 102]


def test_the_queue_of_a_stall_in_the_warm_up_is_seen():
    """A measured frame may wait behind one that was not measured."""
    frames = serve(PLAN, extra_ms={29: 150.0})
    assert origins_of(frames, 31).frame_id.tolist() == [29]


def test_a_frame_that_a_free_target_did_not_take_stands_for_itself():
    """There was no frame to wait behind: the time from its due moment to the next taking is its own."""
    frames = serve(PLAN, away_ms={100: 300.0})
    dropped = np.flatnonzero(frames["t_decided_ns"] == 0)
    assert dropped.size
    origin = origins_of(frames, int(dropped[0]))
    assert origin.frame_id.tolist() == [int(dropped[0])]
    taken_ns = frames["t_dequeue_ns"][frames["t_dequeue_ns"] > origin.begin_ns[0]].min()
    assert origin.end_ns.tolist() == [int(taken_ns)]


def test_an_overloaded_target_has_no_excess_anywhere():
    """When every frame takes 40 ms of a 33 ms period, no single one is to blame for the drops."""
    frames = serve(PLAN, service_ms=40.0)
    dropped = np.flatnonzero((frames["t_decided_ns"] == 0) & (frames["frame_id"] > 60))
    assert np.abs(origins_of(frames, *dropped.tolist()).excess_ns).max() < NS_PER_MS


def test_usual_is_the_median_of_the_frames_within_the_limit():
    """Most of the run slow: usual is still what the healthy part took; all slow: what they all took."""
    most = serve(PLAN, extra_ms=dict.fromkeys(range(150, 330), 22.0))
    assert line_of(most, 20 * NS_PER_MS).usual.latency_ns == 10 * NS_PER_MS + HAND_OVER_NS + 2000
    everything = make_frames(PLAN, latency_ms=60.0)
    assert line_of(everything).usual.latency_ns == 60 * NS_PER_MS


@pytest.mark.parametrize("n", [0, 1])
def test_a_record_of_hardly_any_frame_has_no_origins(n):
    """An aborted run is no error."""
    frames = serve(PLAN)[:n]
    assert line_of(frames).origins(np.zeros(0, np.int64)).frame_id.size == 0


def test_a_target_that_took_no_frame_leaves_each_to_itself():
    """All dropped: nothing is known but when they were due, and that nobody took them."""
    frames = make_frames(PLAN, dropped=range(PLAN.n_frames))
    origin = origins_of(frames, 100, 101)
    assert origin.frame_id.tolist() == [100, 101]
    assert (origin.excess_ns > 0).all()


def test_the_tail_of_an_early_end_does_not_shift_positions():
    """Positions count in the measured part, whatever was cut from either end of the record."""
    frames = serve(PLAN, extra_ms={100: 70.0})[:200]
    frames["outcome"][-3:], frames["reason"][-3:] = 2, 5  # dropped because the run ended
    end = RunEvent(seq=0, t_ns=0, at_utc="", kind="run_ended", detail={"ended": Ended.ABORTED.value})
    window = cut(make_record(PLAN, frames=frames, events=[end]))
    assert window.n_tail_cut == 3
    origin = ServiceLine(window, LIMIT_NS).origins(np.array([100 - PLAN.n_warmup_frames]))
    assert origin.frame_id.tolist() == [100]
