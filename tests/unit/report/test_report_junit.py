from dataclasses import replace
from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st
from report_checks import HOLDS, PASSED_P99, STEPPED
from report_documents import make_document, make_passing

from hilrig.core.verdict import Judgement, RunStatus
from hilrig.report.junit import JunitSink


def render(document) -> ET.Element:
    return ET.fromstring(JunitSink().render(document)).find("testsuite")


def judged(**changes) -> Judgement:
    return replace(make_passing().result.judgement, **changes)


def red(suite: ET.Element) -> int:
    return int(suite.get("failures")) + int(suite.get("errors"))


def test_each_check_and_each_self_check_is_a_test_case(failing) -> None:
    """A CI system lists every limit and every self-check under the profile's name, by group."""
    judgement = failing.result.judgement
    suite = render(failing)
    assert suite.get("tests") == str(len(judgement.checks) + len(judgement.self_checks))
    names = [(case.get("classname"), case.get("name")) for case in suite.iter("testcase")]
    assert ("hilrig.weld-station.latency", "p99_max_ms") in names
    assert ("hilrig.weld-station.self_check", "clock.steps") in names


def test_a_failed_limit_is_a_failure_with_its_sentence(failing) -> None:
    """The message is the sentence that every other view prints."""
    suite = render(failing)
    failures = [failure.get("message") for failure in suite.iter("failure")]
    assert failures == [
        check.sentence for check in failing.result.judgement.checks if check.status.value == "FAIL"
    ]
    assert suite.get("failures") == "2"


def test_what_is_not_certain_is_an_error(inconclusive, failing) -> None:
    """Undecided and unmeasured limits are errors; a self-check that does not hold carries its advice."""
    assert [error.get("type") for error in render(inconclusive).iter("error")] == [
        "INCONCLUSIVE",
        "NOT_MEASURED",
        "INCONCLUSIVE",
        "SELF_CHECK",
        "SELF_CHECK",
    ]
    assert STEPPED.advice in render(failing).find(".//error").text


def test_the_numbers_are_properties() -> None:
    """Value, limit, margin, unit and n can be read without parsing a sentence."""
    case = render(make_document(judged(checks=(PASSED_P99,)))).find("testcase")
    facts = {row.get("name"): row.get("value") for row in case.iter("property")}
    assert facts == {
        "value": "25.9",
        "comparator": "<=",
        "limit": "45",
        "margin": "42.4 % inside",
        "unit": "ms",
        "n": "18000",
        "source": "profile.yaml:21:20",
    }


def test_an_unmeasured_value_is_its_reason(inconclusive) -> None:
    """The value of an unmeasured limit is the reason, not a zero and not blank."""
    values = [row.get("value") for row in render(inconclusive).iter("property") if row.get("name") == "value"]
    assert "not measured: ABSENT: no NVML" in values


def test_the_time_is_the_measured_part(passing, empty) -> None:
    """Ten measured minutes are 600 seconds; without a measured part there is no time at all."""
    assert render(passing).get("time") == "600.000"
    assert "time" not in render(empty).attrib


def test_a_passing_run_is_green(passing) -> None:
    """PASS means no failure and no error."""
    assert red(render(passing)) == 0


def test_a_run_without_checks_is_red(empty) -> None:
    """Nothing checked is an error: an empty green suite would be a lie."""
    suite = render(empty)
    assert (suite.get("tests"), suite.get("errors")) == ("1", "1")
    passed_nothing = render(make_document(judged(checks=(), self_checks=(HOLDS,))))
    assert red(passed_nothing) == 1


def test_a_verdict_that_no_case_tells_of_is_red() -> None:
    """A run that ended early is red although each of its checks held."""
    suite = render(make_document(judged(status=RunStatus.INCONCLUSIVE, sentence="The run was aborted.")))
    assert red(suite) == 1
    assert suite.find(".//error").get("message") == "The run was aborted."


@given(st.text(st.characters(codec=None), max_size=40))
def test_any_text_gives_well_formed_xml(text: str) -> None:
    """Control characters, surrogates and markup in names and sentences never break the file."""
    check = replace(PASSED_P99, check_id=text, sentence=text, unit=text, source=text)
    document = make_document(judged(checks=(check,), sentence=text))
    hostile = replace(document, result=replace(document.result, profile_name=text, rig=text, run_id=text))
    assert render(hostile).get("tests") == "3"


def test_equal_documents_give_equal_bytes(any_document) -> None:
    """Rendering twice changes nothing."""
    assert JunitSink().render(any_document) == JunitSink().render(any_document)
