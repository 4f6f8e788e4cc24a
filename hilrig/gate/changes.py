"""What changed since the last release that people must approve."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hilrig.core.gate import Policy, PolicyItem, Requirement, Trigger
from hilrig.core.gate_manifest import GateManifest


def policy_loosened(before: Policy, after: Policy) -> tuple[str, ...]:
    """Return in words each thing that `after` asks less of than `before`."""
    return (*_frame(before, after), *_rules(before, after), *_items(before, after))


def signing_changed(before: GateManifest, after: GateManifest) -> tuple[str, ...]:
    """Return in words what two manifests say differently of their signatures."""
    names = sorted(before.signing.keys() | after.signing.keys())
    return tuple(
        f"signing.{name} was {before.signing.get(name)!a:.60}, is {after.signing.get(name)!a:.60}"
        for name in names
        if before.signing.get(name) != after.signing.get(name)
    )


def _frame(before: Policy, after: Policy) -> Iterator[str]:
    if after.valid_days > before.valid_days:
        yield f"a decision holds for {after.valid_days:g} days instead of {before.valid_days:g}"
    for item_id in sorted(after.waivable - before.waivable):
        yield f"the item '{item_id}' may be waived now"


def _rules(before: Policy, after: Policy) -> Iterator[str]:
    now = {(rule.when, rule.role): rule.n for rule in after.approvals}
    for rule in before.approvals:
        n = now.get((rule.when, rule.role), 0)
        if n < rule.n:
            yield f"{n} instead of {rule.n} approvals by '{rule.role}' are asked for when {rule.when.value}"
    roles = {(rule.when, rule.role) for rule in before.approvals if rule.n}
    for rule in after.approvals:
        is_new_way = rule.when is Trigger.WAIVER_USED and rule.n and (rule.when, rule.role) not in roles
        if is_new_way and before.waivable:
            yield f"the role '{rule.role}' may waive now"


def _items(before: Policy, after: Policy) -> Iterator[str]:
    now = {item.item_id: item for item in after.items}
    for item in before.items:
        if item.item_id in now:
            yield from _requirements(item, now[item.item_id])
        else:
            yield f"the item '{item.item_id}' was removed"


def _requirements(before: PolicyItem, after: PolicyItem) -> Iterator[str]:
    for need in before.needs:
        same = [other for other in after.needs if other.check == need.check and _about(other) == _about(need)]
        if not same:
            yield f"the check '{need.check}'{_about(need)} was removed from '{before.item_id}'"
        else:
            yield from (
                f"'{need.check}' of '{before.item_id}': {words}" for words in _nearest_weakening(need, same)
            )


def _about(need: Requirement) -> str:
    """Return what a requirement is about, where a check may be asked for twice: ` (topic: on-call)`."""
    texts = [f"{name}: {value}" for name, value in need.parameters.items() if isinstance(value, str)]
    return f" ({', '.join(texts)})" if texts else ""


def _nearest_weakening(need: Requirement, same: Sequence[Requirement]) -> list[str]:
    """Return how the requirement most like `need` is weaker; nothing where one of them asks for as much."""
    return min((list(_weaker(need.parameters, other.parameters)) for other in same), key=len)


def _weaker(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    for name, value in before.items():
        if words := _weaker_value(name, value, after.get(name)):
            yield f"{name} {words}"


def _weaker_value(name: str, before: Any, after: Any) -> str:
    """Return how a parameter asks for less; empty where it does not. Its name says which way it limits."""
    if before is None or before == after:
        return ""
    if isinstance(before, list):
        lost = [str(one) for one in before if one not in (after or ())]
        return f"lost {', '.join(lost)}" if lost else ""
    words = name.split("_")
    if after is not None and "max" in words:
        return f"was raised from {before:g} to {after:g}" if after > before else ""
    if after is not None and "min" in words:
        return f"was lowered from {before:g} to {after:g}" if after < before else ""
    return f"was {before} and is {'left out' if after is None else after}"
