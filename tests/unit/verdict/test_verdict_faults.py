"""hilrig.verdict.faults: a fault's checks, and that nothing of a drill touches the other limits."""

from dataclasses import asdict, replace

import numpy as np
import pytest

from builders import make_frames, make_plan, make_record, undecide
from drills import drill_frame, drill_record, make_fault, with_drill
from hilrig.core.drill import fault_spans, first_drill_frame
from hilrig.core.fault import FaultKind
from hilrig.core.frame import Outcome, OutcomeReason
from hilrig.core.run import Ended
from hilrig.core.verdict import CheckStatus, RunStatus
from hilrig.verdict.certain import CertainFailure
from hilrig.verdict.judge import judge

GONE = make_fault(FaultKind.CAMERA_STOPS, name="gone")
NOISE = make_fault(FaultKind.CAMERA_GARBAGE, name="noise")
HANG = make_fault(FaultKind.MODEL_HANGS, name="hang")
KILL = make_fault(FaultKind.WORKER_KILLED, name="kill")
FULL = make_fault(FaultKind.DISK_FULL, name="full")
HOUR = make_fault(FaultKind.CLOCK_STEPS, name="hour")
LOCKED = make_fault(FaultKind.NO_PERMISSION, name="locked")
TORN = make_fault(FaultKind.MODEL_CORRUPT, name="torn")


def check(judgement, check_id):
    (found,) = [one for one in judgement.checks if one.check_id == check_id]
    return found


def self_check(judgement, check_id):
    (found,) = [one for one in judgement.self_checks if one.check_id == check_id]
    return found


def without(record, *, state):
    """Return the record without the events that say `state` of a fault."""
    events = tuple(one for one in record.events if one.detail.get("state", one.kind) != state)
    return replace(record, events=events)


def drop(record, begin_s, end_s):
    """Take the decisions from the frames due from `begin_s` to before `end_s` of the drill."""
    rows = range(drill_frame(record, begin_s), drill_frame(record, end_s))
    undecide(record.frames, rows, outcome=Outcome.DROPPED, reason=OutcomeReason.QUEUE_FULL)
    return record


@pytest.mark.parametrize("kind", list(FaultKind))
def test_a_pipeline_that_takes_a_fault_well_passes(kind):
    """Every kind: all of its checks hold, and the run with them."""
    judgement = judge(drill_record(make_fault(kind)))
    assert judgement.status is RunStatus.PASS, judgement.sentence
    assert any(one.check_id.startswith("faults.") for one in judgement.checks)


def test_a_drill_changes_nothing_of_the_measured_part():
    """The same frames with a drill after them, in which everything fails: the other numbers stay to the byte."""
    record = drill_record(GONE, replace(HANG, at_s=7.0))
    rows = range(drill_frame(record, 0), len(record.frames))
    undecide(record.frames, rows, outcome=Outcome.FAILED, reason=OutcomeReason.INFERENCE_ERROR)
    with_it, alone = asdict(judge(record)), asdict(judge(make_record()))
    assert with_it["checks"][: len(alone["checks"])] == alone["checks"]
    own = [one for one in with_it["self_checks"] if not one["check_id"].startswith("drill.")]
    assert tuple(own) == alone["self_checks"]
    differ = {key for key in alone if with_it[key] != alone[key]}
    assert differ == {"status", "sentence", "checks", "self_checks", "faults"}


def test_a_run_without_faults_says_nothing_of_them():
    """No self-check, no row, no measurement more than before."""
    judgement = judge(make_record())
    assert judgement.faults == ()
    assert not [one for one in judgement.self_checks if one.check_id.startswith("drill.")]


def test_recovery_is_the_time_from_the_end_to_the_first_of_five_decisions_in_a_row():
    """Frames due for 0.5 s after the end are dropped: the next one, 10 ms late as all, is the recovery."""
    record = drop(drill_record(GONE), 3.0, 3.5)
    seen = judge(record).faults[0]
    assert seen.recovery_s == pytest.approx(0.51, abs=0.001)
    assert check(judge(record), "faults.gone.recovery_max_s").status is CheckStatus.PASS


def test_a_decision_now_and_then_is_no_recovery():
    """Four decided frames, then a dropped one, again and again for 1.2 s: it took until that was over."""
    record = drill_record(GONE)
    first = drill_frame(record, 3.0)
    rows = range(first, first + 36, 4)
    undecide(record.frames, rows, outcome=Outcome.DROPPED, reason=OutcomeReason.QUEUE_FULL)
    found = check(judge(record), "faults.gone.recovery_max_s")
    assert found.status is CheckStatus.FAIL
    assert found.observed == pytest.approx(33 / 30 + 0.01, abs=0.001)


def test_a_pipeline_that_never_comes_back_fails_with_how_long_it_was_watched():
    """Nothing is decided any more: over the limit, and the sentence says so."""
    record = drill_record(HANG)
    found = check(judge(drop(record, 3.0, 99)), "faults.hang.recovery_max_s")
    assert found.status is CheckStatus.FAIL
    assert found.observed > HANG.recovery_max_s
    assert "never 5 decisions in a row" in found.sentence


def test_a_drill_that_was_cut_short_decides_nothing():
    """The record ends right after the fault: unknown is neither a PASS nor a FAIL."""
    record = drill_record(GONE)
    short = replace(record, frames=record.frames[: drill_frame(record, 3.0) + 4])
    judgement = judge(short)
    assert check(judgement, "faults.gone.recovery_max_s").status is CheckStatus.NOT_MEASURED
    assert judgement.status is RunStatus.INCONCLUSIVE


def test_deciding_noise_fails_with_the_number_of_frames():
    """A pipeline that answers to garbage: each answer is a false decision."""
    record = drill_record(NOISE)
    sound = make_frames(record.plan)
    (span,) = fault_spans(record.plan)
    for name in sound.dtype.names:
        if name != "flags":
            record.frames[name][span.first_id : span.end_id] = sound[name][span.first_id : span.end_id]
    judgement = judge(record)
    found = check(judgement, "faults.noise.handled")
    assert (found.status, found.observed) == (CheckStatus.FAIL, 30)
    assert "noise: the camera sent noise for 1 s" in found.sentence
    assert judgement.status is RunStatus.FAIL
    assert judgement.faults[0].n_false == 30


def test_where_decisions_are_allowed_none_is_false():
    """The profile says so: only the recovery is checked."""
    allowed = replace(NOISE, decisions_allowed=True)
    judgement = judge(drill_record(allowed))
    assert [one.check_id for one in judgement.checks if one.check_id.startswith("faults.")] == [
        "faults.noise.recovery_max_s"
    ]
    assert judgement.faults[0].n_false is None


def test_a_damaged_model_that_was_loaded_makes_false_decisions():
    """From the moment it was loaded, every decision inside the fault is one by the damaged model."""
    record = drill_record(TORN)
    (span,) = fault_spans(record.plan)
    events = [
        replace(one, detail={**one.detail, "state": "loaded"}, t_ns=one.t_ns + 500_000_000)
        if one.detail.get("state") == "refused"
        else one
        for one in record.events
    ]
    found = check(judge(replace(record, events=tuple(events))), "faults.torn.handled")
    assert (found.status, found.observed) == (CheckStatus.FAIL, 15)
    assert span.end_id - span.first_id == 30


def test_a_damaged_model_of_which_nothing_was_said_is_unknown():
    """Neither loaded nor refused: the instrument has not done its work."""
    judgement = judge(without(drill_record(TORN), state="refused"))
    assert check(judgement, "faults.torn.handled").status is CheckStatus.NOT_MEASURED
    assert not self_check(judgement, "drill.injected").ok


@pytest.mark.parametrize(("fault", "state"), [(GONE, "start"), (HANG, "stop"), (KILL, "worker_lost")])
def test_a_fault_that_did_not_happen_never_passes(fault, state):
    """Its events are missing: a self-check says so, the run is not a PASS."""
    judgement = judge(without(drill_record(fault), state=state))
    broken = self_check(judgement, "drill.injected")
    assert not broken.ok
    assert fault.name in broken.sentence
    assert judgement.status is RunStatus.INCONCLUSIVE


def test_a_camera_that_did_not_know_of_the_fault_spoils_it():
    """Frames inside it without the flag showed ordinary pictures."""
    record = drill_record(NOISE)
    record.frames["flags"] = 0
    assert not self_check(judge(record), "drill.injected").ok


def test_frames_of_a_stopped_camera_are_no_drops():
    """They were never offered: the record of the drill is whole without them, and not whole with one less."""
    record = drill_record(GONE)
    assert self_check(judge(record), "drill.record").ok
    assert judge(record).faults[0].n_frames == 0
    lost = np.delete(record.frames, drill_frame(record, 5.0))
    assert not self_check(judge(replace(record, frames=lost)), "drill.record").ok


def test_frames_while_the_camera_was_stopped_are_invented():
    """Records of frames that nobody offered: the record is not sound."""
    record = drill_record(GONE)
    whole = make_frames(record.plan)
    assert not self_check(judge(replace(record, frames=whole)), "drill.record").ok


def test_a_frame_without_an_outcome_in_the_drill_is_seen():
    """PENDING is no outcome."""
    record = drill_record(HANG)
    record.frames["outcome"][drill_frame(record, 5.0)] = Outcome.PENDING
    assert not self_check(judge(record), "drill.record").ok


def test_a_late_camera_in_the_drill_excuses_its_faults_and_nothing_else():
    """The instrument's fault: a recovery that took too long is not held against the pipeline."""
    record = drop(drill_record(HANG), 3.0, 99)
    first = int(np.searchsorted(record.frames["frame_id"], first_drill_frame(record.plan)))
    for name in ("t_release_ns", "t_dequeue_ns", "t_preprocessed_ns", "t_inferred_ns", "t_decided_ns"):
        column = record.frames[name][first:]
        column[column > 0] += 8_000_000
    judgement = judge(record)
    assert not self_check(judgement, "drill.camera").ok
    assert check(judgement, "faults.hang.recovery_max_s").status is CheckStatus.INCONCLUSIVE
    assert self_check(judgement, "feeder.lateness").ok


def test_a_hang_ends_when_the_process_went_on():
    """The supervisor was 0.2 s late with SIGCONT: that is not the pipeline's time."""
    record = drill_record(HANG)
    events = [
        replace(one, t_ns=one.t_ns + 200_000_000) if one.detail.get("state") == "stop" else one
        for one in record.events
    ]
    record = drop(replace(record, events=tuple(events)), 3.0, 3.25)
    assert judge(record).faults[0].recovery_s == pytest.approx(3.2667 - 3.2 + 0.01, abs=0.001)


def test_a_run_that_ended_before_its_drill_leaves_the_faults_open():
    """No frame of the drill, no event: NOT_MEASURED, never a PASS."""
    plan = make_plan()
    sound = make_record(plan)
    ended = sound.events[-1]
    stopped = replace(ended, detail={**ended.detail, "ended": Ended.ABORTED.value, "reason": "stopped"})
    record = replace(
        sound, plan=with_drill(plan, GONE, replace(KILL, at_s=8)), events=(*sound.events[:-1], stopped)
    )
    judgement = judge(record)
    assert {one.status for one in judgement.checks if one.check_id.startswith("faults.")} == {
        CheckStatus.NOT_MEASURED
    }
    assert judgement.status is RunStatus.INCONCLUSIVE


def test_no_frame_of_the_drill_makes_a_failure_certain():
    """A whole drill without a decision ends no run early."""
    record = drop(drill_record(HANG), 0, 99)
    failure = CertainFailure(record.plan)
    failure.update(record.frames)
    assert failure.reason(now_ns=int(record.frames["t_intended_ns"][-1]) + 10**10) is None


def test_equal_records_give_equal_words():
    """Pure: the same record, the same judgement."""
    assert judge(drill_record(GONE)) == judge(drill_record(GONE))


@pytest.mark.parametrize("fault", [FULL, HOUR])
@pytest.mark.parametrize(
    ("outcome", "reason"),
    [(Outcome.FAILED, OutcomeReason.INFERENCE_ERROR), (Outcome.DROPPED, OutcomeReason.QUEUE_FULL)],
)
def test_a_pipeline_that_stops_deciding_without_need_fails(fault, outcome, reason):
    """Three of 30 frames, failed or dropped: a tenth, and none was allowed; the sentence says how many and how."""
    record = drill_record(fault)
    rows = range(drill_frame(record, 2.2), drill_frame(record, 2.3))
    undecide(record.frames, rows, outcome=outcome, reason=reason)
    judgement = judge(record)
    found = check(judgement, fault.undecided_check_id)
    assert (found.status, found.observed) == (CheckStatus.FAIL, pytest.approx(10))
    assert f"30 frames inside, 27 decided, 3 {outcome.name.lower()}" in found.sentence
    assert judgement.status is RunStatus.FAIL


def test_the_share_that_a_profile_allows_is_allowed():
    """A tenth of the frames, and a tenth is allowed."""
    record = drill_record(replace(FULL, undecided_max_pct=10.0))
    rows = range(drill_frame(record, 2.2), drill_frame(record, 2.3))
    undecide(record.frames, rows, outcome=Outcome.FAILED, reason=OutcomeReason.INFERENCE_ERROR)
    assert judge(record).status is RunStatus.PASS


@pytest.mark.parametrize("fault", [FULL, HOUR, LOCKED])
def test_what_the_instrument_could_not_do_is_no_finding(fault):
    """The system refused it: no PASS, no FAIL, and the words are there, whatever the frames did."""
    record = drill_record(fault)
    told = [one for one in record.events if one.kind == "fault"]
    others = [one for one in record.events if one.kind != "fault"]
    refused = replace(told[0], detail={"name": fault.name, "state": "not_done", "words": "nobody may do that"})
    started = told[:2] if fault is LOCKED else []
    record = replace(record, events=(*others[:-1], *started, refused, others[-1]))
    rows = range(drill_frame(record, 2.0), drill_frame(record, 3.0))
    undecide(record.frames, rows, outcome=Outcome.FAILED, reason=OutcomeReason.INFERENCE_ERROR)
    judgement = judge(record)
    assert judgement.status is RunStatus.INCONCLUSIVE
    assert "nobody may do that" in self_check(judgement, "drill.injected").sentence
    own = fault.undecided_check_id or fault.handled_check_id
    assert check(judgement, own).status is CheckStatus.NOT_MEASURED


@pytest.mark.parametrize("offset", [{"offset_s": 0.2}, {"offset_s": 3599.4}, {}])
def test_a_clock_that_something_else_set_meanwhile_tried_nothing(offset):
    """A time service put it right: whether the pipeline minds a wrong clock is not known."""
    record = drill_record(HOUR)
    events = [
        replace(one, detail={"name": "hour", "state": "stop"} | offset)
        if one.detail.get("state") == "stop"
        else one
        for one in record.events
    ]
    judgement = judge(replace(record, events=tuple(events)))
    assert not self_check(judgement, "drill.injected").ok
    assert judgement.status is RunStatus.INCONCLUSIVE


def test_a_model_that_was_loaded_without_being_read_makes_false_decisions():
    """It may not read the file, and decides all the same: by what, nobody knows."""
    record = drill_record(LOCKED)
    events = [
        replace(one, detail={**one.detail, "state": "loaded"}) if one.detail.get("state") == "refused" else one
        for one in record.events
    ]
    found = check(judge(replace(record, events=tuple(events))), "faults.locked.handled")
    assert (found.status, found.observed) == (CheckStatus.FAIL, 30)


def test_an_own_step_of_the_clock_does_not_make_the_machine_suspect():
    """The clocks are read before it and after it: what is judged is whether it was put back."""
    judgement = judge(drill_record(HOUR))
    assert self_check(judgement, "clock.steps").ok
    assert judgement.faults[0].done == "the wall clock was set 3600 s ahead for 1 s"
