from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from golden_reports import make_golden_check, make_golden_report
from hilrig.core.verdict import CheckStatus
from hilrig.gate.golden_score import DecidedFrame, golden_status, label_score, score_labels, why_impossible

LABELS = ("a", "b")
SETS = st.frozensets(st.sampled_from(LABELS))


def frame(truth: str, found: str | None):
    return DecidedFrame(truth=frozenset(truth), found=None if found is None else frozenset(found))


def test_each_label_is_counted_by_itself():
    """A frame with two labels of which one was found is a hit of one and a miss of the other."""
    a, b = score_labels([frame("ab", "a"), frame("", "b"), frame("a", "a"), frame("", "")], LABELS)
    assert (a.true_positives, a.false_positives, a.true_negatives, a.false_negatives) == (2, 0, 2, 0)
    assert (b.true_positives, b.false_positives, b.true_negatives, b.false_negatives) == (0, 1, 2, 1)
    assert (b.precision.value, b.recall.value, b.false_reject.value) == (0, 0, 1 / 3)


def test_a_frame_without_a_decision_is_a_miss():
    """A model that gives no finite score has not found the crack."""
    (a,) = score_labels([frame("a", None), frame("a", "a")], "a")
    assert (a.false_negatives, a.recall.value) == (1, 0.5)


def test_what_has_no_cases_has_no_rate():
    """No frame has it, none was found to: precision and recall are unknown, not 0 and not 1."""
    (a,) = score_labels([frame("", "")], "a")
    assert a.precision is a.recall is None
    assert a.false_reject.value == 0


@given(st.lists(st.builds(DecidedFrame, truth=SETS, found=st.none() | SETS)))
def test_every_frame_is_counted_once(frames):
    """Four counts of a label are all frames, whatever they are."""
    for score in score_labels(frames, LABELS):
        counts = (score.true_positives, score.false_positives, score.true_negatives, score.false_negatives)
        assert min(counts) >= 0
        assert sum(counts) == len(frames)


@pytest.mark.parametrize(
    ("found", "status"),
    [
        (("PASS", "NOT_MEASURED", "FAIL"), "FAIL"),
        (("PASS", "INCONCLUSIVE", "NOT_MEASURED"), "NOT_MEASURED"),
        (("PASS", "INCONCLUSIVE"), "INCONCLUSIVE"),
        (("PASS", "PASS"), "PASS"),
        ((), "NOT_MEASURED"),
    ],
)
def test_the_worst_check_is_the_status(found, status):
    """A failure stands out, what is not known never passes, and no check at all proves nothing."""
    checks = [make_golden_check(CheckStatus(one)) for one in found]
    assert golden_status(checks) is CheckStatus(status)


def test_a_report_that_was_computed_contradicts_nothing():
    """What the run writes is accepted."""
    assert why_impossible(make_golden_report()) == ""


def test_numbers_that_nobody_computed_are_found():
    """A prettier share, a missing frame, a better status, a label twice: each is said."""
    report = make_golden_report()
    score = report.labels[0]
    pretty = replace(score, recall=replace(score.recall, low=0.999))
    fewer = label_score("a", hits=1, false_alarms=0, true_negatives=1, misses=0)
    assert "shares do not follow" in why_impossible(replace(report, labels=(pretty,)))
    assert "2 cases of 40 frames" in why_impossible(replace(report, labels=(fewer,)))
    assert "its checks give PASS" in why_impossible(replace(report, status=CheckStatus.FAIL))
    assert "twice" in why_impossible(replace(report, labels=(score, score)))
    assert "not decided" in why_impossible(replace(report, n_not_decided=41))
