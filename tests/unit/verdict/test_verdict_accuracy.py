"""Precision and recall of the timed run, held against their limits."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from builders import make_events, make_frames, make_limit, make_plan, make_record
from hilrig.core.frame import FLAG_FRESH, Truth
from hilrig.core.run import Ended
from hilrig.core.verdict import Check, CheckStatus, Measurement, RunStatus
from hilrig.verdict.blank_check import blank_check
from hilrig.verdict.judge import judge
from hilrig.verdict.sentence import verdict_sentence

PRECISION = make_limit("detection.min_precision", "detection_precision", 0.9, "1", at_least=True)
RECALL = make_limit("detection.min_recall", "detection_recall", 0.9, "1", at_least=True)
PLAN = make_plan(n_measured=400, n_warmup=0, limits=[PRECISION, RECALL])  # porosity is bit 0, crack bit 1

POOL = (Truth(labels=("porosity",)), Truth(labels=("crack",)), Truth(labels=()), Truth(labels=("porosity",)))
PERFECT = (1, 2, 0, 1)


def held(
    found: Sequence[int], pool: Sequence[Truth] = POOL, *, n: int = 400, dropped: Sequence[int] = ()
) -> tuple[Check, Check]:
    """Return the checks of precision and recall when pool frame i is answered by the label mask `found[i]`."""
    defects = np.resize(np.array(found, np.uint32), 400)
    frames = make_frames(PLAN, defects=defects, dropped=dropped)[:n]
    events = make_events(PLAN, ended=Ended.COMPLETED if n == 400 else Ended.ABORTED)
    precision, recall = judge(make_record(PLAN, frames=frames, truths=pool, events=events)).checks
    return precision, recall


def numbers(found: Sequence[int], pool: Sequence[Truth] = POOL) -> dict[str, Measurement]:
    """Return all measurements by name."""
    frames = make_frames(PLAN, defects=np.resize(np.array(found, np.uint32), 400))
    return {one.metric: one for one in judge(make_record(PLAN, frames=frames, truths=pool)).measurements}


def test_right_decisions_pass_and_say_on_how_few_frames() -> None:
    """Four pool frames shown a hundred times each are four pieces of evidence, not four hundred."""
    for check in held(PERFECT):
        assert (check.status, check.observed, check.n) == (CheckStatus.PASS, 1.0, 4)
        assert "(n = 4 distinct frames, decided 400 times)" in check.sentence


def test_worst_label_decides() -> None:
    """A defect that is never found fails the recall, though the other label is perfect."""
    pool = (*POOL[:3], Truth(labels=("crack",)))
    precision, recall = held((1, 2, 0, 0), pool)
    assert precision.status is CheckStatus.PASS
    assert (recall.status, recall.observed, recall.observed_text) == (CheckStatus.FAIL, 0.5, "0.5 (crack)")
    assert recall.sentence == (
        "Recall of the worst label: 0.5 (crack), below the required 0.9 "
        "(n = 4 distinct frames, decided 400 times)."
    )
    assert recall.margin_pct == pytest.approx(-100 * 0.4 / 0.9)


def test_false_alarm_costs_precision() -> None:
    """A good part that is called porous counts against the precision of porosity."""
    precision, recall = held((1, 2, 1, 1))
    assert (precision.status, precision.observed) == (CheckStatus.FAIL, pytest.approx(2 / 3))
    assert recall.status is CheckStatus.PASS


def test_no_known_truth_is_not_measured() -> None:
    """Without truth nobody knows whether a decision was right: neither 0 nor 1."""
    for pool in ((), (Truth(labels=None),) * 4):
        for check in held(PERFECT, pool):
            assert check.status is CheckStatus.NOT_MEASURED
            assert "no decided frame has a known truth" in check.sentence


def test_label_without_a_case_is_not_measured() -> None:
    """A pool without cracks says nothing about cracks: no recall of 1 for want of cases."""
    pool = (POOL[0], Truth(labels=()), POOL[2], POOL[3])
    precision, recall = held((1, 0, 0, 1), pool)
    assert recall.status is CheckStatus.NOT_MEASURED
    assert "crack is in no decided frame" in recall.sentence
    assert precision.status is CheckStatus.NOT_MEASURED
    assert "crack was never found" in precision.sentence
    assert numbers((1, 0, 0, 1), pool)["detection_recall"].value is None


def test_label_that_fails_is_not_saved_by_one_without_cases() -> None:
    """Porosity missed half of the time is a FAIL, though cracks were never shown."""
    pool = (POOL[0], Truth(labels=()), POOL[2], POOL[3])
    recall = held((1, 0, 0, 0), pool)[1]
    assert (recall.status, recall.observed_text) == (CheckStatus.FAIL, "0.5 (porosity)")


def test_undecided_frames_and_warm_up_do_not_count() -> None:
    """Only frames that got a decision in the measured part can be right or wrong."""
    wrong_once = [*PERFECT] * 99 + [0, 0, 0, 0]
    assert held(wrong_once, dropped=range(396, 400))[1].observed == 1.0
    plan = make_plan(n_measured=400, n_warmup=8, limits=[RECALL])
    defects = np.resize(np.array(PERFECT, np.uint32), 408)
    defects[:8] = 0
    (recall,) = judge(make_record(plan, frames=make_frames(plan, defects=defects), truths=POOL)).checks
    assert recall.observed == 1.0


def test_fresh_frames_have_the_truth_of_their_pool_frame() -> None:
    """New noise in the lowest bits makes no other part: a wrong answer on a fresh frame is wrong."""
    defects = np.resize(np.array(PERFECT, np.uint32), 400)
    frames = make_frames(PLAN, defects=defects)
    frames["flags"][::8] |= FLAG_FRESH
    frames["defects"][::8] = 0  # every second showing of pool frame 0
    recall = judge(make_record(PLAN, frames=frames, truths=POOL)).checks[1]
    assert (recall.status, recall.observed) == (CheckStatus.FAIL, 0.75)


def test_early_end_does_not_fail_on_frames_that_were_not_seen() -> None:
    """Two frames of four say little about recall; once all were seen, a miss is a miss."""
    assert held((0, 2, 0, 1), n=2)[1].status is not CheckStatus.FAIL
    assert held((0, 2, 0, 1), n=8)[1].status is CheckStatus.FAIL


def test_measurements_are_those_of_the_worst_label() -> None:
    """Numbers are there without a limit too, with the distinct frames as their n."""
    found = numbers((1, 2, 1, 1))
    assert found["detection_precision"].value == pytest.approx(2 / 3)
    assert (found["detection_recall"].value, found["detection_recall"].n) == (1.0, 4)


def test_the_closest_limit_is_worded_as_what_it_asks_for() -> None:
    """A recall is required, not allowed: the sentence of a PASS says so."""
    check = replace(
        blank_check(make_limit("detection.min_recall", "detection_recall", 0.9, "1", at_least=True)),
        status=CheckStatus.PASS,
        observed=1.0,
        observed_text="1 (crack)",
        margin_pct=11.0,
    )
    sentence = verdict_sentence(RunStatus.PASS, (check,), ())
    assert sentence.endswith("recall of the worst label: 1 (crack), at least 0.9 required.")
