"""What CI systems show of a gate's decision: the same as its exit code says."""

from dataclasses import replace
from xml.etree import ElementTree as ET

from gate_facts import passing_facts
from hilrig.core.gate import ApprovalNeed, ItemStatus, Trigger
from hilrig.gate.decide import decide
from hilrig.gate.policies import find_policy
from hilrig.report.gate_junit import render_gate_junit
from hilrig.report.gate_markdown import gate_annotations, render_gate_summary


def decided(**changes):
    return decide(find_policy("default"), replace(passing_facts(), **changes))


def suite(outcome) -> ET.Element:
    return ET.fromstring(render_gate_junit("weld 1.0", [outcome])).find("testsuite")


def test_a_decision_that_passed_is_green() -> None:
    """Every requirement is a case, none is red, and there is nothing to annotate."""
    outcome = decided()
    found = suite(outcome)
    assert int(found.get("tests")) == sum(len(item.answers) for item in outcome.items)
    assert (found.get("failures"), found.get("errors"), found.get("skipped")) == ("0", "0", "0")
    assert not list(gate_annotations([outcome]))
    assert "PASSED" in render_gate_summary("weld 1.0", [outcome]).decode()


def test_missing_evidence_is_red_and_never_skipped() -> None:
    """Most CI systems show a skipped case as harmless."""
    outcome = decided(golden=None)
    found = suite(outcome)
    assert int(found.get("errors")) >= 1
    assert found.get("skipped") == "0"
    summary = render_gate_summary("weld 1.0", [outcome]).decode()
    assert "NOT_MEASURED" in summary
    assert "there is no golden report" in summary


def test_a_failure_is_an_annotation_that_names_the_item_its_owner_and_class() -> None:
    """The line holds no character that GitHub would read as the end of it."""
    lines = list(gate_annotations([decided(secrets=("a%b: a private\nkey",))]))
    assert len(lines) == 1
    assert lines[0].startswith("::error title=security-review (security)%2C x86-cpu::")
    assert "a%25b" in lines[0]
    assert "\n" not in lines[0]


def test_a_waived_item_is_green_and_says_so() -> None:
    """What stays open by a person's word is not red, and not hidden either."""
    outcome = decided(golden=None)
    items = tuple(
        replace(item, status=ItemStatus.WAIVED, waived_by="SHA256:x")
        if item.status is ItemStatus.NOT_MEASURED
        else item
        for item in outcome.items
    )
    found = suite(replace(outcome, items=items))
    assert found.get("errors") == "0"
    assert "WAIVED by SHA256:x" in "".join(node.text for node in found.iter("system-out"))


def test_a_missing_approval_is_red() -> None:
    """Nothing else is open: the one case that is red names the role."""
    need = ApprovalNeed(when=Trigger.CRYPTO_CHANGED, role="security", n=1, given_by=())
    outcome = replace(decided(), approvals=(need,), passed=False)
    found = suite(outcome)
    assert [error.get("type") for error in found.iter("error")] == ["APPROVAL_MISSING"]
    assert [line for line in gate_annotations([outcome]) if "security" in line]
