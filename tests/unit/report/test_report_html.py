import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from report_checks import HOSTILE, PASSED_MEMORY
from report_documents import make_document, make_failing, make_passing

from hilrig.core.verdict import CheckStatus, Judgement
from hilrig.report.html import HtmlSink
from hilrig.report.wording import NO_CHECKS

VOID = {"meta", "link", "img", "br", "hr", "input"}
MEANINGS = {
    "passing": "PASS may go to the line",
    "failing": "FAIL do not release",
    "inconclusive": "INCONCLUSIVE not enough evidence",
}


class Page(HTMLParser):
    """A page taken apart: its elements, its words, whether every element was closed."""

    def __init__(self, source: bytes) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self.style = ""
        self.feed(source.decode())
        self.close()

    def handle_starttag(self, tag, attrs) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data) -> None:
        if self.open and self.open[-1] == "style":
            self.style += data
        elif data.strip():
            self.words.append(" ".join(data.split()))

    @property
    def text(self) -> str:
        return " ".join(self.words)


def render(document) -> Page:
    return Page(HtmlSink().render(document))


def with_judgement(document, **changes):
    return replace(
        document, result=replace(document.result, judgement=replace(document.result.judgement, **changes))
    )


def test_every_element_is_closed(any_document) -> None:
    """The page is balanced, whatever it holds."""
    assert render(any_document).open == []


def test_equal_documents_give_equal_bytes(any_document) -> None:
    """Rendering twice, or with mappings in another order, changes nothing."""
    result = any_document.result
    mirrored = replace(
        result,
        files=dict(reversed(result.files.items())),
        model_files_sha256=dict(reversed(result.model_files_sha256.items())),
        rig_info=dict(reversed(result.rig_info.items())),
    )
    sink = HtmlSink()
    assert sink.render(any_document) == HtmlSink().render(replace(any_document, result=mirrored))
    assert sink.render(any_document) == sink.render(any_document)


@pytest.mark.parametrize(("name", "headline"), MEANINGS.items())
def test_the_verdict_is_the_heading(name: str, headline: str, request: pytest.FixtureRequest) -> None:
    """The first thing on the page is the verdict as a word with its meaning, then its one sentence."""
    document = request.getfixturevalue(name)
    text = render(document).text
    assert headline in text
    assert text.index(headline) < text.index("Observed, 99 % bounds, n")
    assert f"Exit code {document.result.exit_code}" in text


def test_the_title_names_verdict_profile_and_rig(failing) -> None:
    """Among twenty browser tabs the one that failed can be found."""
    assert render(failing).text.startswith("FAIL weld-station on local · hilrig")


def test_the_page_refers_to_nothing_outside(any_document) -> None:
    """Every reference is a fragment of this page or a data URI, so it opens with the network off."""
    page = render(any_document)
    names = {"src", "href", "action", "data", "poster", "srcset", "xlink:href", "background", "formaction"}
    references = [value for _, attrs in page.elements for name, value in attrs.items() if name in names]
    assert all(reference.startswith(("#", "data:image/")) for reference in references)
    assert not re.search(r"url\(|@import|https?:|//", page.style)


def test_fragments_lead_somewhere(failing) -> None:
    """Every link within the page has its target, every label its element."""
    page = render(failing)
    ids = [attrs["id"] for _, attrs in page.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    targets = {attrs["href"][1:] for _, attrs in page.elements if attrs.get("href", "").startswith("#")}
    labels = {attrs["aria-labelledby"] for _, attrs in page.elements if "aria-labelledby" in attrs}
    assert targets | labels <= set(ids)


def test_the_security_policy_allows_this_style_only(any_document) -> None:
    """The policy forbids everything but the one style block, by its hash; no script, no inline style."""
    page = render(any_document)
    policy = next(attrs["content"] for _, attrs in page.elements if "http-equiv" in attrs)
    digest = base64.b64encode(hashlib.sha256(page.style.encode()).digest()).decode()
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    )
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"script", "iframe", "object", "embed", "form", "base", "img"}
    attributes = {name for _, attrs in page.elements for name in attrs}
    assert "style" not in attributes
    assert not [name for name in attributes if name.startswith("on")]


def test_hostile_strings_are_shown_as_they_are(inconclusive) -> None:
    """Markup in names is visible as text, without the characters that could turn or hide other text."""
    source = HtmlSink().render(inconclusive).decode()
    assert "</script><img src=x onerror=alert(1)>" in render(inconclusive).text
    assert not set(source) & set("\x00\x1b\u202e")


def test_every_check_is_on_the_page(failing) -> None:
    """Each check shows its sentence, observation, limit, bounds, margin and where the limit is written."""
    text = render(failing).text
    for check in failing.result.judgement.checks:
        assert {check.check_id in text, check.sentence in text, check.source in text} == {True}
        assert check.observed_text in text
    assert "52.4 to 80.1 ms" in text
    assert "36 % beyond" in text
    assert "over 93 ms, no upper bound" in text
    assert "≥ 10 min" in text


def test_every_self_check_is_on_the_page(failing) -> None:
    """Self-checks show what was observed; one that does not hold comes first, with what to do."""
    text = render(failing).text
    assert text.index("clock.steps") < text.index("feeder.lateness")
    assert "DOES NOT HOLD" in text
    assert "Stop NTP stepping before a run" in text


def test_failed_checks_come_first_then_the_tightest(failing) -> None:
    """The order is that of reading: what failed, then what came closest to failing."""
    text = render(failing).text
    order = [
        text.index(f" {name} ")
        for name in (
            "latency.p99_9_max_ms",
            "latency.p99_max_ms",
            "latency.duration_minutes",
            "resources.host_memory_max_mb",
            "frames.drop_max_pct",
        )
    ]
    assert order == sorted(order)


def test_missing_values_are_words(any_document) -> None:
    """Nowhere does the page say None or nan, no table cell and no definition is blank."""
    source = HtmlSink().render(any_document).decode()
    assert not re.search(r"\b(None|nan|inf|Undefined)\b", render(any_document).text)
    assert not re.search(r"<(td|dd|th|dt)[^>]*>[\s—]*</\1>", source)


def test_what_was_not_measured_says_why(passing, inconclusive) -> None:
    """A channel, a metric, a quality without a value all carry their reason."""
    text = render(passing).text
    assert "not measured: ABSENT: libnvidia-ml.so.1 is not on this machine" in text
    assert "not measured: the label was never reported" in text
    assert "not measured: ABSENT: no NVML" in render(inconclusive).text
    assert "NOT MEASURED" in render(inconclusive).text


def test_a_stage_that_did_not_happen_says_so(failing) -> None:
    """A dropped frame has no latency and no stages: its row says what it did not reach."""
    text = render(failing).text
    assert text.count("— no decision") == 4
    assert text.count("— not reached") == 4 * 4


def test_an_undecided_limit_says_how_much_is_needed(inconclusive) -> None:
    """The technician reads how much longer the run must be."""
    assert "To decide it: about 18 s more" in render(inconclusive).text


def test_an_aborted_run_says_so_beside_its_verdict(inconclusive) -> None:
    """A run that did not complete tells it in the verdict box."""
    text = render(inconclusive).text
    assert text.index("The run did not complete: aborted") < text.index("Device class")


def test_a_run_without_checks_claims_nothing(empty) -> None:
    """Without a limit the page says that nothing is proven, and renders without any data at all."""
    text = render(empty).text
    assert NO_CHECKS in text
    assert "No self-check was made" in text


def test_the_signature_is_never_called_valid(passing, empty) -> None:
    """The page shows the key's fingerprint and the command that checks it; it does not vouch for itself."""
    text = render(passing).text
    assert passing.signature.key_fingerprint in text
    assert "cannot vouch for the key" in text
    assert "hilrig verify <folder>" in text
    assert not re.search(r"\b(valid|verified|trusted)\b", text, re.IGNORECASE)
    assert "is not signed" in render(empty).text


def test_all_digests_are_on_the_page(passing) -> None:
    """Every file's digest, the model's, the pipeline's, the profile's and the envelope's can be compared."""
    text = render(passing).text
    digests = [*passing.result.files.values(), *passing.result.model_files_sha256.values()]
    digests += [passing.result.model_bundle_sha256, passing.result.pipeline_sha256, passing.result.profile_sha256]
    assert all(digest in text for digest in [*digests, passing.signature.envelope_sha256])


def test_tables_are_read_by_screen_readers(failing) -> None:
    """Every header cell has a scope, the page has its language and landmarks, every drawing a name or none."""
    page = render(failing)
    assert all(attrs.get("scope") in {"col", "row"} for tag, attrs in page.elements if tag == "th")
    assert {"header", "nav", "main", "footer", "h1", "title"} <= {tag for tag, _ in page.elements}
    assert ("html", {"lang": "en"}) in page.elements
    drawings = [attrs for tag, attrs in page.elements if tag == "svg"]
    assert all("aria-hidden" in attrs or attrs.get("role") == "img" for attrs in drawings)


def test_the_page_is_small(failing) -> None:
    """A full page with 600 buckets and 60 channels stays under 300 kB, so that it can be mailed."""
    channels = failing.result.judgement.channels * 20
    assert len(HtmlSink().render(with_judgement(failing, channels=channels))) < 300_000


def test_light_dark_and_paper_are_served(passing) -> None:
    """The style has a dark scheme and a print form with its own page margins."""
    style = render(passing).style
    assert "prefers-color-scheme: dark" in style
    assert "@media print" in style
    assert "@page" in style


def test_a_changed_number_changes_the_page() -> None:
    """The page shows the result's numbers, not its own."""
    changed = replace(PASSED_MEMORY, observed_text="499.9 MiB")
    passing = make_passing()
    assert "499.9 MiB" not in render(passing).text
    assert "499.9 MiB" in render(with_judgement(passing, checks=(changed,))).text


def test_a_blank_observation_is_not_a_blank_cell() -> None:
    """An unmeasured check without any reason still says that it was not measured."""
    bare = replace(
        PASSED_MEMORY, status=CheckStatus.NOT_MEASURED, observed=None, observed_text="", margin_pct=None
    )
    document = with_judgement(make_passing(), checks=(bare,), measurements=())
    assert "not measured: no reason was recorded" in render(document).text


def test_the_hostile_unit_of_a_failed_limit_is_text() -> None:
    """Also a limit on the chart can't bring markup in through its unit."""
    judgement: Judgement = make_failing().result.judgement
    checks = tuple(replace(check, unit=HOSTILE) for check in judgement.checks)
    page = render(make_document(replace(judgement, checks=checks)))
    assert not {tag for tag, _ in page.elements} & {"script", "img"}
