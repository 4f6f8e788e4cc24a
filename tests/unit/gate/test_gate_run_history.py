"""Which of several runs counts for the gate: nobody picks the good one."""

from dataclasses import replace
from typing import Final

from gate_facts import make_measurement, make_power_loss, make_run, put
from gate_flips import FACTS
from hilrig.core.gate import GateOutcome, ItemStatus
from hilrig.core.gate_facts import Facts
from hilrig.core.verdict import RunStatus
from hilrig.gate.decide import decide
from hilrig.gate.policies import find_policy

DEFAULT: Final = find_policy("default")


def outcome(facts: Facts) -> GateOutcome:
    return decide(DEFAULT, facts)


def open_items(found: GateOutcome) -> dict[str, ItemStatus]:
    return {one.item_id: one.status for one in found.items if one.status is not ItemStatus.PASS}


def test_a_later_failure_of_the_same_run_stands():
    """The newest run with a verdict counts: nobody picks the good one of two."""
    later = make_run("runs/later")
    failed = put(later, "result.judgement.status", RunStatus.FAIL)
    failed = put(failed, "result.exit_code", 10)
    failed = put(failed, "result.ended_at_utc", "2026-11-21T23:00:00.000000Z")
    facts = replace(FACTS, runs=(*FACTS.runs, failed))
    assert open_items(outcome(facts))["hil-validation"] is ItemStatus.FAIL
    mended = put(put(failed, "result.judgement.status", RunStatus.PASS), "result.exit_code", 0)
    mended = put(put(mended, "result.ended_at_utc", "2026-11-22T01:00:00.000000Z"), "path", "runs/mended")
    facts = replace(FACTS, runs=(*FACTS.runs, failed, mended))
    assert "hil-validation" not in open_items(outcome(facts))


def test_a_soak_that_failed_early_is_not_hidden_by_a_short_pass():
    """A run that was to take hours and failed after minutes is a failed soak."""
    soak = make_run("runs/broken", hours=2.5, profile_sha256="61" * 32)
    others = tuple(one for one in soak.result.judgement.measurements if one.metric != "duration_min")
    soak = put(soak, "result.judgement.measurements", (*others, make_measurement("duration_min", 4.0)))
    soak = put(put(soak, "result.judgement.status", RunStatus.FAIL), "result.exit_code", 10)
    found = outcome(replace(FACTS, runs=(*FACTS.runs, soak)))
    assert open_items(found)["thermal-and-long-run"] is ItemStatus.FAIL


def test_an_inconclusive_run_is_nobody_s_failure():
    """The harness's own fault blocks nothing that another run has shown."""
    again = put(make_run("runs/noisy"), "result.judgement.status", RunStatus.INCONCLUSIVE)
    again = put(put(again, "result.exit_code", 11), "result.ended_at_utc", "2026-11-21T23:00:00.000000Z")
    assert "hil-validation" not in open_items(outcome(replace(FACTS, runs=(*FACTS.runs, again))))


def test_one_power_loss_test_that_found_something_is_enough_to_refuse():
    """A sound test beside it does not make the lost update good."""
    bad = put(make_power_loss(), "depths.0.n_bad", 3)
    assert "security-review" in open_items(outcome(replace(FACTS, power_loss=(*FACTS.power_loss, bad))))


def test_a_model_in_another_folder_is_the_same_model():
    """The soak's profile names the bundled model by `../`: its bytes are what counts."""
    run = FACTS.runs[1]
    moved = {"../weld-station/model.onnx": run.result.model_files_sha256["model.onnx"]}
    facts = put(FACTS, "runs.1.result.model_files_sha256", moved)
    assert outcome(facts).passed
