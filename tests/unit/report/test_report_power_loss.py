"""The power-loss test on the page and in the summary."""

from dataclasses import replace

from report_checks import PASSED_P99
from report_documents import make_document, make_passing

from hilrig.report.html import render_report
from hilrig.report.markdown import MarkdownSink
from power_losses import NOT_SURVIVED, SURVIVED, UNABLE, power_loss

CHECK = replace(PASSED_P99, check_id="recovery.power_loss_test", metric="power_loss_recovered")


def page(result, *, checks=(PASSED_P99,)):
    judgement = replace(make_passing().result.judgement, power_loss=result, checks=checks)
    document = make_document(judgement)
    return render_report(document, png=b"").decode(), MarkdownSink().render(document).decode()


def test_each_depth_is_a_row_with_its_calibration():
    """Cuts, survived or not, which known stores were caught; one that did not run says why."""
    html, markdown = page(power_loss(SURVIVED, NOT_SURVIVED, UNABLE))
    section = html.partition('id="power-loss"')[2].partition("</section>")[0]
    for words in (
        "file calls",
        "1,412",
        "overwrite in place 14 of 20",
        "it needs root",
        "killed at state.linked:1",
    ):
        assert words in section
    assert "| file calls | 1,412 | 1,412 | 0 | sound 0 of 46, overwrite in place 14 of 20 |" in markdown
    assert "| block log | — did not run | — | — | it needs root |" in markdown


def test_what_the_node_said_is_shown_literally():
    """It comes from the software under test."""
    html, _ = page(power_loss(NOT_SURVIVED))
    assert "<b>HR-102</b>" not in html
    assert "&lt;b&gt;HR-102" in html


def test_a_depth_that_missed_a_wrong_store_is_marked():
    """Nobody takes its numbers for a proof."""
    html, markdown = page(power_loss(replace(SURVIVED, calibrations=())))
    assert "— none: no evidence" in html
    assert "— none: no evidence" in markdown


def test_a_required_test_that_was_not_made_has_its_section():
    """The limit leads somewhere, also in a run without the evidence."""
    html, markdown = page(None, checks=(CHECK,))
    assert 'href="#power-loss"' in html
    assert "no power-loss test was made in this run" in html.partition('id="power-loss"')[2]
    assert "Power loss" not in markdown


def test_a_run_that_asks_for_none_has_no_section():
    """Nothing is shown that nobody asked for."""
    assert "power-loss" not in page(None)[0]
