"""The gate: a policy of items with their requirements, what each came to, the decision that follows."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from hilrig.core.verdict import CheckStatus

OUTCOME_SCHEMA = "hilrig.gate-outcome/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One thing that must be shown: the name of a check and its parameters, and where it is written."""

    check: str
    parameters: Mapping[str, Any]
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyItem:
    """One item of the checklist: binary, with an owner, and the requirements that prove it, all of them."""

    item_id: str
    title: str
    owner: str
    needs: tuple[Requirement, ...]
    source: str = ""


class Trigger(str, Enum):
    """When people must approve. Each is computed from the manifest and the release before it, never declared."""

    ALWAYS = "always"
    FIRST_RELEASE = "first_release"  # no release before it is named: nobody can tell what changed
    CRYPTO_CHANGED = "crypto_changed"
    POLICY_LOOSENED = "policy_loosened"
    WAIVER_USED = "waiver_used"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalRule:
    """So many people of a role must approve when the trigger applies."""

    when: Trigger
    role: str
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A policy file.

    Args:
        valid_days: how long a decision under it holds.
        waivable: ids of items that a waiver may leave open.
        sha256: of the file.
    """

    name: str
    valid_days: float
    waivable: frozenset[str]
    approvals: tuple[ApprovalRule, ...]
    items: tuple[PolicyItem, ...]
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a check found: PASS, FAIL, or NOT_MEASURED where the evidence is missing. Both others block.

    Args:
        evidence: paths of the evidence that it looked at.
    """

    status: CheckStatus
    sentence: str
    evidence: tuple[str, ...] = ()


class ItemStatus(str, Enum):
    """What an item came to. Only PASS and WAIVED let through."""

    PASS = "PASS"  # noqa: S105 - a status
    FAIL = "FAIL"
    NOT_MEASURED = "NOT_MEASURED"
    WAIVED = "WAIVED"


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemOutcome:
    """An item with the answer to each of its requirements, in order; `waived_by` names who let it stay open."""

    item_id: str
    title: str
    owner: str
    status: ItemStatus
    answers: tuple[tuple[str, Answer], ...]
    waived_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalNeed:
    """Approvals that a trigger asks for: how many of a role, who gave one."""

    when: Trigger
    role: str
    n: int
    given_by: tuple[str, ...]

    @property
    def is_met(self) -> bool:
        """Return whether enough different people approved."""
        return len(set(self.given_by)) >= self.n


@dataclass(frozen=True, slots=True, kw_only=True)
class GateOutcome:
    """What `gate.json` holds: every item, every approval that is needed, and what follows for one device class."""

    schema: str = OUTCOME_SCHEMA
    manifest_sha256: str
    policy_name: str
    policy_sha256: str
    device_class: str
    decided_at_utc: str
    items: tuple[ItemOutcome, ...]
    approvals: tuple[ApprovalNeed, ...]
    passed: bool
    sentence: str
