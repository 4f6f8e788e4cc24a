import re
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from report_checks import HOSTILE_SELF_CHECK, PASSED_P99, STEPPED
from report_documents import make_document, make_passing

from hilrig.report.markdown import ROWS_MAX, MarkdownSink
from hilrig.report.values import one_line

MARKUP = {"html_inline", "html_block", "link_open", "image", "em_open", "strong_open", "s_open", "code_inline"}


def render(document) -> str:
    return MarkdownSink().render(document).decode()


def with_text(text: str):
    document = make_document(
        replace(
            make_passing().result.judgement,
            checks=(replace(PASSED_P99, check_id=text, observed_text=text, unit=text, sentence=text),),
            self_checks=(
                replace(HOSTILE_SELF_CHECK, check_id=text, observed_text=text, sentence=text, advice=text),
            ),
            sentence=text,
        )
    )
    return replace(document, result=replace(document.result, rig=text, run_id=text))


def tokens(source: str):
    blocks = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(source)
    return [token for block in blocks for token in (block, *(block.children or ()))]


@pytest.mark.parametrize(
    ("name", "heading"),
    [
        ("passing", "## ✅ PASS weld-station on local: may go to the line"),
        ("failing", "## ❌ FAIL weld-station on local: do not release"),
        ("empty", "## ⚠️ INCONCLUSIVE weld-station on local: not enough evidence"),
    ],
)
def test_the_first_line_is_the_verdict(name: str, heading: str, request: pytest.FixtureRequest) -> None:
    """One line says what, where and what to do, with a sign that is not only a colour."""
    assert render(request.getfixturevalue(name)).splitlines()[0] == heading


def test_every_check_is_a_row(failing) -> None:
    """The table has each check with observation, limit, margin and n, failed ones first."""
    rows = [line for line in render(failing).splitlines() if line.startswith("| latency")]
    observed = "infinite (1.5 % of frames got no decision)"
    assert rows == [
        f"| latency p99.9 (latency.p99_9_max_ms) | ❌ FAIL | {observed} | ≤ 80 ms | — no margin | 18,000 |",
        "| latency p99 (latency.p99_max_ms) | ❌ FAIL | 61.2 ms | ≤ 45 ms | 36 % beyond | 18,000 |",
    ]


def test_only_self_checks_that_do_not_hold_are_listed(failing, passing) -> None:
    """A failed self-check comes with what to do; those that hold are only counted."""
    assert STEPPED.advice in render(failing)
    assert "feeder.lateness" not in render(failing)
    assert "Self-check" not in render(passing)


def test_how_to_verify_is_the_last_word(passing, empty) -> None:
    """The summary ends with the key and the command, or says that nothing is signed."""
    assert render(passing).endswith("`hilrig verify <folder> --key KEY.pub`\n")
    assert passing.signature.key_fingerprint in render(passing)
    assert render(empty).endswith("not signed: nothing vouches for these numbers.\n")


def test_missing_values_are_words(any_document) -> None:
    """Nowhere does the summary say None or nan, and no cell is blank."""
    source = render(any_document)
    assert not re.search(r"\b(None|nan|inf)\b", source)
    assert not re.search(r"\|[ \t]*\|", source)


@given(st.text(st.sampled_from("|<>`*_[]()!#~&\\\n\r\t -=+.:/w1aé@\x00\u2028"), max_size=40))
def test_no_text_can_write_markup(text: str) -> None:
    """Whatever a name holds, it comes out as the same text: no link, no tag, no emphasis, no new cell."""
    found = tokens(render(with_text(text)))
    kinds = [token.type for token in found]
    assert kinds.count("heading_open") == 1
    assert kinds.count("tr_open") == 4
    assert kinds.count("td_open") == 6 + 4
    assert [kind for kind in kinds if kind in MARKUP] == ["strong_open", "strong_open", "code_inline"]
    assert {"blockquote_open", "ordered_list_open", "hr", "fence", "code_block"}.isdisjoint(kinds)


@given(st.text(st.sampled_from("|<>`*_[]()!#~&;\\ltamp -.:/é"), max_size=40))
@example("&lt;b&gt; &copy; &#35;")
def test_what_is_read_is_what_was_written(text: str) -> None:
    """Escaping neither adds nor takes away: the reader sees the very characters of the name."""
    found = [block for block in tokens(render(with_text(text))) if block.type == "inline"]
    sentence = next(block for block in found if block.content.startswith("**Verdict**"))
    words = "".join(part.content for part in sentence.children if part.type in {"text", "text_special"})
    assert words.strip() == f"Verdict: {one_line(text)}".strip()


def test_addresses_are_not_made_into_links(inconclusive) -> None:
    """GitHub turns bare addresses into links: those of strangers stay text."""
    assert not re.search(r"https?://|www\.", render(inconclusive))


def test_the_summary_fits_the_step_summary() -> None:
    """GitHub refuses more than 1 MiB: a result with thousands of endless checks is cut, and says so."""
    endless = "\U0001f600" * 5000
    judgement = make_passing().result.judgement
    document = make_document(
        replace(
            judgement,
            sentence=endless,
            checks=(replace(PASSED_P99, check_id=endless, observed_text=endless, source=endless),) * 2000,
            self_checks=(replace(STEPPED, observed_text=endless, advice=endless, sentence=endless),) * 2000,
        )
    )
    source = MarkdownSink().render(document)
    assert len(source) < 1 << 20
    assert source.decode().count(f"{2000 - ROWS_MAX} more rows are in report.html") == 2


def test_equal_documents_give_equal_bytes(any_document) -> None:
    """Rendering twice changes nothing."""
    assert MarkdownSink().render(any_document) == MarkdownSink().render(any_document)
