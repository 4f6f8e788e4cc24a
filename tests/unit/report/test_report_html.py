"""The page as a whole: whole markup, one verdict, every number, nothing from outside."""

import base64
import hashlib
import re
from dataclasses import replace
from itertools import pairwise

import pytest
from pages import PNG, Page, page_of, source_without_style, with_judgement
from report_checks import HOSTILE, PASSED_MEMORY
from report_documents import make_document, make_failing, make_passing

from hilrig.core.document import Document
from hilrig.core.verdict import CheckStatus
from hilrig.report.html import HtmlSink, render_report
from hilrig.report.wording import NO_CHECKS

MEANINGS = {
    "passing": "PASS may go to the line",
    "failing": "FAIL do not release",
    "inconclusive": "INCONCLUSIVE not enough evidence",
}


def digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def test_every_element_is_closed(any_document: Document) -> None:
    """The page is balanced, whatever it holds."""
    assert page_of(any_document).open == []


def test_equal_documents_give_equal_bytes(any_document: Document) -> None:
    """Rendering twice, or with mappings in another order, changes nothing."""
    result = any_document.result
    mirrored = replace(
        result,
        files=dict(reversed(result.files.items())),
        model_files_sha256=dict(reversed(result.model_files_sha256.items())),
        rig_info=dict(reversed(result.rig_info.items())),
    )
    first = render_report(any_document, png=PNG)
    assert first == render_report(replace(any_document, result=mirrored), png=PNG)
    assert first == render_report(any_document, png=PNG)


@pytest.mark.parametrize(("name", "headline"), MEANINGS.items())
def test_the_verdict_is_the_heading(name: str, headline: str, request: pytest.FixtureRequest) -> None:
    """The first thing on the page is the verdict as a word with its meaning, then its one sentence."""
    document = request.getfixturevalue(name)
    text = page_of(document).text
    assert headline in text
    assert text.index(headline) < text.index("Observed, 99 % bounds, n")
    assert f"Exit code {document.result.exit_code}" in text


def test_the_title_names_verdict_profile_and_rig(failing: Document) -> None:
    """Among twenty browser tabs the one that failed can be found."""
    assert page_of(failing).text.startswith("FAIL weld-station on local · hilrig")


def test_the_page_refers_to_nothing_outside(any_document: Document) -> None:
    """Every reference is a fragment of this page or a data URI, so it opens with the network off."""
    page = page_of(any_document)
    names = ("src", "href", "action", "data", "poster", "srcset", "xlink:href", "background", "formaction")
    references = [value for name in names for value in page.having(name)]
    assert all(reference.startswith(("#", "data:image/")) for reference in references)
    assert not re.search(r"url\(|@import", page.style)


def test_every_link_has_its_target(any_document: Document) -> None:
    """Every link within the page leads to an element, every label names one, and no id is there twice."""
    page = page_of(any_document)
    assert len(page.ids) == len(set(page.ids))
    targets = {reference[1:] for reference in page.having("href") if reference.startswith("#")}
    assert targets | set(page.having("aria-labelledby")) <= set(page.ids)
    assert {"limits", "latency", "stages", "causes", "worst", "signature", "profile"} <= targets


def test_the_security_policy_allows_this_style_and_this_script_only(any_document: Document) -> None:
    """The policy forbids everything but the one style and the one script, by their hashes."""
    page = page_of(any_document)
    policy = next(attrs["content"] for _, attrs in page.elements if "http-equiv" in attrs)
    (script,) = page.run_scripts
    assert policy == (
        f"default-src 'none'; script-src 'sha256-{digest(script)}'; style-src 'sha256-{digest(page.style)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def test_nothing_on_the_page_runs_or_loads_by_itself(any_document: Document) -> None:
    """No frame, form or object, no style attribute, no handler: what the policy forbids is not there either."""
    page = page_of(any_document)
    assert not {tag for tag, _ in page.elements} & {"iframe", "object", "embed", "form", "base"}
    attributes = {name for _, attrs in page.elements for name in attrs}
    assert "style" not in attributes
    assert not [name for name in attributes if name.startswith("on")]


def test_hostile_strings_are_shown_as_they_are(inconclusive: Document) -> None:
    """Markup in names is visible as text, without the characters that could turn or hide other text."""
    page = page_of(inconclusive)
    assert "</script><img src=x onerror=alert(1)>" in page.text
    assert not set(page.source) & set("\x00\x1b\u202e")


def test_every_check_is_on_the_page(failing: Document) -> None:
    """Each check shows its sentence, observation, limit, bounds, margin and where the limit is written."""
    text = page_of(failing).text
    for check in failing.result.judgement.checks:
        assert {check.check_id in text, check.sentence in text, check.source in text} == {True}
        assert check.observed_text in text
    assert "52.4 to 80.1 ms" in text
    assert "36 % beyond" in text
    assert "over 93 ms, no upper bound" in text
    assert "≥ 10 min" in text


def test_every_self_check_is_on_the_page(failing: Document) -> None:
    """Self-checks show what was observed; one that does not hold comes first, with what to do."""
    text = page_of(failing).text
    assert text.index("clock.steps") < text.index("feeder.lateness")
    assert "DOES NOT HOLD" in text
    assert "Stop NTP stepping before a run" in text


def test_failed_checks_come_first_then_the_tightest(failing: Document) -> None:
    """The order is that of reading: what failed, then what came closest to failing."""
    shown = [value for value in page_of(failing).having("data-signed-check") if value.endswith(":limit")]
    assert [value.removesuffix(":limit") for value in shown] == [
        "latency.p99_9_max_ms",
        "latency.p99_max_ms",
        "latency.duration_minutes",
        "resources.host_memory_max_mb",
        "frames.drop_max_pct",
    ]


def test_what_was_signed_is_marked_as_such(any_document: Document) -> None:
    """Verdict, sentence, exit code and each limit carry the mark by which the page's script finds them."""
    page = page_of(any_document)
    assert page.having("data-signed") == ["judgement.status", "judgement.sentence", "exit_code"]
    checks = any_document.result.judgement.checks
    assert len(page.having("data-signed-check")) == 3 * len(checks)


def test_missing_values_are_words(any_document: Document) -> None:
    """Nowhere does the page say None or nan, no table cell and no definition is blank."""
    page = page_of(any_document)
    assert not re.search(r"\b(None|nan|inf|Undefined)\b", page.text)
    assert not re.search(r"<(td|dd|th|dt)[^>]*>[\s—]*</\1>", page.source)


def test_what_was_not_measured_says_why(passing: Document, inconclusive: Document) -> None:
    """A channel, a metric, a quality without a value all carry their reason."""
    text = page_of(passing).text
    assert "not measured: ABSENT: libnvidia-ml.so.1 is not on this machine" in text
    assert "not measured: the label was never reported" in text
    assert "not measured: ABSENT: no NVML" in page_of(inconclusive).text
    assert "NOT MEASURED" in page_of(inconclusive).text


def test_a_stage_that_did_not_happen_says_so(failing: Document) -> None:
    """A dropped frame has no latency and no stages: its row says what it did not reach."""
    text = page_of(failing).text
    assert text.count("— no decision") == 4
    assert text.count("— not reached") == 4 * 4


def test_an_undecided_limit_says_how_much_is_needed(inconclusive: Document) -> None:
    """The technician reads how much longer the run must be."""
    assert "To decide it: about 18 s more" in page_of(inconclusive).text


def test_an_aborted_run_says_so_beside_its_verdict(inconclusive: Document) -> None:
    """A run that did not complete tells it in the verdict box."""
    text = page_of(inconclusive).text
    assert text.index("The run did not complete: aborted") < text.index("Exit code")


def test_a_run_without_checks_claims_nothing(empty: Document) -> None:
    """Without a limit the page says that nothing is proven, and renders without any data at all."""
    text = page_of(empty).text
    assert NO_CHECKS in text
    assert "No self-check was made" in text
    assert "Machine — not recorded" in text
    assert "Measured not measured: the run has no measured part" in text


def test_the_page_does_not_vouch_for_itself(passing: Document, empty: Document) -> None:
    """The page shows the key's fingerprint and the command that checks it; nothing in it is called verified."""
    text = page_of(passing).text
    assert passing.signature.key_fingerprint in text
    assert "hilrig verify" in text
    assert not re.search(r"\b(verified|trusted)\b", text, re.IGNORECASE)
    assert "is not signed" in page_of(empty).text


def test_all_digests_are_on_the_page(passing: Document) -> None:
    """Every file's digest, the model's, the pipeline's, the profile's and the envelope's can be compared."""
    text = page_of(passing).text
    digests = [*passing.result.files.values(), *passing.result.model_files_sha256.values()]
    digests += [passing.result.model_bundle_sha256, passing.result.pipeline_sha256, passing.result.profile_sha256]
    assert all(one in text for one in [*digests, passing.signature.envelope_sha256])


def test_tables_are_read_by_screen_readers(failing: Document) -> None:
    """Every header cell has a scope, the page has its language and landmarks, every drawing a name or none."""
    page = page_of(failing)
    assert set(page.having("scope")) <= {"col", "row", "rowgroup"}
    assert all("scope" in attrs for tag, attrs in page.elements if tag == "th")
    assert {"header", "nav", "main", "footer", "h1", "title"} <= {tag for tag, _ in page.elements}
    assert ("html", {"lang": "en"}) in page.elements
    drawings = [attrs for tag, attrs in page.elements if tag == "svg"]
    assert all("aria-hidden" in attrs or attrs.get("role") == "img" for attrs in drawings)
    assert all(attrs.get("alt") for tag, attrs in page.elements if tag == "img")


def test_headings_are_in_order(any_document: Document) -> None:
    """One first heading, and none skips a level: a screen reader's list of headings is the page's contents."""
    levels = [int(tag[1]) for tag, _ in page_of(any_document).elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_regions_that_scroll_can_be_reached_by_keyboard(failing: Document) -> None:
    """A table that is wider than the window scrolls in its own region, which takes the focus and has a name."""
    regions = [attrs for _, attrs in page_of(failing).elements if attrs.get("class") == "scroll"]
    assert regions
    assert all(attrs["tabindex"] == "0" and attrs["role"] == "region" for attrs in regions)
    assert all("aria-label" in attrs or "aria-labelledby" in attrs for attrs in regions)


def test_light_dark_and_paper_are_served(passing: Document) -> None:
    """The style has a dark scheme, and a print form in light colours in which no row is split."""
    style = page_of(passing).style
    assert "prefers-color-scheme: dark" in style
    printed = style[style.index("@media print") :]
    assert "color-scheme: light" in printed
    assert re.search(r"tr,[^{}]*\{ break-inside: avoid", printed)
    assert "@page" in style


def test_the_picture_is_for_paper_and_for_browsers_without_scripts(passing: Document) -> None:
    """It stands above the long tables, once, hidden where scripts can draw and shown in print."""
    page = page_of(passing)
    uri = "data:image/png;base64," + base64.b64encode(PNG).decode()
    assert page.having("src").count(uri) == 1
    assert page.source.index(uri) < page.source.index('id="stages"')
    assert "@media (scripting: enabled) { .static-chart { display: none; } }" in page.style
    assert re.search(r"@media print \{.*\.static-chart \{ display: block", page.style, re.DOTALL)
    assert "static-chart" not in source_without_style(Page(render_report(passing, png=b"")))


def test_the_sink_draws_its_own_picture(passing: Document) -> None:
    """Without anybody to hand it over, the page has a real PNG."""
    source = HtmlSink().render(passing).decode()
    picture = base64.b64decode(re.search(r"data:image/png;base64,([\w+/=]+)", source)[1])
    assert picture.startswith(b"\x89PNG")
    assert len(picture) > 10_000


def test_a_changed_number_changes_the_page() -> None:
    """The page shows the result's numbers, not its own."""
    changed = replace(PASSED_MEMORY, observed_text="499.9 MiB")
    passing = make_passing()
    assert "499.9 MiB" not in page_of(passing).text
    assert "499.9 MiB" in page_of(with_judgement(passing, checks=(changed,))).text


def test_a_blank_observation_is_not_a_blank_cell() -> None:
    """An unmeasured check without any reason still says that it was not measured."""
    bare = replace(
        PASSED_MEMORY, status=CheckStatus.NOT_MEASURED, observed=None, observed_text="", margin_pct=None
    )
    document = with_judgement(make_passing(), checks=(bare,), measurements=())
    assert "not measured: no reason was recorded" in page_of(document).text


def test_the_hostile_unit_of_a_failed_limit_is_text() -> None:
    """Also a limit on the chart can't bring markup in through its unit."""
    judgement = make_failing().result.judgement
    checks = tuple(replace(check, unit=HOSTILE) for check in judgement.checks)
    page = page_of(make_document(replace(judgement, checks=checks)))
    assert len(page.run_scripts) == 1
    assert all(attrs["src"].startswith("data:image/") for tag, attrs in page.elements if tag == "img")
