"""From a policy file to a Policy: the release checklist as data.

Which checks there are, the caller says: this package lies below the gate's.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import Field, ValidationError

from hilrig.config.block_reader import read_keys
from hilrig.config.document import Document, merge
from hilrig.config.document import Path as At
from hilrig.config.key_tree import nearest
from hilrig.config.keys import Format, Keys, Name, Positive, Text
from hilrig.config.locate import problems_of
from hilrig.config.source_file import not_found, read_bytes
from hilrig.config.yaml_source import read_yaml
from hilrig.core.canonical import canonical_json, sha256_hex
from hilrig.core.errors import ConfigError, Problem
from hilrig.core.gate import ApprovalRule, Policy, PolicyItem, Requirement, Trigger

CHECK: Final = "check"
Checks = Mapping[str, type[Keys]]
"""The parameters that each check takes, by the check's name."""

VALID_DAYS_MAX: Final = 3_660.0


class RuleKeys(Keys):
    """When people must approve, and how many of which role."""

    when: Trigger = Field(description="`always`, or what is computed from this release and the one before.")
    role: Name = Field(description="As whom they approve: `security`.")
    n: Annotated[int, Field(ge=0, le=100)] = Field(description="How many different people.")


class ItemKeys(Keys):
    """One item of the checklist."""

    id: Name = Field(description="Unique in the file.")
    title: Text = Field(description="What is true when it passes.")
    owner: Text = Field(description="The group that is asked when it does not.")
    needs: Annotated[tuple[dict[Text, Any], ...], Field(max_length=64)] = Field(
        description="Requirements that prove it, all of them: `{check: NAME, parameter: value}`."
    )


class PolicyKeys(Keys):
    """A release policy."""

    format: Format = Field(description="Format of this file: 1.")
    name: Name = Field(description="Name of the policy, as it stands in a decision.")
    valid_days: Annotated[Positive, Field(le=VALID_DAYS_MAX)] = Field(
        description="How long a decision under it holds."
    )
    waivable: Annotated[tuple[Name, ...], Field(max_length=100)] = Field(
        default=(), description="Items that a person may let stay open."
    )
    approvals: Annotated[tuple[RuleKeys, ...], Field(max_length=100)] = Field(
        default=(), description="When people must approve."
    )
    items: Annotated[tuple[ItemKeys, ...], Field(max_length=100)] = Field(
        description="The checklist: all of them must pass, or be waived."
    )


def load_policy(path: Path, *, checks: Checks, named: Sequence[str] = ()) -> Policy:
    """Return the policy that a file states; `named` are policies that need no file.

    Raises:
        ConfigError: there is no such file, or it has mistakes: all of them, in the order of the file.
    """
    if not path.is_file():
        beside = path if path.is_dir() else path.parent
        known = [*named, *sorted(file.name for file in beside.glob("*.yaml"))]
        raise not_found(path, what="policy file", known=known)
    return parse_policy(read_bytes(path), file=str(path), checks=checks)


def parse_policy(data: bytes, *, file: str, checks: Checks) -> Policy:
    """Return the policy in `data`, which messages call `file`.

    Raises:
        ConfigError: it has mistakes: all of them, in the order of the file.
    """
    document = read_yaml(data, file=file)
    keys, key_problems = read_keys(document, PolicyKeys)
    problems = merge(
        document.problems,
        list(_requirement_problems(document, checks)),
        key_problems,
        list(_broken_rules(document)),
    )
    if keys is None or problems:
        raise ConfigError(problems)
    return Policy(
        name=keys.name,
        valid_days=keys.valid_days,
        waivable=frozenset(keys.waivable),
        approvals=tuple(ApprovalRule(**rule.model_dump()) for rule in keys.approvals),
        items=tuple(_item(document, index, item, checks) for index, item in enumerate(keys.items)),
        sha256=sha256_hex(data),
    )


def _item(document: Document, index: int, item: ItemKeys, checks: Checks) -> PolicyItem:
    at: At = ("items", index)
    return PolicyItem(
        item_id=item.id,
        title=item.title,
        owner=item.owner,
        needs=tuple(
            _requirement(need, checks, source=_source(document, (*at, "needs", place)))
            for place, need in enumerate(item.needs)
        ),
        source=_source(document, (*at, "id")),
    )


def _requirement(need: Mapping[str, Any], checks: Checks, *, source: str) -> Requirement:
    """Return the requirement with every parameter, those that were left out too: two policies can be compared."""
    params = _params(need, checks[need[CHECK]])
    return Requirement(check=need[CHECK], parameters=params.model_dump(mode="json"), source=source)


def _params(need: Mapping[str, Any], model: type[Keys]) -> Keys:
    given = {name: value for name, value in need.items() if name != CHECK}
    return model.model_validate_json(canonical_json(given))


def _source(document: Document, at: At) -> str:
    mark = document.mark(at)
    return f"{document.file}:{mark.line}:{mark.column}"


def _requirement_problems(document: Document, checks: Checks) -> Iterator[Problem]:
    """Yield what is wrong with a requirement's check or its parameters, also in a file that is wrong elsewhere."""
    for at, need in _needs(document):
        name = need.get(CHECK)
        if CHECK not in need:
            yield document.problem(at, "missing_key", f"missing key '{CHECK}'", "{check: NAME, parameter: value}")
        elif not isinstance(name, str) or name not in checks:
            message = f"there is no check '{str(name)[:60]}'"
            yield document.problem((*at, CHECK), "unknown_name", message, nearest(str(name), sorted(checks)))
        else:
            yield from _param_problems(document, at, need, checks[name])


def _param_problems(document: Document, at: At, need: Mapping[str, Any], model: type[Keys]) -> Iterator[Problem]:
    try:
        _params(need, model)
    except ValidationError as error:
        yield from problems_of(error, document, at=at, unknown_key_hint=partial(_unknown, model))


def _unknown(model: type[Keys], path: At) -> str:
    known = list(model.model_fields)
    return nearest(str(path[-1]), known) if known else "this check has no parameters"


def _broken_rules(document: Document) -> Iterator[Problem]:
    items = document.get(("items",))
    ids = [
        item.get("id") if isinstance(item, dict) else None for item in (items if isinstance(items, list) else ())
    ]
    names = [name for name in ids if isinstance(name, str)]
    for index, name in enumerate(ids):
        if isinstance(name, str) and name in ids[:index]:
            message = f"the item '{name}' is given twice: nobody could tell which one holds"
            yield document.problem(("items", index, "id"), "contradiction", message, "rename or remove one")
    yield from _empty_problems(document)
    yield from _waivable_problems(document, names)
    yield from _rule_problems(document)


def _empty_problems(document: Document) -> Iterator[Problem]:
    """Yield lists that would let everything through: pydantic counts only what is sound in a list."""
    if document.get(("items",)) == []:
        yield document.problem(("items",), "no_checks", "a policy without items would let everything through")
    items = document.get(("items",))
    for index, item in enumerate(items if isinstance(items, list) else ()):
        if isinstance(item, dict) and item.get("needs") == []:
            message = "an item without requirements would always pass"
            yield document.problem(("items", index, "needs"), "no_checks", message, "needs: [{check: NAME}]")


def _waivable_problems(document: Document, names: list[str]) -> Iterator[Problem]:
    waivable = document.get(("waivable",))
    for index, name in enumerate(waivable if isinstance(waivable, list) else ()):
        if isinstance(name, str) and name not in names:
            message = f"there is no item '{name[:60]}' to be waived"
            yield document.problem(("waivable", index), "unknown_name", message, nearest(name, names))
    if isinstance(waivable, list) and waivable and not any(_asks_for_people(rule) for rule in _rules(document)):
        message = f"items may be waived, and no approval is asked for when: {Trigger.WAIVER_USED.value}"
        yield document.key_problem(
            ("waivable",), "contradiction", message, "approvals: [{when: waiver_used, role: quality, n: 1}]"
        )


def _rule_problems(document: Document) -> Iterator[Problem]:
    counts = Counter((str(rule.get("when")), str(rule.get("role"))) for rule in _rules(document))
    for index, rule in enumerate(_rules(document)):
        pair = (str(rule.get("when")), str(rule.get("role")))
        if counts[pair] > 1:
            message = f"approvals of {pair[1]} when {pair[0]} are given twice"
            yield document.problem(("approvals", index, "when"), "contradiction", message, "keep one")


def _asks_for_people(rule: Mapping[str, Any]) -> bool:
    n = rule.get("n")
    return rule.get("when") == Trigger.WAIVER_USED.value and (not isinstance(n, int) or n > 0)


def _rules(document: Document) -> list[dict[str, Any]]:
    rules = document.get(("approvals",))
    return [rule if isinstance(rule, dict) else {} for rule in rules] if isinstance(rules, list) else []


def _needs(document: Document) -> Iterator[tuple[At, dict[str, Any]]]:
    items = document.get(("items",))
    for index, item in enumerate(items if isinstance(items, list) else ()):
        needs = item.get("needs") if isinstance(item, dict) else None
        for place, need in enumerate(needs if isinstance(needs, list) else ()):
            if isinstance(need, dict):
                yield ("items", index, "needs", place), need
