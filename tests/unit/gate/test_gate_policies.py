"""The policies that come with hilrig hold the checklist that they were made from."""

from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate_facts import passing_facts
from hilrig.core.canonical import sha256_hex
from hilrig.core.errors import ConfigError
from hilrig.core.gate import Trigger
from hilrig.gate.decide import decide
from hilrig.gate.policies import BUNDLED, find_policy, parse, policy_bytes

CHECKLIST: Final = {
    "hil-validation": "QA",
    "artifact-integrity": "ML",
    "no-regression": "ML",
    "compatibility-matrix": "ML",
    "configuration-freeze": "ML",
    "resource-budgets": "firmware",
    "thermal-and-long-run": "QA",
    "offline-behaviour": "firmware",
    "failure-handling": "firmware",
    "logging": "backend",
    "security-review": "security",
    "rollout-plan": "backend",
    "support-readiness": "support",
}
"""The eleven items of the release readiness checklist; before them the run and the last release."""


def test_the_default_policy_is_the_checklist_with_its_owners():
    """Eleven items of the chapter, the run itself, the comparison with the last release; each with its owner."""
    assert {item.item_id: item.owner for item in find_policy("default").items} == CHECKLIST


def test_only_four_items_may_be_waived_and_by_quality():
    """What is missing in a first release may wait; what a wrong decision could come from may not."""
    policy = find_policy("default")
    assert policy.waivable == {"no-regression", "thermal-and-long-run", "rollout-plan", "support-readiness"}
    assert {rule.role for rule in policy.approvals if rule.when is Trigger.WAIVER_USED} == {"quality"}


def test_the_rehearsal_asks_for_nothing_that_only_a_node_can_give():
    """It passes before any node has seen the release, and asks for no more than three items."""
    policy = find_policy("rehearsal")
    facts = passing_facts(logs=(), rehearsals=(), rollout=None, power_loss=(), bundle=None, documents=())
    assert decide(policy, facts).passed
    assert [item.item_id for item in policy.items] == ["hil-validation", "artifact-integrity", "security-review"]
    assert not policy.waivable


@pytest.mark.parametrize("name", BUNDLED)
def test_a_bundled_policy_copied_to_a_file_is_the_same_policy(name: str, tmp_path: Path):
    """A user starts from the copy: its digest, and so its name in a decision, is that of the original."""
    copy = tmp_path / "mine.yaml"
    copy.write_bytes(policy_bytes(name))
    assert find_policy(str(copy)).sha256 == find_policy(name).sha256 == sha256_hex(policy_bytes(name))
    assert find_policy(name).name == name


def test_a_file_called_default_does_not_stand_in_for_the_bundled_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Whoever leaves a file of that name in the working folder changes nothing."""
    monkeypatch.chdir(tmp_path)
    Path("default").write_bytes(policy_bytes("rehearsal"))
    assert find_policy("default").name == "default"
    assert find_policy("./default").name == "rehearsal"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("latency_p99_ms", "latency_p99", "there is no metric 'latency_p99'; did you mean 'latency_p99_ms'?"),
        ("camera_stops", "camera_stop", "did you mean 'camera_stops'?"),
        ("[file_calls, kill]", "[file_calls, fire]", "expected 'file_calls', 'kill'"),
        ("{check: no-secrets}", "{check: no-secrets, sure: true}", "this check has no parameters"),
        ("hours_min: 2}", "hours_min: '2'}", "remove the quotes"),
        ("inputs_min: 4", "inputs_min: 400", "at most 24"),
        ("topic: on-call", "topic: On Call", "small letters"),
    ],
)
def test_a_parameter_that_could_never_be_met_is_refused_at_load(old: str, new: str, words: str):
    """A misspelt metric would be missing for ever: the person who wrote it hears it first."""
    text = policy_bytes("default").decode()
    assert old in text
    with pytest.raises(ConfigError) as caught:
        parse(text.replace(old, new).encode(), file="p.yaml")
    assert any(words in str(problem) and problem.line for problem in caught.value.problems)


@settings(max_examples=30)  # each reads a file of 120 lines
@given(st.data())
def test_a_damaged_policy_is_read_or_refused_and_never_crashes(data: st.DataObject):
    """A piece cut out, a piece put in: what is still read is a policy that can decide."""
    text = policy_bytes("rehearsal").decode()
    at = data.draw(st.integers(0, len(text)))
    length = data.draw(st.integers(0, 40))
    text = text[:at] + data.draw(st.text(max_size=3)) + text[at + length :]
    try:
        policy = parse(text.encode("utf-8", "surrogatepass"), file="p.yaml")
    except ConfigError:
        return
    assert policy.items
    assert decide(policy, passing_facts(runs=())).passed is False


def test_a_policy_that_is_not_there_is_refused():
    """No name, no file: nothing is decided."""
    with pytest.raises(ConfigError, match="no such policy file"):
        find_policy("defalt")
