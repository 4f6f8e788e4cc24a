"""The decision for one device class, by a policy held against the facts.

Pure: equal input gives an equal outcome.
"""

from collections.abc import Iterable

from hilrig.core.approval import Approval
from hilrig.core.canonical import canonical_json
from hilrig.core.exits import ExitCode
from hilrig.core.gate import (
    Answer,
    ApprovalNeed,
    ApprovalRule,
    GateOutcome,
    ItemOutcome,
    ItemStatus,
    Policy,
    PolicyItem,
    Requirement,
    Trigger,
)
from hilrig.core.gate_facts import Facts
from hilrig.core.verdict import CheckStatus
from hilrig.gate.approving import holding, waiving
from hilrig.gate.checks.registry import CHECKS
from hilrig.gate.moment import moment_text
from hilrig.gate.outcome_words import outcome_sentence


def decide(policy: Policy, facts: Facts) -> GateOutcome:
    """Return what a policy makes of the facts: each item, each approval, whether the release may go out."""
    approvals = holding(facts)
    items = tuple(_item(item, policy, facts, approvals) for item in policy.items)
    needs = tuple(_needs(policy, facts, items, approvals))
    is_open = [item for item in items if item.status not in (ItemStatus.PASS, ItemStatus.WAIVED)]
    return GateOutcome(
        manifest_sha256=facts.manifest_sha256,
        policy_name=policy.name,
        policy_sha256=policy.sha256,
        device_class=facts.device_class,
        decided_at_utc=moment_text(facts.now_ns),
        items=items,
        approvals=needs,
        passed=bool(items) and not is_open and all(need.is_met for need in needs),
        sentence=outcome_sentence(items, needs, device_class=facts.device_class),
    )


def exit_code_of(outcome: GateOutcome) -> ExitCode:
    """Return what `gate check` ends with: a failure before missing evidence, that before missing approvals."""
    statuses = {item.status for item in outcome.items}
    if outcome.passed:
        return ExitCode.OK
    if ItemStatus.FAIL in statuses:
        return ExitCode.FAIL
    if ItemStatus.NOT_MEASURED in statuses or not statuses:
        return ExitCode.INCONCLUSIVE
    return ExitCode.APPROVAL_MISSING


def answer_to(requirement: Requirement, facts: Facts) -> Answer:
    """Return what a requirement's check answers."""
    check = CHECKS[requirement.check]
    return check.answer(facts, check.params.model_validate_json(canonical_json(dict(requirement.parameters))))


def _item(item: PolicyItem, policy: Policy, facts: Facts, approvals: Iterable[Approval]) -> ItemOutcome:
    answers = tuple((need.check, answer_to(need, facts)) for need in item.needs)
    status = _status(answer for _, answer in answers)
    waivers = [] if status is ItemStatus.PASS else waiving(item.item_id, policy, approvals)
    return ItemOutcome(
        item_id=item.item_id,
        title=item.title,
        owner=item.owner,
        status=ItemStatus.WAIVED if waivers else status,
        answers=answers,
        waived_by=", ".join(sorted({one.key_fingerprint for one in waivers})),
    )


def _status(answers: Iterable[Answer]) -> ItemStatus:
    """Return PASS only where there is an answer and each is PASS."""
    found = {answer.status for answer in answers}
    if found == {CheckStatus.PASS}:
        return ItemStatus.PASS
    return ItemStatus.FAIL if CheckStatus.FAIL in found else ItemStatus.NOT_MEASURED


def _needs(
    policy: Policy, facts: Facts, items: Iterable[ItemOutcome], approvals: Iterable[Approval]
) -> Iterable[ApprovalNeed]:
    waived = [item.item_id for item in items if item.status is ItemStatus.WAIVED]
    for rule in policy.approvals:
        if rule.when is Trigger.WAIVER_USED:
            given = [_given(rule, (one for one in approvals if item_id in one.waives)) for item_id in waived]
            is_asked = bool(waived)
            given_by = min(given, key=len, default=())
        else:
            is_asked = rule.when is Trigger.ALWAYS or rule.when in facts.triggers
            given_by = _given(rule, approvals)
        if is_asked and rule.n:
            yield ApprovalNeed(when=rule.when, role=rule.role, n=rule.n, given_by=given_by)


def _given(rule: ApprovalRule, approvals: Iterable[Approval]) -> tuple[str, ...]:
    return tuple(sorted({one.key_fingerprint for one in approvals if one.role == rule.role}))
