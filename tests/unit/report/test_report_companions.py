"""The companions on the page."""

from dataclasses import replace

from pages import page_of, with_judgement
from report_checks import PASSED_P99
from report_documents import make_passing

from hilrig.core.companion import CompanionFinding

AGENT = CompanionFinding(
    name="sync-agent",
    n_alone=50,
    n=1200,
    n_failed=12,
    alone_p50_ms=10.0,
    alone_p99_ms=14.5,
    p50_ms=25.0,
    p99_ms=None,
    slowdown=2.5,
    exits=1,
    sick_alone="without the model 5 of 50 probes failed already",
    reason="infinite: too many of its probes failed",
)
LOAD = CompanionFinding(
    name="cpu-load",
    n_alone=0,
    n=0,
    n_failed=0,
    alone_p50_ms=None,
    alone_p99_ms=None,
    p50_ms=None,
    p99_ms=None,
    slowdown=None,
    exits=0,
    reason="the profile states no probe for it",
)


def page(*companions, checks=(PASSED_P99,)):
    return page_of(with_judgement(make_passing(), companions=companions, checks=checks))


def test_each_companion_is_a_row_with_both_measurements():
    """Alone and with the model side by side; infinite is no number, and what was wrong before is said."""
    words = page(AGENT).after("Companion Probes, failed")
    for text in ("sync-agent", "5 of 50 probes failed already", "1,200, 12", "10 ms", "25 ms", "2.5 x", "14.5 ms"):
        assert text in words
    assert "infinite" in words


def test_a_load_without_a_probe_says_so():
    """No number is made up for it."""
    words = page(LOAD).after("Companion Probes, failed")
    assert "the profile states no probe for it" in words
    assert "never" in words


def test_a_service_that_hilrig_did_not_start_has_no_count_of_ends():
    """Unknown is not 0."""
    assert "— not started by hilrig" in page(replace(AGENT, exits=None)).text


def test_a_run_without_companions_has_no_such_section():
    """Neither the section nor a link to it."""
    without = page()
    assert "companions" not in without.ids
    assert "#companions" not in without.having("href")


def test_a_limit_of_a_companion_leads_to_its_section():
    """From the table of limits to the numbers behind it."""
    check = replace(PASSED_P99, check_id="companions.sync-agent.p99_max_ms", metric="companion_p99_ms")
    shown = page(AGENT, checks=(check,))
    assert shown.having("href").count("#companions") == 2
