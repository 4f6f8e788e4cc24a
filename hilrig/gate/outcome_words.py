"""A decision in one sentence that a person can act on."""

from collections.abc import Sequence
from typing import Final

from hilrig.core.gate import Answer, ApprovalNeed, ItemOutcome, ItemStatus, Trigger
from hilrig.core.verdict import CheckStatus

WHY: Final = {
    Trigger.ALWAYS: "of every release",
    Trigger.CRYPTO_CHANGED: "because keys or signing changed",
    Trigger.POLICY_LOOSENED: "because the policy asks for less than the last one",
    Trigger.WAIVER_USED: "because an item is waived",
}
"""Why people are asked, in words."""


def outcome_sentence(items: Sequence[ItemOutcome], needs: Sequence[ApprovalNeed], *, device_class: str) -> str:
    """Return `Refused: ...`, `Held: ...` or `Passed: ...`: the first thing to do, how much more there is."""
    is_open = [item for item in items if item.status in (ItemStatus.FAIL, ItemStatus.NOT_MEASURED)]
    if is_open or not items:
        return _refused(is_open)
    unmet = [need for need in needs if not need.is_met]
    return _held(unmet) if unmet else _passed(items, device_class)


def _refused(is_open: Sequence[ItemOutcome]) -> str:
    if not is_open:
        return "Refused: the policy has no item."
    first = min(is_open, key=lambda item: item.status is not ItemStatus.FAIL)
    words = _first_open(first).sentence.rstrip(".")
    return f"Refused: {first.item_id} ({first.owner}): {words}{_more(len(is_open) - 1)}."


def _first_open(item: ItemOutcome) -> Answer:
    """Return the answer that decided the item."""
    answers = [answer for _, answer in item.answers if answer.status is not CheckStatus.PASS]
    return min(answers, key=lambda answer: answer.status is not CheckStatus.FAIL)


def _more(n_items: int) -> str:
    if not n_items:
        return ""
    return f"; {n_items} more {'item is' if n_items == 1 else 'items are'} open"


def _held(unmet: Sequence[ApprovalNeed]) -> str:
    lacking = [
        f"{need.n - len(set(need.given_by))} of {need.n} by the role '{need.role}' {WHY[need.when]}"
        for need in unmet
    ]
    return f"Held: every item is shown, approvals are missing: {'; '.join(lacking)}."


def _passed(items: Sequence[ItemOutcome], device_class: str) -> str:
    waived = [item.item_id for item in items if item.status is ItemStatus.WAIVED]
    words = f"Passed for {device_class}: {len(items) - len(waived)} of {len(items)} items are shown"
    return f"{words}, waived: {', '.join(waived)}." if waived else f"{words}."
