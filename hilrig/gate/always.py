"""What no policy can leave out: the manifest tells the truth, runs of a class agree on what they ran on."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from hilrig.core.gate import Answer, GateOutcome, ItemOutcome, ItemStatus
from hilrig.core.gate_facts import Facts
from hilrig.core.verdict import CheckStatus
from hilrig.gate.checks.answers import failed, listed, missing, passed, unless
from hilrig.gate.checks.runs_here import runs_here
from hilrig.gate.outcome_words import outcome_sentence

ITEM_ID: Final = "manifest-holds"
OWNER: Final = "gate"
SHOWN_MAX: Final = 3
"""Of false claims: one wrong file makes many of them."""


def with_always(
    outcome: GateOutcome, facts: Facts, *, false_claims: Sequence[str], is_bound: bool, revoked: str
) -> GateOutcome:
    """Return an outcome with the item that stands in front of every policy.

    Args:
        outcome: of the policy.
        facts: that it was decided on.
        false_claims: what the manifest states and the evidence does not give.
        is_bound: the decision is to be bound to the software stack of the runs.
        revoked: when this release was revoked for this class, in words; empty: it was not.
    """
    answers = (
        ("claims-recomputed", _claims(false_claims)),
        ("attested-run", _attested(facts)),
        *((("one-stack", _one_stack(facts)),) if is_bound else ()),
        ("not-revoked", unless(_revoked(revoked), passed("nobody revoked this release"))),
    )
    item = ItemOutcome(
        item_id=ITEM_ID,
        title="The manifest tells the truth, a signed run stands behind it, and nobody revoked it",
        owner=OWNER,
        status=_status([answer for _, answer in answers]),
        answers=answers,
    )
    items = (item, *outcome.items)
    return replace(
        outcome,
        items=items,
        passed=outcome.passed and item.status is ItemStatus.PASS,
        sentence=outcome_sentence(items, outcome.approvals, device_class=outcome.device_class),
    )


def stacks_of(facts: Facts) -> frozenset[str]:
    """Return the software stacks that the runs of this release on this class were made on; `""`: not known."""
    return frozenset(str(run.result.rig_info.get("stack_sha256") or "") for run in runs_here(facts))


def _claims(false_claims: Sequence[str]) -> Answer:
    if false_claims:
        shown, rest = "; ".join(false_claims[:SHOWN_MAX]), len(false_claims) - SHOWN_MAX
        more = f"; {rest} more" if rest > 0 else ""
        return failed(f"the manifest does not tell the truth: {shown}{more}")
    return passed("what the manifest states is what release and evidence give")


def _attested(facts: Facts) -> Answer:
    runs = runs_here(facts)
    if not runs:
        return missing(f"there is no verified run of this release on {facts.device_class}")
    return passed(f"{len(runs)} signed runs", *(run.path for run in runs))


def _one_stack(facts: Facts) -> Answer:
    stacks = stacks_of(facts)
    if len(stacks) > 1:
        shown = listed(sorted(one[:12] or "unknown" for one in stacks))
        return failed(f"the runs on {facts.device_class} were made on {len(stacks)} software stacks: {shown}")
    if stacks == {""}:
        return missing(f"the runs on {facts.device_class} do not tell their software stack")
    return passed(f"one software stack on {facts.device_class}") if stacks else missing("there is no run")


def _revoked(when: str) -> Iterator[Answer]:
    if when:
        yield failed(f"this release was revoked {when}: make a new one")


def _status(answers: Sequence[Answer]) -> ItemStatus:
    statuses = {answer.status for answer in answers}
    if statuses == {CheckStatus.PASS}:
        return ItemStatus.PASS
    return ItemStatus.FAIL if CheckStatus.FAIL in statuses else ItemStatus.NOT_MEASURED
