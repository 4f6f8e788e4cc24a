"""hilrig.report.matrix_*: every rig stands there, with its verdict or why it has none; all is escaped."""

from html import unescape
from xml.etree import ElementTree as ET

import pytest

from hilrig.core.verdict import CheckStatus, RunStatus
from hilrig.report.matrix_html import closest, render_matrix, row_word
from hilrig.report.matrix_junit import render_matrix_junit
from hilrig.report.matrix_markdown import render_matrix_summary
from matrices import busy_row, make_check, make_matrix, make_row

HOSTILE = '</script><script>alert(1)</script>"><img src=x onerror=alert(1)>\u202e|`'


def page_of(*rows, **changes) -> str:
    return unescape(render_matrix(make_matrix(*rows, **changes)).decode())


def suites_of(*rows) -> list[ET.Element]:
    return list(ET.fromstring(render_matrix_junit(make_matrix(*rows))))


def test_every_rig_stands_on_the_page():
    """Verdict and numbers of those that have them, the reason of those that have not; links to the reports."""
    page = page_of(make_row("a"), make_row("b", p99_ms=50.0), busy_row("c"))
    assert "1 of 3 rigs PASS, 1 FAIL, 1 without a verdict." in page
    assert 'href="../run-of-a/report.html"' in page
    assert "not run: busy" in page
    assert "held by eva@lab since 2026-11-20T20:00:00Z" in page
    assert "Next: wait until it ends" in page
    assert "11.11 % beyond" in page


def test_classes_stand_beside_each_other():
    """One column for each device class, the limit once, a class without a verdict said to be so."""
    page = page_of(make_row("a"), make_row("b", p99_ms=30.0, device_class="jetson-agx"), busy_row("c"))
    head = page[page.index('id="classes"') :]
    assert head.index("x86-cpu") < head.index("jetson-agx") < head.index("jetson-orin-nx-16gb")
    assert "no verdict" in head
    assert "30 ms" in head


def test_a_class_with_a_rig_that_was_not_run_says_so():
    """One rig of the class passes, another was busy: the cell must not read as if all of the class did."""
    page = page_of(make_row("a"), busy_row("b", device_class="x86-cpu"))
    assert "1 of 2 rigs without a verdict" in page


@pytest.mark.parametrize(
    ("rows", "word"),
    [
        ([make_row()], "PASS"),
        ([make_row("a"), make_row("b", p99_ms=50.0)], "FAIL"),
        ([make_row("a"), make_row("b", status=RunStatus.INCONCLUSIVE, exit_code=11)], "INCONCLUSIVE"),
        ([make_row("a"), busy_row("c")], "NO VERDICT"),
    ],
)
def test_the_title_is_the_worst(rows, word):
    """A page is green only when every rig passed."""
    assert page_of(*rows).split("<title>")[1].startswith(f"{word}: ")


def test_foreign_text_is_escaped_everywhere():
    """A rig's message and an operator's note may hold anything; no view runs or hides it."""
    matrix = make_matrix(
        busy_row("c", why_not_run=HOSTILE, hint=HOSTILE), make_row("a", sentence=HOSTILE), note=HOSTILE
    )
    page = render_matrix(matrix).decode()
    assert "<script>alert" not in page
    assert "<img" not in page
    assert "\u202e" not in page
    ET.fromstring(render_matrix_junit(matrix))
    summary = render_matrix_summary(matrix).decode()
    assert "<script>" not in summary
    assert all(
        line.count(" | ") == 5 for line in summary.splitlines() if line.startswith("| ") and "Rig" not in line
    )


def test_equal_input_gives_equal_bytes():
    """No clock, no order of a set."""
    matrix = make_matrix(make_row("a"), busy_row("c"))
    for render in (render_matrix, render_matrix_junit, render_matrix_summary):
        assert render(matrix) == render(matrix)


def test_the_page_runs_no_script_and_says_that_it_is_not_signed():
    """It is a table; what vouches is each rig's own result."""
    page = page_of(make_row())
    assert "<script" not in page
    assert "This page is not signed" in page
    assert "script-src" not in page
    assert "cd" * 32 in page


def test_junit_has_a_suite_for_each_rig():
    """A passing rig is green; a failing one has a failure, a busy one an error and no skip."""
    good, bad, held = suites_of(make_row("a"), make_row("b", p99_ms=50.0), busy_row("c"))
    assert (good.get("name"), good.get("failures"), good.get("errors")) == ("hilrig.weld-station.a", "0", "0")
    assert (bad.get("failures"), bad.get("errors")) == ("2", "0")
    assert (held.get("failures"), held.get("errors"), held.get("skipped")) == ("0", "1", "0")
    assert "held by eva@lab" in held.find("testcase/error").get("message")


@pytest.mark.parametrize("code", [2, 11, 12, 20, 21, 22, 30])
def test_junit_is_red_without_a_pass(code):
    """Whatever kept a rig from a PASS, its suite is red: also a PASS of the numbers whose run was ended early."""
    row = make_row("a", exit_code=code) if code in {11, 12} else busy_row("a", exit_code=code)
    (suite,) = suites_of(row)
    assert int(suite.get("errors")) + int(suite.get("failures")) > 0
    assert row_word(row)


def test_not_measured_is_an_error_not_a_pass():
    """A limit that nobody measured is red in JUnit and has no margin."""
    check = make_check(
        status=CheckStatus.NOT_MEASURED, observed=None, margin_pct=None, observed_text="not measured: x"
    )
    row = make_row("a", status=RunStatus.INCONCLUSIVE, exit_code=11, checks=(check,))
    (suite,) = suites_of(row)
    assert suite.get("errors") == "2"
    assert closest(row) is None


def test_the_closest_limit_leaves_the_measured_time_out():
    """A run as long as asked has a margin of nothing on its duration: that is no news."""
    duration = make_check(10.0, check_id="latency.duration_minutes", unit="min", margin_pct=0.0)
    row = make_row("a", checks=(duration, make_check(44.0), make_check(20.0, check_id="x")))
    assert closest(row).observed == 44.0


def test_a_hundred_rigs_fit_a_step_summary():
    """Long messages are cut: the summary stays under 1 MiB, and says what it left out."""
    rows = [busy_row(f"rig-{i}", why_not_run="x" * 5000) for i in range(300)]
    summary = render_matrix_summary(make_matrix(*rows))
    assert len(summary) < 1 << 20
    assert "100 more rigs are in index.html" in summary.decode()
