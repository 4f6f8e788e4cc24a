"""A policy file means what it says, or is refused with every mistake at its place."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hilrig.config.keys import Keys, Positive
from hilrig.config.policy_file import load_policy, parse_policy
from hilrig.core.errors import ConfigError
from hilrig.core.gate import Policy, Trigger


class Nothing(Keys):
    pass


class Ceiling(Keys):
    p99_max_ms: Positive
    names: tuple[str, ...] = ("a",)
    max_age_days: Positive | None = None


CHECKS: dict[str, type[Keys]] = {"run-passed": Nothing, "latency": Ceiling}
SOUND = """\
format: 1
name: line
valid_days: 30
waivable: [speed]
approvals:
  - {when: waiver_used, role: quality, n: 1}
items:
  - id: speed
    title: Fast enough
    owner: QA
    needs:
      - {check: run-passed}
      - {check: latency, p99_max_ms: 45}
"""


def parsed(text: str) -> Policy:
    return parse_policy(text.encode(), file="p.yaml", checks=CHECKS)


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parsed(text)
    return [str(problem) for problem in caught.value.problems]


def changed(old: str, new: str) -> str:
    assert old in SOUND
    return SOUND.replace(old, new)


def test_a_policy_keeps_its_items_parameters_and_places():
    """Every requirement has all its parameters, those that were left out too, and says where it is written."""
    policy = parsed(SOUND)
    (item,) = policy.items
    assert (policy.name, policy.valid_days, policy.waivable) == ("line", 30.0, frozenset({"speed"}))
    assert item.needs[1].parameters == {"p99_max_ms": 45.0, "names": ["a"], "max_age_days": None}
    assert item.needs[1].source == "p.yaml:13:9"
    assert policy.approvals[0].when is Trigger.WAIVER_USED


def test_the_digest_is_over_the_bytes_of_the_file():
    """A comment more is another policy: nobody has to judge which change matters."""
    assert parsed(SOUND).sha256 != parsed(SOUND + "# new\n").sha256
    assert len(parsed(SOUND).sha256) == 64


@pytest.mark.parametrize(
    ("old", "new", "where", "words"),
    [
        ("p99_max_ms: 45", "p99_max_sm: 45", "13:26", "did you mean 'p99_max_ms'?"),
        ("p99_max_ms: 45", "p99_max_ms: '45'", "13:38", "remove the quotes"),
        ("p99_max_ms: 45", "p99_max_ms: true", "13:38", "expected a number, found true"),
        ("p99_max_ms: 45", "p99_max_ms: .nan", "13:38", "not a number that can be compared"),
        ("p99_max_ms: 45", "p99_max_ms: .inf", "13:38", "not a number that can be compared"),
        ("p99_max_ms: 45", "p99_max_ms: 1e999", "13:38", "too large"),
        ("p99_max_ms: 45", "p99_max_ms: -1", "13:38", "more than 0"),
        ("p99_max_ms: 45", "p99_max_ms: null", "13:26", "found nothing"),
        ("p99_max_ms: 45", "p99_max_ms: 45, max_age_days: ~", "13:42", "has no value"),
        (", p99_max_ms: 45", "", "13:9", "missing key"),
        ("check: run-passed", "check: run-pased", "12:17", "did you mean 'run-passed'?"),
        ("check: run-passed", "check: 1", "12:17", "there is no check '1'"),
        ("check: run-passed", "chek: run-passed", "12:9", "missing key 'check'"),
        ("{check: run-passed}", "{check: run-passed, on_missing: pass}", "12:29", "unknown key 'on_missing'"),
        ("{check: run-passed}", "run-passed", "12:9", "expected a block of keys"),
        ("waivable: [speed]", "waivable: [sped]", "4:12", "did you mean 'speed'?"),
        ("n: 1", "n: 0", "4:1", "no approval is asked for"),
        ("n: 1", "n: -1", "6:43", "at least 0"),
        ("n: 1", "n: 1.5", "6:43", "whole number"),
        ("when: waiver_used", "when: waiver-used", "6:12", "did you mean 'waiver_used'?"),
        ("valid_days: 30", "valid_days: 0", "3:13", "more than 0"),
        ("valid_days: 30", "valid_days: 9999", "3:13", "at most 3660"),
        ("valid_days: 30", "on_missing: pass", "3:1", "unknown key 'on_missing'"),
        ("format: 1", "format: 2", "1:9", "format 1"),
        ("owner: QA", "owner:", "10:5", "found nothing"),
        ("    title", "    id: speed\n    title", "9:5", "given twice"),
    ],
)
def test_a_mistake_is_refused_at_its_place(old: str, new: str, where: str, words: str):
    """Each mistake that a careless hand makes is named with file, line, column and what was probably meant."""
    found = problems(changed(old, new))
    assert any(line.startswith(f"p.yaml:{where}: ") and words in line for line in found), found


def test_an_item_without_requirements_is_refused():
    """What nothing proves would always pass."""
    text = SOUND[: SOUND.index("    needs")]
    assert problems(text) == ["p.yaml:8:5: missing key 'items[0].needs'"]
    assert "always pass" in problems(text + "    needs: []\n")[0]


def test_a_policy_without_items_is_refused():
    """It would let everything through."""
    text = SOUND[: SOUND.index("items:")].replace("waivable: [speed]\n", "")
    assert problems(text) == ["p.yaml:1:1: missing key 'items'"]
    assert "let everything through" in problems(text + "items: []\n")[0]


def test_all_mistakes_are_told_at_once():
    """A wrong check, a wrong limit and a wrong key: three lines, in the order of the file."""
    text = changed("run-passed", "run").replace("p99_max_ms: 45", "p99_max_ms: '45'").replace("owner", "ovner")
    found = problems(text)
    assert [line.split(":")[1] for line in found] == ["8", "10", "12", "13"]  # 8: the owner is missing


def test_two_items_of_one_name_are_refused():
    """A waiver for the name could mean either."""
    second = SOUND[SOUND.index("  - id: speed") :]
    assert any("given twice" in line for line in problems(SOUND + second))


def test_two_rules_for_one_role_and_trigger_are_refused():
    """One person, or two? The smaller number would win somewhere."""
    rule = "  - {when: waiver_used, role: quality, n: 1}\n"
    assert any("given twice" in line for line in problems(changed(rule, rule + rule.replace("1", "2"))))


def test_a_missing_file_names_what_lies_beside_it(tmp_path: Path):
    """The name was mistyped: the file that was meant is in the same folder."""
    (tmp_path / "line.yaml").write_text(SOUND)
    with pytest.raises(ConfigError, match=r"no such policy file.*line\.yaml"):
        load_policy(tmp_path / "lime.yaml", checks=CHECKS)
    assert load_policy(tmp_path / "line.yaml", checks=CHECKS).name == "line"


@settings(max_examples=50)
@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=8), st.lists))
def test_no_value_in_place_of_a_requirement_crashes_the_reader(value: Any):
    """Whatever stands where a block should be, the answer is a list of mistakes."""
    text = changed("{check: run-passed}", json.dumps(value))
    with pytest.raises(ConfigError):
        parsed(text)
