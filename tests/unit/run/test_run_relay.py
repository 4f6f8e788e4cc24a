"""hilrig.run.relay: what an external process does with its frames, well or badly, is counted for what it is."""

import os
import sys
import time

import numpy as np
import pytest

from hilrig.core.frame import Outcome, OutcomeReason
from hilrig.core.profile import OnFull
from hilrig.run import relay as subject
from hilrig.run.shared_block import Word
from relay_benches import CLIENT, N_SLOTS, Bench, failed, odd, serve


def test_every_frame_is_decided_from_its_own_pixels(tmp_path):
    """The process sees each frame in its slot; thresholds make the decision; stamps are in order."""
    records, facts = serve(tmp_path, "good")
    assert (records["outcome"] == Outcome.DECIDED).all()
    assert odd(facts) == {}
    brightness = (100 + 40 * (np.arange(20) % N_SLOTS)) / 255
    assert records["score"] == pytest.approx(brightness)
    assert (records["defects"] == np.where(brightness >= 0.5, 0b11, 0)).all()
    assert (records["t_release_ns"] <= records["t_dequeue_ns"]).all()
    assert (records["t_dequeue_ns"] < records["t_decided_ns"]).all()
    assert (np.diff(records["t_decided_ns"]) > 0).all()


def test_a_fresh_frame_is_shown_from_its_own_slot(tmp_path):
    """A frame flagged as never shown before has its own place, a frame that could not get one shows the pool's."""
    bench = Bench(tmp_path, [sys.executable, CLIENT, "good"], n_frames=4, fresh_every=2)
    with bench.relay() as relay:
        records = bench.release(fresh=[1])
        relay.serve()
    assert (records["score"] * 255).round().tolist() == [100, 180, 100, 140]


def test_frames_may_be_answered_out_of_order(tmp_path):
    """With four frames in flight, answers in reverse order complete their own frames, and are counted."""
    records, facts = serve(tmp_path, "reversed", max_in_flight=4)
    assert (records["outcome"] == Outcome.DECIDED).all()
    assert records["score"] == pytest.approx((100 + 40 * (np.arange(20) % N_SLOTS)) / 255)
    assert odd(facts) == {"out_of_order": 15}


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        ("nan", OutcomeReason.NON_FINITE_SCORE),
        ("failed", OutcomeReason.INFERENCE_ERROR),
        ("odd-status", OutcomeReason.BAD_ANSWER),
        ("few-scores", OutcomeReason.BAD_ANSWER),
        ("many-scores", OutcomeReason.BAD_ANSWER),
    ],
)
def test_an_answer_that_is_no_decision_is_a_failed_frame(tmp_path, mode, reason):
    """Frames 5 and 15 are answered wrongly: these two fail with their reason, no other is touched."""
    records, _ = serve(tmp_path, mode)
    assert failed(records) == {5: reason, 15: reason}
    assert not records["t_decided_ns"][[5, 15]].any()


def test_stamps_from_outside_the_frame_are_not_shown(tmp_path):
    """A process may claim any time: what does not lie between our own stamps stays 0, the decision counts."""
    records, _ = serve(tmp_path, "future-stamps")
    assert (records["outcome"] == Outcome.DECIDED).all()
    assert not records["t_preprocessed_ns"].any()
    assert not records["t_inferred_ns"].any()


def test_the_second_answer_to_a_frame_changes_nothing(tmp_path):
    """The first answer counts; the second is counted as such."""
    records, facts = serve(tmp_path, "twice")
    assert (records["outcome"] == Outcome.DECIDED).all()
    assert records["score"] == pytest.approx((100 + 40 * (np.arange(20) % N_SLOTS)) / 255)
    assert odd(facts) == {"twice": 2}


def test_answers_to_frames_that_were_not_asked_are_counted(tmp_path):
    """Wrong ids, also those of frames that will come, decide nothing."""
    records, facts = serve(tmp_path, "unknown")
    assert (records["outcome"] == Outcome.DECIDED).all()
    assert odd(facts) == {"unknown": 6}


def test_a_frame_without_an_answer_fails_after_the_timeout(tmp_path):
    """Frames 5 and 15 get no answer in 100 ms: NO_ANSWER; with 1 in flight they hold up the others, not more."""
    records, facts = serve(tmp_path, "never", answer_timeout_ms=100)
    assert failed(records) == {5: OutcomeReason.NO_ANSWER, 15: OutcomeReason.NO_ANSWER}
    assert odd(facts) == {"missing": 2}
    assert records["t_dequeue_ns"][6] - records["t_dequeue_ns"][5] >= 100_000_000


def test_a_late_answer_is_not_taken_for_the_next_frame(tmp_path):
    """The answer to frame 5 comes 300 ms late, while frame 6 waits: frame 5 failed, frame 6 has its own score."""
    records, facts = serve(tmp_path, "late", answer_timeout_ms=200, n_frames=12)
    assert failed(records) == {5: OutcomeReason.NO_ANSWER}
    assert records["score"][6] == pytest.approx(100 / 255)
    assert odd(facts) == {"missing": 1, "late": 1}


def test_a_process_that_hangs_fails_every_frame_from_there(tmp_path, monkeypatch):
    """Each frame waits its timeout; when the offer is over, a silent process is not asked for ever."""
    monkeypatch.setattr(subject, "PATIENCE_NS", 100_000_000)
    records, facts = serve(tmp_path, "hang", answer_timeout_ms=60, n_frames=400)
    assert failed(records) == dict.fromkeys(range(5, 400), OutcomeReason.NO_ANSWER)
    assert odd(facts) == {"missing": 395}


def test_a_process_that_dies_loses_its_frames_and_all_that_follow(tmp_path, capfd):
    """TARGET_LOST for what it held and for every later frame; the cause of death is kept."""
    records, facts = serve(tmp_path, "die", max_in_flight=4)
    lost = failed(records)
    assert set(lost.values()) == {OutcomeReason.TARGET_LOST}
    assert set(lost) == set(range(5, 20))
    assert odd(facts) == {"death": "killed by signal SIGSEGV"}
    assert "SIGSEGV" in capfd.readouterr().err


def test_what_a_process_answered_before_its_end_is_answered(tmp_path):
    """Frame 5 was answered, then the process ended: frame 5 is decided, the rest is lost."""
    records, facts = serve(tmp_path, "answer-and-die")
    assert set(failed(records)) == set(range(6, 20))
    assert facts["death"] == "exit status 3"


@pytest.mark.parametrize("mode", ["jump", "taken", "block-requests"])
def test_hostile_counters_neither_end_nor_hold_up_the_relay(tmp_path, mode):
    """Counters that jump by 2^40, run backwards or are full: frames fail as unanswered, the relay goes on."""
    begin_s = time.monotonic()
    records, facts = serve(tmp_path, mode, answer_timeout_ms=30, n_frames=60)
    assert set(failed(records).values()) == {OutcomeReason.NO_ANSWER}
    assert facts["missing"] == len(failed(records))
    assert time.monotonic() - begin_s < 20
    if mode == "jump":
        assert facts["broken_counts"] >= 4
        assert (records["outcome"] == Outcome.DECIDED).sum() > 40


def test_a_process_cannot_cut_the_shared_memory(tmp_path):
    """Neither the ring nor the frames can be made smaller, which would end the relay with a bus error."""
    records, facts = serve(tmp_path, "shrink")
    assert (records["outcome"] == Outcome.DECIDED).all()
    assert odd(facts) == {}


def test_drop_oldest_is_decided_when_a_frame_is_taken(tmp_path):
    """20 frames wait for a queue of 4: the 16 oldest are dropped, a camera's ring would have overwritten them."""
    records, _ = serve(tmp_path, "good", on_full=OnFull.DROP_OLDEST)
    assert records["outcome"].tolist() == [Outcome.DROPPED] * 16 + [Outcome.DECIDED] * 4
    assert (records["reason"][:16] == OutcomeReason.QUEUE_FULL).all()


def test_a_frame_that_the_feeder_dropped_is_not_asked_for(tmp_path):
    """With drop_newest the feeder has decided already."""
    bench = Bench(tmp_path, [sys.executable, CLIENT, "good"], n_frames=5)
    with bench.relay() as relay:
        records = bench.release()
        records["outcome"][2] = Outcome.DROPPED
        relay.serve()
    assert records["outcome"].tolist() == [1, 1, 2, 1, 1]
    assert records["t_dequeue_ns"][2] == 0


def test_a_camera_that_waits_is_told_of_the_next_frame_taken(tmp_path):
    """A feeder that asked to be told is told once; one that did not is left alone."""
    bench = Bench(tmp_path, [sys.executable, CLIENT, "good"], on_full=OnFull.BLOCK)
    with bench.relay() as relay:
        bench.block[Word.WAKE_FEEDER_AT] = 1
        bench.release()
        relay.serve()
    assert os.eventfd_read(bench.space_fd) == 1
    assert bench.block[Word.WAKE_FEEDER_AT] == 0
