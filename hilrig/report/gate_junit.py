"""JUnit XML of a gate's decisions: a suite for each device class, a case for each requirement."""

from collections.abc import Sequence
from typing import Final
from xml.etree import ElementTree as ET

from hilrig.core.gate import Answer, ApprovalNeed, GateOutcome, ItemOutcome, ItemStatus
from hilrig.core.verdict import CheckStatus
from hilrig.report.values import plain

_ELEMENT_FOR: Final = {
    CheckStatus.FAIL: "failure",
    CheckStatus.INCONCLUSIVE: "error",
    CheckStatus.NOT_MEASURED: "error",
}


def render_gate_junit(release: str, outcomes: Sequence[GateOutcome]) -> bytes:
    """Return the XML as UTF-8. What is missing is an error, never a skip; what is waived passes and says so."""
    suites = ET.Element("testsuites", name=plain(f"hilrig gate {release}"))
    for outcome in outcomes:
        suites.append(_suite(release, outcome))
    ET.indent(suites)
    xml: bytes = ET.tostring(suites, encoding="utf-8", xml_declaration=True)
    return xml + b"\n"


def _suite(release: str, outcome: GateOutcome) -> ET.Element:
    suite = ET.Element("testsuite", name=plain(f"hilrig.gate.{release}.{outcome.device_class}"))
    properties = ET.SubElement(suite, "properties")
    for name in ("policy_name", "policy_sha256", "manifest_sha256", "sentence"):
        ET.SubElement(properties, "property", name=name, value=plain(getattr(outcome, name)))
    for item in outcome.items:
        for check, answer in item.answers:
            _add_answer(suite, item, check, answer)
    for need in outcome.approvals:
        _add_approval(suite, need)
    suite.set("tests", str(len(suite.findall("testcase"))))
    suite.set("failures", str(len(suite.findall("testcase/failure"))))
    suite.set("errors", str(len(suite.findall("testcase/error"))))
    suite.set("skipped", "0")
    suite.set("timestamp", plain(outcome.decided_at_utc))
    return suite


def _add_answer(suite: ET.Element, item: ItemOutcome, check: str, answer: Answer) -> None:
    case = ET.SubElement(suite, "testcase", classname=plain(f"{item.item_id} ({item.owner})"), name=plain(check))
    if answer.status is CheckStatus.PASS:
        return
    if item.status is ItemStatus.WAIVED:
        output = ET.SubElement(case, "system-out")
        output.text = plain(f"WAIVED by {item.waived_by}: {answer.sentence}")
        return
    _add_problem(case, _ELEMENT_FOR[answer.status], answer.status.value, answer.sentence)


def _add_approval(suite: ET.Element, need: ApprovalNeed) -> None:
    case = ET.SubElement(suite, "testcase", classname="approvals", name=plain(f"{need.when.value} {need.role}"))
    if not need.is_met:
        words = f"{len(set(need.given_by))} of {need.n} people of the role {need.role} approved"
        _add_problem(case, "error", "APPROVAL_MISSING", words)


def _add_problem(case: ET.Element, element: str, kind: str, text: str) -> None:
    problem = ET.SubElement(case, element, type=plain(kind), message=plain(text))
    problem.text = plain(text)
