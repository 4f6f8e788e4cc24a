"""hilrig.verdict.actuation: frames joined with what the PLC was told, held against limits."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from builders import NS_PER_MS, make_event, make_events, make_frames, make_limit, make_plan, make_record, undecide
from hilrig.core.actuation import ActuationSpec
from hilrig.core.actuation_table import ACTUATION_DTYPE, ActuationTable
from hilrig.core.frame import FrameTable, Outcome, OutcomeReason
from hilrig.core.run import Ended, RunPlan, RunRecord
from hilrig.core.verdict import Check, CheckStatus, Judgement
from hilrig.verdict.judge import judge

P99 = make_limit("latency.actuation_p99_max_ms", "actuation_p99_ms", 50, "ms")
FAILSAFE = make_limit("frames.failsafe_max_pct", "failsafe_pct", 1, "%")
GOOD, DEFECTIVE, FAIL_SAFE = 1, 2, 3
FIRST = 7


def plan_to_the_plc(*, n_measured: int = 600, n_warmup: int = 30) -> RunPlan:
    """600 frames: enough for a p99 that passes (459)."""
    return replace(
        make_plan(n_measured=n_measured, n_warmup=n_warmup, limits=[P99, FAILSAFE]), actuation=ActuationSpec()
    )


def told(frames: FrameTable, *, after_ms: float = 5, first: int = FIRST) -> ActuationTable:
    """Return what a good adapter writes: the decision of each frame, some time after it was decided."""
    asked = frames[frames["t_dequeue_ns"] > 0]
    rows = np.zeros(asked.size, ACTUATION_DTYPE)
    rows["sequence"] = (first + np.arange(asked.size)) & 0xFFFFFFFF
    rows["t_ns"] = np.where(asked["t_decided_ns"] > 0, asked["t_decided_ns"], asked["t_dequeue_ns"])
    rows["t_ns"] += round(after_ms * NS_PER_MS)
    rows["decision"] = np.where(asked["defects"] > 0, DEFECTIVE, GOOD)
    rows["decision"][asked["outcome"] == Outcome.FAILED] = FAIL_SAFE
    rows["silence_ns"] = 10 * NS_PER_MS
    return rows


def judged(
    frames: FrameTable | None = None,
    rows: ActuationTable | None = None,
    *,
    plan: RunPlan | None = None,
    first: int | None = FIRST,
    ended: Ended = Ended.COMPLETED,
) -> Judgement:
    plan = plan or plan_to_the_plc()
    frames = make_frames(plan) if frames is None else frames
    facts: Mapping[str, object] = {"target": {} if first is None else {"first_request": first}}
    ready = make_event("child_ready", role="worker", facts=facts)
    record: RunRecord = make_record(plan, frames=frames, events=(ready, *make_events(plan, ended=ended)))
    return judge(replace(record, actuations=told(frames) if rows is None else rows))


def check(judgement: Judgement, check_id: str = P99.check_id) -> Check:
    (found,) = (one for one in judgement.checks if one.check_id == check_id)
    return found


def number(judgement: Judgement, metric: str) -> float | None:
    (found,) = (one for one in judgement.measurements if one.metric == metric)
    return found.value


def listener_says(judgement: Judgement) -> str:
    (found,) = (one for one in judgement.self_checks if one.check_id == "actuation.listener")
    return "" if found.ok else found.observed_text


def test_the_time_to_the_registers_counts_from_when_a_frame_was_due() -> None:
    """Decided after 10 ms, written 5 ms later: 15 ms."""
    judgement = judged()
    assert check(judgement).status is CheckStatus.PASS
    assert number(judgement, "actuation_p99_ms") == 15.0
    assert number(judgement, "failsafe_pct") == 0


def test_a_slow_adapter_fails_though_decisions_are_fast() -> None:
    """41 ms between decision and registers break a limit of 50 ms."""
    frames = make_frames(plan_to_the_plc())
    assert check(judged(frames, told(frames, after_ms=41))).status is CheckStatus.FAIL


def test_a_decision_that_never_arrives_is_infinitely_late() -> None:
    """2 % of the rows are missing: the p99 is infinite, though all that arrived were fast."""
    frames = make_frames(plan_to_the_plc())
    rows = told(frames)
    lost = check(judged(frames, rows[np.arange(rows.size) % 50 != 0]))
    assert lost.status is not CheckStatus.PASS
    assert lost.observed_text == "infinite (2 % of frames never reached the PLC)"
    assert check(judged(frames, rows[np.arange(rows.size) % 5 != 0])).status is CheckStatus.FAIL


def test_numbers_go_on_over_dropped_frames() -> None:
    """A dropped frame has no number, a failed one has: all others still find their own rows."""
    frames = make_frames(plan_to_the_plc(), latency_ms=np.linspace(5, 20, 630), dropped=[40, 41, 300])
    taken_ns = int(frames["t_dequeue_ns"][100])
    undecide(frames, [100], outcome=Outcome.FAILED, reason=OutcomeReason.INFERENCE_ERROR)
    frames["t_dequeue_ns"][100] = taken_ns
    judgement = judged(frames)
    assert number(judgement, "actuations_arrived") == 600 - 4
    assert number(judgement, "actuation_max_ms") == 25.0
    assert number(judgement, "failsafe_pct") == pytest.approx(100 / 600)


def test_what_an_earlier_run_left_in_the_registers_is_not_this_frames() -> None:
    """A row with the same sequence from before the frame was taken counts for nothing."""
    frames = make_frames(plan_to_the_plc())
    rows = told(frames)
    stale = rows[:1].copy()
    stale["sequence"], stale["t_ns"] = rows["sequence"][500], frames["t_intended_ns"][200]
    both = np.sort(np.concatenate([rows, stale]), order="t_ns")
    assert number(judged(frames, both), "actuation_max_ms") == 15.0
    missing = np.delete(both, np.flatnonzero(both["t_ns"] == rows["t_ns"][500]))
    assert number(judged(frames, missing), "actuations_arrived") == 599


def test_the_first_word_on_a_frame_counts() -> None:
    """A good decision that goes to fail-safe later, because no other followed, did arrive."""
    frames = make_frames(plan_to_the_plc())
    rows = told(frames)
    later = rows.copy()
    later["decision"], later["t_ns"] = FAIL_SAFE, rows["t_ns"] + 1000
    judgement = judged(frames, np.sort(np.concatenate([rows, later]), order="t_ns"))
    assert (number(judgement, "actuations_arrived"), number(judgement, "failsafe_pct")) == (600, 0)


def test_a_fail_safe_in_place_of_a_decision_is_no_arrival() -> None:
    """The model decided in time, the adapter told the PLC that it did not: that frame is lost to the line."""
    frames = make_frames(plan_to_the_plc())
    rows = told(frames)
    rows["decision"][::20] = FAIL_SAFE
    judgement = judged(frames, rows)
    assert check(judgement).status is CheckStatus.FAIL
    assert check(judgement, FAILSAFE.check_id).status is CheckStatus.FAIL
    assert number(judgement, "failsafe_pct") == 5.0


def test_another_decision_than_the_answered_one_is_no_arrival() -> None:
    """The PLC is told "good" of a part that the service called defective."""
    frames = make_frames(plan_to_the_plc(), defects=np.where(np.arange(630) % 2, 1, 0).astype(np.uint32))
    rows = told(frames)
    rows["decision"] = GOOD
    judgement = judged(frames, rows)
    assert number(judgement, "actuations_contradicting") == 300
    assert check(judgement).status is CheckStatus.FAIL


def test_a_sequence_wraps_at_32_bits() -> None:
    """A number beyond 32 bits is known by its lowest 32."""
    first = (1 << 32) - 100
    frames = make_frames(plan_to_the_plc())
    assert check(judged(frames, told(frames, first=first), first=first)).status is CheckStatus.PASS


def test_a_silent_adapter_is_the_nodes_fault() -> None:
    """Nothing was written while the listener listened: FAIL, not "not measured"."""
    judgement = judged(rows=np.zeros(0, ACTUATION_DTYPE))
    assert check(judgement).status is CheckStatus.FAIL
    assert listener_says(judgement) == ""


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [("n_skipped", 1, "328 heartbeats never arrived"), ("lag_ns", 6 * NS_PER_MS, "lagged by 6 ms")],
)
def test_a_listener_that_missed_something_excuses_the_node(column: str, value: int, says: str) -> None:
    """A lost write or a late stamp is the harness's own fault: a FAIL becomes INCONCLUSIVE, a PASS is none."""
    frames = make_frames(plan_to_the_plc())
    rows = told(frames, after_ms=60)
    rows[column][300:] = value
    judgement = judged(frames, rows)
    assert says in listener_says(judgement)
    assert check(judgement).status is CheckStatus.INCONCLUSIVE
    assert judgement.status.value == "INCONCLUSIVE"


@pytest.mark.parametrize("first", [None, -1])
def test_without_numbers_nothing_can_be_joined(first: int | None) -> None:
    """A target that does not say its first number: not measured, never passed."""
    judgement = judged(first=first)
    assert {one.status for one in judgement.checks} == {CheckStatus.NOT_MEASURED}
    assert "which sequence the first frame had" in check(judgement).sentence


def test_a_run_without_a_plc_has_no_such_numbers() -> None:
    """No self-check, no measurement, no words about something that nobody asked for."""
    judgement = judge(make_record())
    names: Sequence[str] = [one.metric for one in judgement.measurements]
    assert not [name for name in names if name.startswith(("actuation", "failsafe"))]
    assert not [one for one in judgement.self_checks if one.check_id == "actuation.listener"]


def test_an_old_run_judged_by_a_new_limit_is_not_measured() -> None:
    """The record has no actuations: the limit blocks, with the reason."""
    judgement = judge(make_record(replace(plan_to_the_plc(), actuation=None)))
    assert check(judgement).status is CheckStatus.NOT_MEASURED
    assert "did not stand in for the PLC" in check(judgement).sentence


def test_a_run_that_was_cut_off_lost_its_last_writes() -> None:
    """A power cut takes up to a second of rows: frames without one are not held against the node."""
    frames = make_frames(plan_to_the_plc())
    judgement = judged(frames, told(frames)[:-60], ended=Ended.RECOVERED)
    assert "cut off" in listener_says(judgement)
    assert check(judgement).status is CheckStatus.INCONCLUSIVE


def test_a_record_without_its_file_is_not_measured() -> None:
    """What the stand-in for the PLC saw is gone: nobody is blamed, nobody passes."""
    plan = plan_to_the_plc()
    judgement = judge(make_record(plan))
    assert check(judgement).status is CheckStatus.NOT_MEASURED
    assert "missing from the record" in listener_says(judgement)


def test_equal_rows_give_equal_judgements_whatever_their_order() -> None:
    """Rows are found by sequence and time, not by where they stand."""
    frames = make_frames(plan_to_the_plc(), latency_ms=np.linspace(5, 20, 630))
    rows = told(frames)
    shuffled = np.random.default_rng(5).permutation(rows)
    assert judged(frames, rows).measurements == judged(frames, shuffled).measurements
