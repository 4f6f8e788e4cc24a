import pytest

from golden_reports import make_golden_report, make_score
from hilrig.core.errors import PreconditionError
from hilrig.core.profile import FeedSpec, GoldenDrift, GoldenLimits, GoldenSpec
from hilrig.core.verdict import CheckStatus
from hilrig.gate.golden_limits import hold_golden_limits, refuse_other_set

FEED = FeedSpec(source="synthetic", pool_frames=40)


def spec(*, min_precision=None, min_recall=None, **more):
    return GoldenSpec(feed=FEED, sha256=None, min_precision=min_precision, min_recall=min_recall, **more)


def held(golden, *scores, last=None, n_not_decided=0):
    checks = hold_golden_limits(golden, scores, n_frames=40, n_not_decided=n_not_decided, last=last)
    return {check.check_id: check for check in checks}


def recall_of(hits, misses, *, limit):
    score = make_score(hits=hits, misses=misses)
    return held(spec(min_recall=limit), score)["golden.a.min_recall"]


def test_the_worse_end_is_held_against_the_limit():
    """20 of 20 are at least 83.9 %: that passes 0.83 and not 0.85, though the share itself is 1."""
    assert recall_of(20, 0, limit=0.83).status is CheckStatus.PASS
    assert recall_of(20, 0, limit=0.85).status is CheckStatus.INCONCLUSIVE


def test_what_cannot_be_within_the_limit_fails():
    """10 of 20 are at most 70.1 %: not even the better end reaches 0.8."""
    check = recall_of(10, 10, limit=0.8)
    assert check.status is CheckStatus.FAIL
    assert check.sentence == "a: recall 50.0 %, at least 29.9 % (95 % sure, n = 20), 80.0 % required."
    assert check.margin_pct < 0


def test_too_few_frames_are_told_how_many_it_takes():
    """The model made no mistake: the set is too small, and the sentence says by how much."""
    assert (
        "too few frames to tell; even without a mistake that takes 35 such frames"
        in recall_of(20, 0, limit=0.9).sentence
    )
    assert "no number of frames can prove that" in recall_of(20, 0, limit=1.0).sentence


def test_false_rejects_are_held_from_above():
    """None of 20 good parts thrown away is at most 16.1 %."""
    check = held(spec(max_false_reject=0.17), make_score())["golden.a.max_false_reject"]
    assert (check.status, check.comparator) == (CheckStatus.PASS, "<=")
    bad = make_score(false_alarms=15, true_negatives=5)
    assert held(spec(max_false_reject=0.17), bad)["golden.a.max_false_reject"].status is CheckStatus.FAIL


def test_a_label_without_a_case_was_not_measured():
    """No frame has the label: neither recall nor precision is known, and both block."""
    never = make_score(hits=0, true_negatives=40)
    checks = held(spec(min_recall=0.5, min_precision=0.5), never)
    for key, why in (("min_recall", "no frame has it"), ("min_precision", "it was never found")):
        check = checks[f"golden.a.{key}"]
        assert (check.status, check.observed) == (CheckStatus.NOT_MEASURED, None)
        assert why in check.sentence


def test_a_label_s_own_limit_stands_in_the_place_of_the_general_one():
    """Only the label that it names has it; the source says where each is written."""
    golden = spec(min_recall=0.5, labels={"b": GoldenLimits(min_recall=0.99)})
    checks = held(golden, make_score("a"), make_score("b"))
    assert (checks["golden.a.min_recall"].limit, checks["golden.b.min_recall"].limit) == (0.5, 0.99)
    assert checks["golden.b.min_recall"].source == "profile.yaml golden.labels.b.min_recall"
    assert checks["golden.a.min_recall"].source == "profile.yaml golden.min_recall"


def test_a_frame_without_a_decision_fails_whatever_the_rates_are():
    """One frame in forty that the pipeline cannot decide is a part that nobody judged."""
    check = held(spec(min_recall=0.5), make_score(), n_not_decided=1)["golden.not_decided"]
    assert (check.status, check.observed) == (CheckStatus.FAIL, 1)
    assert held(spec(min_recall=0.5), make_score())["golden.not_decided"].status is CheckStatus.PASS


def drift(now, before, *, recall_drop_max=0.05):
    golden = spec(min_recall=0.1, against_last=GoldenDrift(recall_drop_max=recall_drop_max))
    return held(golden, *now, last=make_golden_report(*before))


def test_a_drop_of_exactly_the_limit_is_kept():
    """20 of 20 to 19 of 20 is 5 points: the rounding of 1 - 0.95 does not turn that into a failure."""
    worse = make_score(hits=19, misses=1)
    assert drift([worse], [make_score()])["golden.a.recall_drop_max"].status is CheckStatus.PASS
    check = drift([worse], [make_score()], recall_drop_max=0.049)["golden.a.recall_drop_max"]
    assert check.status is CheckStatus.FAIL
    assert check.observed == pytest.approx(0.05)


def test_better_than_the_last_release_is_never_a_drop():
    """A gain is within every limit, also one of 0."""
    check = drift([make_score()], [make_score(hits=10, misses=10)], recall_drop_max=0)["golden.a.recall_drop_max"]
    assert (check.status, check.observed_text) == (CheckStatus.PASS, "not worse")


def test_a_label_that_the_last_release_had_must_still_be_there():
    """A label that is decided no more fails, without a word about its numbers."""
    check = drift([make_score("b")], [make_score("a")])["golden.a.recall_drop_max"]
    assert (check.status, check.observed) == (CheckStatus.FAIL, None)


def test_a_new_label_has_only_its_own_limits():
    """There is nothing to compare it with."""
    assert "golden.b.recall_drop_max" not in drift([make_score("a"), make_score("b")], [make_score("a")])


def test_a_rate_that_is_unknown_on_one_side_is_not_compared():
    """Unknown is neither better nor worse: it blocks."""
    never = make_score(hits=0, true_negatives=40)
    assert drift([never], [make_score()])["golden.a.recall_drop_max"].status is CheckStatus.NOT_MEASURED
    assert drift([make_score()], [never])["golden.a.recall_drop_max"].status is CheckStatus.NOT_MEASURED


def test_another_set_is_refused():
    """Numbers over other frames say nothing about the model."""
    last = make_golden_report()
    refuse_other_set(last, last.set_sha256)
    with pytest.raises(PreconditionError, match="over other frames"):
        refuse_other_set(last, "6" * 64)
