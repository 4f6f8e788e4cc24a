"""What a manifest says of its runs."""

from dataclasses import replace

from gate_facts import passing_facts
from hilrig.core.verdict import CheckStatus
from hilrig.gate.always import with_always
from hilrig.gate.claims import METRICS, claims_of, false_claims
from hilrig.gate.decide import decide, exit_code_of
from hilrig.gate.policies import find_policy
from signed_runs import make_judgement, make_result


def test_the_longest_run_of_a_class_speaks_for_it() -> None:
    """Of two runs on one class the numbers are those of the longer one, and the soak is its length."""
    short = make_result(make_judgement(p99_ms=20.0, measured={"duration_min": 10.0}))
    long = make_result(make_judgement(p99_ms=30.0, measured={"duration_min": 120.0}), run_id="b")
    found = claims_of([long, short], verified=True)
    assert found.benchmarks["x86-cpu"]["p99_ms"] == 30.0
    assert found.soak_test_hours == 2.0
    assert found.runtime == "onnxruntime-1.31.1"
    assert set(found.benchmarks["x86-cpu"]) == set(METRICS)


def test_what_was_not_measured_is_null_and_not_zero() -> None:
    """A number without a value stays without one."""
    result = make_result(make_judgement(measured={"host_memory_peak_mib": None}))
    assert claims_of([result], verified=True).benchmarks["x86-cpu"]["peak_ram_mb"] is None


def test_without_a_run_nothing_is_verified() -> None:
    """No run: no device tested, no hours, nothing signed."""
    found = claims_of([], verified=True)
    assert (found.devices_tested, found.soak_test_hours, found.signing) == ((), 0.0, {"verified": False})


def test_a_number_for_a_truth_value_is_a_false_claim() -> None:
    """`verified: 1` is not `verified: true`: two readers could differ."""
    facts = passing_facts()
    truth = claims_of([run.result for run in facts.runs], verified=True)
    assert not false_claims(facts.manifest, truth)
    forged = replace(facts.manifest, signing={"verified": 1})
    assert false_claims(forged, truth) == ("signing.verified is claimed as 1, the evidence gives True",)


def outcome(facts, **changes):
    """Return the outcome of the default policy with the item that stands before it."""
    asked = {"false_claims": (), "is_bound": True, "revoked": ""} | changes
    return with_always(decide(find_policy("default"), facts), facts, **asked)


def test_what_passes_stays_passed() -> None:
    """The item in front of every policy passes with everything it asks for."""
    found = outcome(passing_facts())
    assert found.passed, found.sentence
    assert found.items[0].item_id == "manifest-holds"


def test_a_false_claim_a_revocation_and_two_stacks_each_refuse() -> None:
    """None of it is a matter of policy."""
    facts = passing_facts()
    run = facts.runs[0]
    moved = replace(run.result, rig_info={**run.result.rig_info, "stack_sha256": "11" * 32})
    two_stacks = replace(facts, runs=(replace(run, result=moved), *facts.runs[1:]))
    for found, says in (
        (outcome(facts, false_claims=("a", "b", "c", "d")), "a; b; c; 1 more"),
        (outcome(facts, revoked="at noon"), "revoked at noon"),
        (outcome(two_stacks), "2 software stacks"),
    ):
        assert not found.passed
        assert exit_code_of(found) == 10
        assert says in found.sentence
    assert outcome(two_stacks, is_bound=False).items[0].status.value == "PASS"


def test_without_a_run_it_is_missing_evidence() -> None:
    """A policy that asks for no run still lets nothing through without one."""
    facts = replace(passing_facts(), runs=())
    item = outcome(facts).items[0]
    assert item.status.value == "NOT_MEASURED"
    assert CheckStatus.NOT_MEASURED in {answer.status for _, answer in item.answers}
