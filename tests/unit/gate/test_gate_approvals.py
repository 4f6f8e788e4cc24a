"""Who may let an item stay open, and when people must be asked."""

from dataclasses import replace
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate_facts import make_approval, put
from gate_flips import FACTS, ITEM_OF_FLIP, OTHER, flipped
from hilrig.core.approval import Approval
from hilrig.core.exits import ExitCode
from hilrig.core.gate import GateOutcome, ItemStatus, Policy, Trigger
from hilrig.core.gate_facts import Facts
from hilrig.core.verdict import CheckStatus
from hilrig.gate.decide import decide, exit_code_of
from hilrig.gate.policies import find_policy

DEFAULT: Final = find_policy("default")
NO_ROLLOUT: Final = replace(FACTS, rollout=None)
"""One waivable item open: rollout-plan."""


def outcome(facts: Facts, policy: Policy = DEFAULT) -> GateOutcome:
    return decide(policy, facts)


def open_items(found: GateOutcome) -> dict[str, ItemStatus]:
    return {one.item_id: one.status for one in found.items if one.status is not ItemStatus.PASS}


def waiver(**changes: Any) -> Approval:
    return make_approval(**{"waives": ("rollout-plan",), **changes})


def with_approvals(facts: Facts, *approvals: Approval) -> Facts:
    return replace(facts, approvals=approvals)


def test_a_waiver_leaves_an_item_open_and_in_sight():
    """The item is WAIVED by name, what it came to stays visible, the need is met by the same person."""
    found = outcome(with_approvals(NO_ROLLOUT, waiver()))
    item = next(one for one in found.items if one.item_id == "rollout-plan")
    assert (found.passed, item.status, item.waived_by) == (True, ItemStatus.WAIVED, "SHA256:anna")
    assert dict(item.answers)["staged-rollout"].status is CheckStatus.NOT_MEASURED
    assert [(need.when, need.given_by) for need in found.approvals] == [(Trigger.WAIVER_USED, ("SHA256:anna",))]
    assert "waived: rollout-plan" in found.sentence


def test_a_failure_may_be_waived_only_where_the_item_is_waivable():
    """A FAIL is waived like missing evidence, and never in an item that the policy keeps shut."""
    failed = put(FACTS, "rollout.mode", "blue_green")
    assert outcome(with_approvals(failed, waiver())).passed
    secret = replace(FACTS, secrets=("key.pem: a private key",))
    assert not outcome(with_approvals(secret, waiver(waives=("security-review",)))).passed


@pytest.mark.parametrize(
    "changes",
    [
        {"waives": ()},
        {"waives": ("thermal-and-long-run",)},
        {"role": "approver"},
        {"role": "security"},
        {"manifest_sha256": OTHER},
        {"expires_at_utc": "2026-11-22T03:59:59Z"},
        {"expires_at_utc": "2026-11-22T04:00:00Z"},
        {"issued_at_utc": "2026-11-23T00:00:00Z"},
        {"expires_at_utc": "soon"},
        {"expires_at_utc": ""},
        {"issued_at_utc": "2026-13-40T00:00:00Z"},
        {"reason": " "},
        {"key": ""},
    ],
)
def test_a_waiver_that_does_not_hold_waives_nothing(changes: dict[str, Any]):
    """Another role, manifest, time or item, no reason, no signature: the item stays open."""
    found = outcome(with_approvals(NO_ROLLOUT, waiver(**changes)))
    assert open_items(found) == {"rollout-plan": ItemStatus.NOT_MEASURED}
    assert not found.passed


def test_a_waiver_for_what_is_shown_is_not_used():
    """An item that passes is PASS, whoever would have let it stay open; then nobody needs to approve."""
    found = outcome(with_approvals(FACTS, waiver()))
    assert (found.passed, found.approvals, open_items(found)) == (True, (), {})


def _policy(n: int, when: Trigger = Trigger.WAIVER_USED) -> Policy:
    rules = tuple(replace(rule, n=n) if rule.when is when else rule for rule in DEFAULT.approvals)
    return replace(DEFAULT, approvals=rules)


def test_one_person_twice_is_one_person():
    """Two approvals by one key do not make the two people that the policy asks for."""
    twice = with_approvals(NO_ROLLOUT, waiver(), waiver(reason="Again."))
    found = outcome(twice, _policy(2))
    assert (found.passed, exit_code_of(found)) == (False, ExitCode.APPROVAL_MISSING)
    assert found.sentence == (
        "Held: every item is shown, approvals are missing: 1 of 2 by the role 'quality' because an item is waived."
    )
    assert outcome(with_approvals(NO_ROLLOUT, waiver(), waiver(key="SHA256:bert")), _policy(2)).passed


def test_each_waived_item_needs_its_own_people():
    """Two people, one for each item, are not two people for both."""
    facts = replace(NO_ROLLOUT, bundle=None)
    approvals = (waiver(), waiver(key="SHA256:bert", waives=("support-readiness",)))
    assert not outcome(with_approvals(facts, *approvals), _policy(2)).passed
    assert outcome(with_approvals(facts, *approvals), _policy(1)).passed


def test_without_a_rule_for_waivers_nobody_waives():
    """Whoever takes the rule out has closed the door, not opened it."""
    rules = tuple(rule for rule in DEFAULT.approvals if rule.when is not Trigger.WAIVER_USED)
    assert not outcome(with_approvals(NO_ROLLOUT, waiver()), replace(DEFAULT, approvals=rules)).passed
    assert not outcome(with_approvals(NO_ROLLOUT, waiver()), _policy(0)).passed


@pytest.mark.parametrize(
    ("trigger", "role"), [(Trigger.CRYPTO_CHANGED, "security"), (Trigger.POLICY_LOOSENED, "quality")]
)
def test_a_trigger_asks_for_its_role(trigger: Trigger, role: str):
    """Computed from what changed: without a person of the role the release is held, with one it passes."""
    facts = replace(FACTS, triggers=frozenset({trigger}))
    assert exit_code_of(outcome(facts)) is ExitCode.APPROVAL_MISSING
    wrong = with_approvals(facts, make_approval("approver"), make_approval(role, manifest_sha256=OTHER))
    assert exit_code_of(outcome(wrong)) is ExitCode.APPROVAL_MISSING
    assert outcome(with_approvals(facts, make_approval(role))).passed


def test_a_rule_for_every_release_asks_always():
    """`always` needs no trigger."""
    policy = _policy(1, Trigger.ALWAYS)
    assert exit_code_of(outcome(FACTS, policy)) is ExitCode.APPROVAL_MISSING
    assert outcome(with_approvals(FACTS, make_approval("approver")), policy).passed


@given(
    st.lists(st.sampled_from(sorted(ITEM_OF_FLIP)), min_size=1, max_size=1),
    st.lists(st.sampled_from(["security", "quality", "approver"]), max_size=3),
)
def test_no_approval_lets_a_shut_item_pass(flips: list[str], roles: list[str]):
    """Whoever approves and whatever they waive: an item that is not waivable stays open."""
    facts = flipped(flips[0])
    every = tuple(item.item_id for item in DEFAULT.items)
    approvals = [make_approval(role, key=f"SHA256:{role}", waives=every) for role in roles]
    found = outcome(with_approvals(facts, *approvals))
    shut = {name for name, status in open_items(found).items() if name not in DEFAULT.waivable}
    assert all(open_items(found)[name] is not ItemStatus.WAIVED for name in shut)
    assert found.passed is (not shut and all(need.is_met for need in found.approvals) and "quality" in roles)
