"""What words mean: each that hilrig prints is known, owned, and treated on a page."""

import ast
import json
import re
from functools import cache
from pathlib import Path

import pytest

import hilrig
from hilrig.app.triage import explain as subject
from hilrig.app.triage.explain import explain, topics
from hilrig.app.triage.playbook_pages import pages
from hilrig.core.error_codes import ERROR_CODES, OWNERS, undocumented
from hilrig.core.errors import UsageError
from hilrig.core.exits import ExitCode
from hilrig.core.topics import CAUSES, EXIT_CODES, SELF_CHECKS
from hilrig.core.verdict import Cause

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"
PACKAGE = Path(hilrig.__file__).parent
CODE = re.compile(r"\bHR-\d{3}\b")


@pytest.fixture(scope="module", autouse=True)
def described_once():
    """Make the schema once: every question has it made anew, and it is the same."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subject, "profile_schema", cache(subject.profile_schema))
        yield


def codes_in(folder: Path) -> set[str]:
    return {code for path in folder.rglob("*.py") for code in CODE.findall(path.read_text())}


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_code_in_the_sources_is_documented():
    """A code that the program can print has an owner, a meaning, a section and a next step."""
    assert undocumented(codes_in(PACKAGE)) == ()


def test_every_documented_code_is_in_the_sources_and_in_a_test():
    """A code that nothing prints misleads; one that no test names may mean anything by now."""
    used = {
        code
        for path in PACKAGE.rglob("*.py")
        if path.name not in ("error_codes.py", "topics.py") and "playbooks" not in path.parts
        for code in CODE.findall(path.read_text())
    }
    named = {
        code
        for path in (ROOT / "tests").rglob("*.py")
        if path != Path(__file__)
        for code in CODE.findall(path.read_text())
    }
    assert sorted(ERROR_CODES.keys() - used) == []
    assert sorted(ERROR_CODES.keys() - named) == []


def test_a_code_without_owner_or_section_is_found():
    """The check itself can fail: an unknown code is reported, a known one is not."""
    assert undocumented(["HR-305", "HR-999"]) == ("HR-999",)


def test_every_topic_has_an_owner_and_a_section_that_exists():
    """The page is there and has the heading; nobody is sent to nowhere."""
    pages = {topic.section.partition("#")[0] for topic in topics().values()}
    headings = {page: anchors(DOCS / page) for page in pages if (DOCS / page).is_file()}
    for topic in topics().values():
        page, _, anchor = topic.section.partition("#")
        assert page in headings, topic
        assert not anchor or anchor in headings[page], topic
        assert topic.owner in OWNERS, topic
        assert topic.meaning, topic
        assert topic.next_step, topic


def test_every_exit_code_and_cause_has_a_meaning():
    """None of an enum is left out."""
    assert EXIT_CODES.keys() == set(ExitCode)
    assert CAUSES.keys() == set(Cause)


def test_every_self_check_of_the_sources_and_of_a_real_run_is_explained():
    """The sample's result names most of them, the sources the rest."""
    result = json.loads((ROOT / "reports" / "sample" / "result.json").read_text())
    seen = {check["check_id"] for check in result["judgement"]["self_checks"]}
    assert sorted(seen - SELF_CHECKS.keys()) == []
    assert sorted(stated_in_sources() - SELF_CHECKS.keys()) == []


def stated_in_sources() -> set[str]:
    """Return the ids that `stated(...)` is called with as a plain text."""
    found = set()
    for path in (PACKAGE / "verdict").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "stated":
                found |= {one.value for one in node.args if isinstance(one, ast.Constant)}
    return found


def test_every_check_of_a_real_run_is_explained():
    """Each limit of the sample's profile is a topic by its own id."""
    result = json.loads((ROOT / "reports" / "sample" / "result.json").read_text())
    assert [one["check_id"] for one in result["judgement"]["checks"] if one["check_id"] not in topics()] == []


@pytest.mark.parametrize(
    ("word", "name", "owner"),
    [
        ("HR-305", "HR-305", "ML"),
        ("hr-301", "HR-301", "security"),
        ("33", "33", "backend"),
        ("p99", "latency.p99_max_ms", "ML"),
        ("latency.p99_max_ms", "latency.p99_max_ms", "ML"),
        ("hil_validation.latency.p99_max_ms", "latency.p99_max_ms", "ML"),
        ("drop_max_pct", "frames.drop_max_pct", "ML"),
        ("throttle", "throttle", "firmware"),
        ("target.accelerator", "target.accelerator", "ML"),
        ("latency-spikes", "latency-spikes", "support"),
        ("delegate-fallback", "delegate-fallback", "ML"),
        ("provider-idle", "provider-idle", "ML"),
    ],
)
def test_a_word_is_found_by_its_name_or_a_part_of_it(word, name, owner):
    """As a report, a log or a shell shows it."""
    found = explain(word)
    assert (found.name, found.owner) == (name, owner)


@pytest.mark.parametrize(
    ("word", "near"), [("throtle", "throttle"), ("HR-30", "HR-306"), ("latncy-spikes", "latency-spikes")]
)
def test_an_unknown_word_names_the_nearest(word, near):
    """Exit 2, never a guess."""
    with pytest.raises(UsageError) as refused:
        explain(word)
    assert near in refused.value.hint


def test_a_word_like_no_other_says_where_the_list_is():
    """Also empty ones and such as break terminals."""
    for word in ("", "\x1b[!]", "zzzzzzzzzz"):
        with pytest.raises(UsageError) as refused:
            explain(word)
        assert "--list" in refused.value.hint
        assert "\x1b" not in refused.value.message


def test_the_pages_are_what_the_program_says():
    """Made by `python -m hilrig.app.triage.playbook_pages docs/playbooks`; nobody edits them by hand."""
    for name, text in pages().items():
        assert (DOCS / "playbooks" / name).read_text() == text, name
