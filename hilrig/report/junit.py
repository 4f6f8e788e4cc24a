"""JUnit XML, so that a CI system shows every limit as a test case."""

from collections.abc import Mapping
from typing import Final
from xml.etree import ElementTree as ET

from hilrig.core.document import Document
from hilrig.core.result import Result
from hilrig.core.verdict import Check, CheckStatus, RunStatus, SelfCheck
from hilrig.report.values import plain
from hilrig.report.wording import MEANING, NO_CHECKS, margin_text, measured_s, observed_text

_ELEMENT_FOR: Final = {
    CheckStatus.FAIL: "failure",
    CheckStatus.INCONCLUSIVE: "error",
    CheckStatus.NOT_MEASURED: "error",
}


class JunitSink:
    """One test case per check and per self-check; the suite is red whenever the verdict is not PASS."""

    file_name = "junit.xml"

    def render(self, document: Document) -> bytes:
        """Return the XML as UTF-8. The suite's `time` is the measured part in seconds."""
        result = document.result
        suite = ET.Element("testsuite", name=plain(f"hilrig.{result.profile_name}"))
        suite.append(_properties(_run_facts(result)))
        for check in result.judgement.checks:
            _add_check(suite, check, result)
        for self_check in result.judgement.self_checks:
            _add_self_check(suite, self_check, result)
        _add_verdict(suite, result)
        _count(suite, result)
        suites = ET.Element("testsuites")
        suites.append(suite)
        ET.indent(suites)
        xml: bytes = ET.tostring(suites, encoding="utf-8", xml_declaration=True)
        return xml + b"\n"


def _run_facts(result: Result) -> dict[str, str]:
    return {
        "verdict": result.judgement.status.value,
        "exit_code": str(result.exit_code),
        "run_id": result.run_id,
        "rig": result.rig,
        "device_class": result.device_class,
        "model_bundle_sha256": result.model_bundle_sha256,
        "profile_sha256": result.profile_sha256,
        "pipeline_sha256": result.pipeline_sha256,
    }


def _add_check(suite: ET.Element, check: Check, result: Result) -> None:
    group, _, name = check.check_id.rpartition(".")
    case = _case(suite, result, group=group or "limits", name=name)
    facts = {
        "value": observed_text(check, result.judgement) if check.observed is None else f"{check.observed:.10g}",
        "comparator": check.comparator,
        "limit": f"{check.limit:.10g}",
        "margin": margin_text(check),
        "unit": check.unit,
        "n": str(check.n),
        "source": check.source,
        **({"evidence": check.evidence} if check.evidence else {}),
    }
    case.append(_properties(facts))
    if check.status is not CheckStatus.PASS:
        _add_problem(case, _ELEMENT_FOR[check.status], check.status.value, check.sentence)


def _add_self_check(suite: ET.Element, self_check: SelfCheck, result: Result) -> None:
    case = _case(suite, result, group="self_check", name=self_check.check_id)
    case.append(_properties({"value": self_check.observed_text, "limit": self_check.limit_text}))
    if not self_check.ok:
        _add_problem(case, "error", "SELF_CHECK", self_check.sentence, advice=self_check.advice)


def _add_verdict(suite: ET.Element, result: Result) -> None:
    """Add a case for a verdict that no other case tells of: a run without checks, or one that ended early."""
    judgement = result.judgement
    is_told = any(len(case) > 1 for case in suite.iter("testcase"))
    if judgement.checks and (is_told or judgement.status is RunStatus.PASS):
        return
    case = _case(suite, result, group="run", name="verdict")
    element = "failure" if judgement.status is RunStatus.FAIL else "error"
    message = judgement.sentence if judgement.checks else f"{NO_CHECKS} {judgement.sentence}"
    _add_problem(case, element, judgement.status.value, message, advice=MEANING[judgement.status])


def _case(suite: ET.Element, result: Result, *, group: str, name: str) -> ET.Element:
    classname = plain(f"hilrig.{result.profile_name}.{group}")
    return ET.SubElement(suite, "testcase", classname=classname, name=plain(name))


def _properties(facts: Mapping[str, str]) -> ET.Element:
    properties = ET.Element("properties")
    for name, value in facts.items():
        ET.SubElement(properties, "property", name=name, value=plain(value))
    return properties


def _add_problem(case: ET.Element, element: str, kind: str, message: str, *, advice: str = "") -> None:
    problem = ET.SubElement(case, element, type=kind, message=plain(message))
    problem.text = plain(f"{message}\n{advice}".strip())


def _count(suite: ET.Element, result: Result) -> None:
    suite.set("tests", str(len(suite.findall("testcase"))))
    suite.set("failures", str(len(suite.findall("testcase/failure"))))
    suite.set("errors", str(len(suite.findall("testcase/error"))))
    suite.set("skipped", "0")
    seconds = measured_s(result)
    if seconds is not None:
        suite.set("time", f"{seconds:.3f}")
    if result.started_at_utc:
        suite.set("timestamp", plain(result.started_at_utc))
