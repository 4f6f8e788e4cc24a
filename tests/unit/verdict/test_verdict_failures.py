"""hilrig.verdict.failures: frames that failed, by what went wrong."""

from builders import make_frames, make_limit, make_plan, make_record, undecide
from hilrig.core.frame import Outcome, OutcomeReason
from hilrig.verdict.failures import WORDS, why_failed
from hilrig.verdict.judge import judge
from hilrig.verdict.window import cut


def record_with(reasons):
    limit = make_limit("frames.failed_max_pct", "failed_pct", 0.0, "%")
    plan = make_plan(limits=(limit,))
    frames = make_frames(plan)
    for first, (reason, n) in zip(range(100, 1000, 100), reasons.items(), strict=False):
        undecide(frames, range(first, first + n), outcome=Outcome.FAILED, reason=reason)
    return make_record(plan, frames=frames)


def test_the_most_frequent_reason_comes_first():
    """Three that never answered, one that answered NaN: both are named, in that order."""
    record = record_with({OutcomeReason.NON_FINITE_SCORE: 1, OutcomeReason.NO_ANSWER: 3})
    assert why_failed(cut(record)) == "3 frames: no answer came in time; 1 frame: a score was NaN or infinite"


def test_the_check_says_why_it_failed():
    """The sentence of the limit names the reason: a lost target is not an inference error."""
    [check] = judge(record_with({OutcomeReason.TARGET_LOST: 40})).checks
    assert "40 frames: the target was lost" in check.sentence


def test_a_run_without_failures_says_nothing():
    """No failed frame, no words."""
    assert why_failed(cut(record_with({}))) == ""


def test_every_reason_of_a_failed_frame_has_its_words():
    """A reason that is added must be worded here."""
    of_drops = {OutcomeReason.NONE, OutcomeReason.QUEUE_FULL, OutcomeReason.RUN_ENDED}
    assert WORDS.keys() == set(OutcomeReason) - of_drops
