"""The default policy lets a sound release through, and nothing else."""

from dataclasses import fields, replace
from typing import Final

import pytest

from gate_facts import CLASS, MANIFEST_SHA, NOW_NS, RELEASE_SHA, make_measurement, passing_facts, put
from gate_flips import FACTS, ITEM_OF_FLIP, NAN, flipped
from hilrig.config.noun_json import from_json, to_json
from hilrig.core.exits import ExitCode
from hilrig.core.gate import GateOutcome, ItemStatus, Policy, Requirement, Trigger
from hilrig.core.gate_facts import Facts
from hilrig.core.verdict import CheckStatus
from hilrig.gate.checks.registry import CHECKS
from hilrig.gate.decide import answer_to, decide, exit_code_of
from hilrig.gate.policies import find_policy

DEFAULT: Final = find_policy("default")
NEVER_ABSENT: Final = {"manifest", "release", "now_ns"}
FOUND_FAULTS: Final = {"secrets", "undocumented_codes"}
"""Fields that list what is wrong: nothing in them is what a check hopes for."""

REMOVABLE: Final = [one.name for one in fields(Facts) if one.name not in NEVER_ABSENT | FOUND_FAULTS]


def outcome(facts: Facts, policy: Policy = DEFAULT) -> GateOutcome:
    return decide(policy, facts)


def open_items(found: GateOutcome) -> dict[str, ItemStatus]:
    return {one.item_id: one.status for one in found.items if one.status is not ItemStatus.PASS}


def test_a_sound_release_passes():
    """Every item is shown: there is something to be let through at all."""
    found = outcome(FACTS)
    assert (found.passed, found.sentence) == (True, "Passed for x86-cpu: 13 of 13 items are shown.")
    assert exit_code_of(found) is ExitCode.OK
    assert all(answer.status is CheckStatus.PASS for item in found.items for _, answer in item.answers)


def test_the_outcome_names_what_it_is_about():
    """Manifest, policy, class and time: a decision about something else cannot be shown instead."""
    found = outcome(FACTS)
    assert (found.manifest_sha256, found.device_class) == (MANIFEST_SHA, CLASS)
    assert (found.policy_name, found.policy_sha256) == ("default", DEFAULT.sha256)
    assert found.decided_at_utc == "2026-11-22T04:00:00Z"


def test_one_fact_flipped_refuses_the_release_and_names_the_item():
    """No single fact can be wrong without a refusal that says where."""
    for flip, item_id in ITEM_OF_FLIP.items():
        found = outcome(flipped(flip))
        assert not found.passed, flip
        assert item_id in open_items(found), flip
        assert found.sentence.startswith("Refused: "), flip
        assert exit_code_of(found) in (ExitCode.FAIL, ExitCode.INCONCLUSIVE), flip


@pytest.mark.parametrize(
    ("metric", "value"),
    [
        ("latency_p95_ms", 30.0),  # above p99
        ("latency_p50_ms", 19.0),  # above p95
        ("latency_p99_ms", NAN),
        ("latency_p99_ms", float("inf")),
        ("latency_p50_ms", -1.0),
        ("frames_decided", 1e9),
        ("frames_dropped", 1.0),  # more than were offered
        ("drop_pct", 101.0),
        ("detection_recall", 1.01),
        ("duration_min", 900.0),  # longer than the run took
        ("host_memory_peak_mib", -5.0),
    ],
)
def test_a_number_that_cannot_be_is_a_failure(metric: str, value: float):
    """Signed or not: what contradicts itself proves nothing, and somebody made it."""
    judgement = FACTS.runs[0].result.judgement
    others = tuple(one for one in judgement.measurements if one.metric != metric)
    facts = put(FACTS, "runs.0.result.judgement.measurements", (*others, make_measurement(metric, value)))
    answers = dict(next(item.answers for item in outcome(facts).items if item.item_id == "hil-validation"))
    assert answers["run-passed"].status is CheckStatus.FAIL
    assert "cannot be" in answers["run-passed"].sentence


@pytest.mark.parametrize("field", REMOVABLE)
def test_a_fact_removed_never_makes_an_answer_better(field: str):
    """Whoever hides evidence gains nothing: what passes without a fact passed with it."""
    value = getattr(FACTS, field)
    empty = type(value)() if isinstance(value, tuple | frozenset | str) and field != "pipeline_sha256" else None
    for start in (FACTS, *(flipped(flip) for flip in ("runs.0.path", "golden.status", "rollout.mode"))):
        without = replace(start, **{field: empty})
        for need in (need for check in sorted(CHECKS) for need in requirements(check)):
            before, after = answer_to(need, start), answer_to(need, without)
            assert after.status is not CheckStatus.PASS or before.status is CheckStatus.PASS, need


@pytest.mark.parametrize(
    ("check", "field"),
    [
        *((name, "runs") for name in ("run-passed", "measured", "network-off", "soak", "checks-passed")),
        *((name, "runs") for name in ("faults-handled", "signatures-hold", "runtime-pinned")),
        *((name, "runs") for name in ("one-pipeline",)),
        ("golden-passed", "golden"),
        ("one-pipeline", "golden"),
        ("model-files-match", "model_files_sha256"),
        ("one-pipeline", "pipeline_sha256"),
        ("built-from-tag", "source"),
        ("compatible", "compatibility"),
        ("blocked-classes-excluded", "compatibility"),
        ("rollback-protected", "power_loss"),
        ("log-keys", "logs"),
        ("log-volume-bounded", "logs"),
        ("staged-rollout", "rollout"),
        ("rollback-rehearsed", "rehearsals"),
        ("diagnostic-bundle", "bundle"),
        ("document", "documents"),
    ],
)
def test_without_its_evidence_a_check_is_not_measured(check: str, field: str):
    """Nothing there is never good, and never called a failure of the model."""
    empty = () if isinstance(getattr(FACTS, field), tuple) else None
    facts = replace(FACTS, **{field: empty})
    assert {answer_to(need, facts).status for need in requirements(check)} == {CheckStatus.NOT_MEASURED}


def test_every_check_is_in_the_default_policy():
    """A check that no policy asks for proves nothing to anybody."""
    assert {need.check for item in DEFAULT.items for need in item.needs} == set(CHECKS)


def requirements(check: str) -> list[Requirement]:
    return [need for item in DEFAULT.items for need in item.needs if need.check == check]


def test_a_failure_goes_before_what_is_missing_in_the_sentence():
    """The first thing to do is to mend what is broken, then to measure what is not there."""
    facts = replace(put(FACTS, "rollout.mode", "blue_green"), golden=None)
    assert outcome(facts).sentence == (
        "Refused: rollout-plan (backend): the rollout mode is blue_green, not canary; 2 more items are open."
    )


def test_a_short_soak_says_how_long_it_was():
    """A person reads the number, the limit and the unit."""
    facts = replace(FACTS, runs=FACTS.runs[:1], manifest=FACTS.manifest)
    answers = dict(next(item.answers for item in outcome(facts).items if item.item_id == "thermal-and-long-run"))
    assert answers["soak"].sentence == "the longest run measured 0.17 h of 2 h"
    assert answers["soak"].status is CheckStatus.NOT_MEASURED


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        (FACTS, ExitCode.OK),
        (replace(FACTS, golden=None), ExitCode.INCONCLUSIVE),
        (replace(FACTS, secrets=("key.pem: a private key",)), ExitCode.FAIL),
        (replace(FACTS, secrets=("key.pem: a private key",), golden=None), ExitCode.FAIL),
        (replace(FACTS, triggers=frozenset({Trigger.CRYPTO_CHANGED})), ExitCode.APPROVAL_MISSING),
        (replace(FACTS, golden=None, triggers=frozenset({Trigger.CRYPTO_CHANGED})), ExitCode.INCONCLUSIVE),
    ],
)
def test_the_exit_code_says_what_is_to_be_done(facts: Facts, code: ExitCode):
    """Mend, measure, or ask a person: a job tells them apart."""
    assert exit_code_of(outcome(facts)) is code


def test_a_policy_without_items_lets_nothing_through():
    """Whoever gets past the reader with an empty list gets no further."""
    found = outcome(FACTS, replace(DEFAULT, items=()))
    assert not found.passed
    assert found.sentence == "Refused: the policy has no item."
    assert exit_code_of(found) is ExitCode.INCONCLUSIVE


def test_the_same_facts_give_the_same_outcome():
    """Two gates agree, and one agrees with itself tomorrow."""
    assert outcome(passing_facts()) == outcome(passing_facts())


def test_an_outcome_is_read_back_as_it_was_written():
    """What lies in a decisions folder says in a year what was decided today."""
    for facts in (FACTS, replace(FACTS, golden=None, runs=())):
        found = outcome(facts)
        assert from_json(GateOutcome, to_json(found), what="outcome") == found


def test_another_class_needs_its_own_evidence():
    """What passed on a PC says nothing of a Jetson."""
    found = outcome(replace(FACTS, device_class="jetson-orin-nx-8gb"))
    assert not found.passed
    assert {"hil-validation", "compatibility-matrix", "resource-budgets"} <= open_items(found).keys()


def test_the_passing_facts_are_of_one_moment():
    """The builder's clock and its times agree, or every test above would judge the wrong thing."""
    assert outcome(replace(FACTS, now_ns=NOW_NS + 1)).passed
    assert RELEASE_SHA in FACTS.rehearsals[0].activated
