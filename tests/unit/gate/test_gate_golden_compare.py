from dataclasses import replace

import pytest

from hilrig.core.golden_bundle import Answer, ExpectedFrame
from hilrig.core.verdict import CheckStatus
from hilrig.gate.golden_compare import compare_frame

THRESHOLDS = {"a": 0.5, "b": 0.5}
THERE = Answer(found=("a",), scores={"a": 0.9, "b": 0.1}, score=0.9)
FRAME = ExpectedFrame(
    name="inputs/000.png",
    index=3,
    why=("a",),
    width_px=8,
    height_px=8,
    pixels_sha256="0" * 64,
    truth=("a",),
    answer=THERE,
)


def compared(here, there=THERE):
    return compare_frame(replace(FRAME, answer=there), here, thresholds=THRESHOLDS, tolerance=1e-3)


def test_the_same_answer_passes():
    """No difference at all."""
    assert (compared(THERE).status, compared(THERE).difference) == (CheckStatus.PASS, 0)


@pytest.mark.parametrize(("score", "status"), [(0.9009, "PASS"), (0.8991, "PASS"), (0.902, "FAIL"), (0.5, "FAIL")])
def test_a_score_may_differ_by_the_tolerance(score, status):
    """A thousandth is another order of additions, more is another model."""
    here = replace(THERE, scores={"a": score, "b": 0.1})
    assert compared(here).status is CheckStatus(status)
    assert compared(here).difference == pytest.approx(abs(score - 0.9))


def test_the_tolerance_grows_with_large_scores():
    """Of a score of 100 a tenth is a thousandth."""
    there = Answer(found=("a",), scores={"a": 100.0}, score=100.0)
    assert compared(replace(there, scores={"a": 100.09}), there).status is CheckStatus.PASS
    assert compared(replace(there, scores={"a": 100.2}), there).status is CheckStatus.FAIL


def test_another_decision_fails_though_the_scores_agree():
    """Another threshold on the rig: the same scores, another answer to the line."""
    check = compared(replace(THERE, found=("a", "b")))
    assert (check.status, check.sentence) == (CheckStatus.FAIL, "b found")
    assert compared(replace(THERE, found=())).sentence == "a lost"


def test_a_score_on_the_edge_may_fall_either_way():
    """0.5004 here and 0.4996 there is the same number to both machines."""
    there = Answer(found=("a",), scores={"a": 0.5004, "b": 0.1}, score=0.5004)
    here = Answer(found=(), scores={"a": 0.4996, "b": 0.1}, score=0.4996)
    assert compared(here, there).status is CheckStatus.PASS


def test_no_decision_here_fails():
    """With the reason of the pipeline."""
    check = compared(Answer(found=None, reason="NON_FINITE_SCORE"))
    assert (check.status, check.difference) == (CheckStatus.FAIL, None)
    assert "NON_FINITE_SCORE" in check.sentence


def test_a_model_of_other_labels_fails():
    """A score that is not there was not compared."""
    check = compared(Answer(found=("a",), scores={"a": 0.9}, score=0.9))
    assert (check.status, check.sentence) == (CheckStatus.FAIL, "no score of b here: other labels")


def test_a_pipeline_that_keeps_its_scores_is_held_by_the_highest():
    """Then decisions must be equal, and the one score that the record has."""
    assert compared(Answer(found=("a",), score=0.9005)).status is CheckStatus.PASS
    assert compared(Answer(found=("a",), score=0.95)).status is CheckStatus.FAIL
    assert compared(Answer(found=("b",), score=0.9)).status is CheckStatus.FAIL


def test_a_score_that_is_no_number_never_passes():
    """NaN compares false with every tolerance."""
    assert compared(replace(THERE, scores={"a": float("nan"), "b": 0.1})).status is CheckStatus.FAIL
