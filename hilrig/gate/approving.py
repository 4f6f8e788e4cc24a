"""Which approvals hold.

An approval also says which items may stay open.
"""

from collections.abc import Iterable

from hilrig.core.approval import Approval
from hilrig.core.gate import Policy, Trigger
from hilrig.core.gate_facts import Facts
from hilrig.gate.moment import SKEW_NS, moment_ns


def holding(facts: Facts) -> tuple[Approval, ...]:
    """Return the approvals of this very manifest that are signed, give a reason, and are not over."""
    return tuple(
        one
        for one in facts.approvals
        if one.manifest_sha256 == facts.manifest_sha256
        and one.key_fingerprint
        and one.reason.strip()
        and _holds_at(one, facts.now_ns)
    )


def waiving(item_id: str, policy: Policy, approvals: Iterable[Approval]) -> list[Approval]:
    """Return the approvals that waive an item: none where the policy does not let it, or asks nobody for it."""
    roles = {rule.role for rule in policy.approvals if rule.when is Trigger.WAIVER_USED and rule.n > 0}
    if item_id not in policy.waivable:
        return []
    return [one for one in approvals if item_id in one.waives and one.role in roles]


def _holds_at(approval: Approval, now_ns: int) -> bool:
    issued_ns, expires_ns = moment_ns(approval.issued_at_utc), moment_ns(approval.expires_at_utc)
    if issued_ns is None or expires_ns is None:
        return False
    return issued_ns - SKEW_NS <= now_ns < expires_ns
