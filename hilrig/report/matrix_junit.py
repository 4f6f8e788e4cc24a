"""JUnit XML of one profile on many rigs: a suite for each rig, red wherever a rig has no PASS."""

from collections.abc import Mapping
from typing import Final
from xml.etree import ElementTree as ET

from hilrig.core.exits import ExitCode
from hilrig.core.matrix import Matrix, MatrixCheck, MatrixRow
from hilrig.core.verdict import CheckStatus, RunStatus
from hilrig.report.matrix_html import margin, row_word
from hilrig.report.values import plain

_ELEMENT_FOR: Final = {
    CheckStatus.FAIL: "failure",
    CheckStatus.INCONCLUSIVE: "error",
    CheckStatus.NOT_MEASURED: "error",
}


def render_matrix_junit(matrix: Matrix) -> bytes:
    """Return the XML as UTF-8: a case for each limit, and one for the verdict on the rig.

    A rig that was not run is an error, never a skip: most CI systems show skipped cases as harmless.
    """
    suites = ET.Element("testsuites", name=plain(f"hilrig.{matrix.profile_name}"))
    for row in matrix.rows:
        suites.append(_suite(matrix.profile_name, row))
    ET.indent(suites)
    xml: bytes = ET.tostring(suites, encoding="utf-8", xml_declaration=True)
    return xml + b"\n"


def _suite(profile_name: str, row: MatrixRow) -> ET.Element:
    classname = plain(f"hilrig.{profile_name}.{row.rig}")
    suite = ET.Element("testsuite", name=classname)
    suite.append(_properties(_facts(row)))
    for check in row.checks:
        _add_check(suite, classname, check)
    _add_verdict(suite, classname, row)
    suite.set("tests", str(len(suite.findall("testcase"))))
    suite.set("failures", str(len(suite.findall("testcase/failure"))))
    suite.set("errors", str(len(suite.findall("testcase/error"))))
    suite.set("skipped", "0")
    if row.started_at_utc:
        suite.set("timestamp", plain(row.started_at_utc))
    return suite


def _facts(row: MatrixRow) -> Mapping[str, str]:
    facts = {
        "rig": row.rig,
        "device_class": row.device_class,
        "verdict": row.status.value if row.status else "none",
        "exit_code": str(row.exit_code),
        "run_id": row.run_id,
        "run_dir": row.run_dir,
        "result_sha256": row.result_sha256,
        "key": row.key_fingerprint,
    }
    return {name: value for name, value in facts.items() if value}


def _add_check(suite: ET.Element, classname: str, check: MatrixCheck) -> None:
    case = ET.SubElement(suite, "testcase", classname=classname, name=plain(check.check_id))
    case.append(_properties({"value": check.observed_text, "limit": check.limit_text, "margin": margin(check)}))
    if check.status is not CheckStatus.PASS:
        text = f"{check.title}: {check.observed_text}, limit {check.limit_text}"
        _add_problem(case, _ELEMENT_FOR[check.status], check.status.value, text)


def _add_verdict(suite: ET.Element, classname: str, row: MatrixRow) -> None:
    case = ET.SubElement(suite, "testcase", classname=classname, name="verdict")
    if row.exit_code == ExitCode.OK and row.status is RunStatus.PASS:
        return
    element = "failure" if row.status is RunStatus.FAIL else "error"
    text = "\n".join(part for part in (row.sentence or row.why_not_run, row.hint) if part)
    _add_problem(case, element, row_word(row), text)


def _properties(facts: Mapping[str, str]) -> ET.Element:
    properties = ET.Element("properties")
    for name, value in facts.items():
        ET.SubElement(properties, "property", name=name, value=plain(value))
    return properties


def _add_problem(case: ET.Element, element: str, kind: str, text: str) -> None:
    problem = ET.SubElement(case, element, type=plain(kind), message=plain(text.partition("\n")[0]))
    problem.text = plain(text)
