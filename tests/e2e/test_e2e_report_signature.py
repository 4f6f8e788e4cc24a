"""The signature as the page itself checks it, in a real browser: genuine, edited, injected into, not checkable."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from hilrig.config.noun_json import to_json
from hilrig.core.document import Document, SignatureInfo
from hilrig.core.metrics import METRICS
from hilrig.core.verdict import CheckStatus
from signed_pages import (
    SETTLED,
    Seen,
    carried,
    look_at,
    make_document,
    make_result,
    make_signer,
    packed,
    rendered,
    with_block,
    with_judgement,
)

pytestmark = pytest.mark.waiting  # for the browser

VOUCH = "cannot vouch"


@pytest.fixture(scope="module")
def failed() -> Document:
    """Return a signed FAIL: every frame took 60 ms, 45 are allowed."""
    return make_document(make_result(latency_ms=60.0), make_signer())


@pytest.fixture(scope="module")
def failed_page(failed: Document) -> str:
    return rendered(failed)


@pytest.fixture
def look(tab, tmp_path: Path) -> Callable[..., Seen]:
    """Return a function that opens a page and waits until its badge has settled."""
    return lambda page, **options: look_at(tab, page, tmp_path, **options)


def edited(page: str, old: str, new: str) -> str:
    """Return the page with a text that stands in it exactly once replaced."""
    assert page.count(old) == 1, f"{page.count(old)} times {old!r}"
    return page.replace(old, new)


@pytest.mark.parametrize("ed25519", [False, True], ids=["ecdsa-p256", "ed25519"])
@pytest.mark.parametrize("latency_ms", [10.0, 60.0], ids=["pass", "fail"])
def test_a_genuine_page_holds_and_says_whose_key_it_is(look, latency_ms: float, ed25519: bool) -> None:
    """The badge names the fingerprint that every verifier computes, and that the page cannot vouch for it."""
    document = make_document(make_result(latency_ms=latency_ms), make_signer(ed25519=ed25519))
    seen = look(rendered(document))
    assert (seen.state, seen.complaints, seen.requests) == ("holds", [], [])
    assert document.signature.key_fingerprint in seen.section
    assert VOUCH in seen.section
    assert VOUCH in seen.top


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
def test_the_badge_is_no_green_tick(browser, tmp_path: Path, failed_page: str, color_scheme: str) -> None:
    """Its shape is a key and its colour that of plain text, so that nobody takes it for a PASS."""
    path = tmp_path / "report.html"
    path.write_text(failed_page)
    with browser.open(path, color_scheme=color_scheme) as opened:
        opened.page.wait_for_selector(SETTLED)
        seals = opened.page.locator("[data-seal] use")
        assert [seal.get_attribute("href") for seal in seals.all()] == ["#shape-key"] * seals.count()
        color = "getComputedStyle(document.querySelector('{}')).color"
        assert opened.page.evaluate(color.format("p.seal")) == opened.page.evaluate(color.format("body"))


def test_every_unit_and_status_reads_the_same_in_the_page_and_in_its_script(look) -> None:
    """Whatever a limit's unit, size and status: the script expects the words that the page prints."""
    result = make_result()
    like = result.judgement.checks[0]
    statuses = list(CheckStatus)
    checks = [
        replace(
            like,
            check_id=f"limit.{index}",
            metric=metric.name,
            unit=metric.unit,
            limit=(0.0, 1.0, 0.1, 1234567.25, 99.999)[index % 5] if metric.unit != "bool" else float(index % 2),
            comparator=("<=", ">=")[index % 2],
            status=statuses[index % len(statuses)],
            observed=1.0,
            observed_text=(f"1.5 {metric.unit}", "", "infinite (2 %)", "a  <b>\u202e &amp;")[index % 4],
        )
        for index, metric in enumerate(METRICS.values())
    ]
    others = [replace(like, check_id=f"unit.{unit}", unit=unit) for unit in ("us", "Cel", "{event}", "{cpu}", "W")]
    seen = look(rendered(make_document(with_judgement(result, checks=(*checks, *others)), make_signer())))
    assert seen.state == "holds", seen.section


def test_a_result_edited_from_fail_to_pass_is_invalid(look, failed: Document) -> None:
    """Result and page say PASS, the signature is over a FAIL: INVALID, below and at the top of the page."""
    passed = make_result(latency_ms=10.0)
    page = with_block(
        rendered(replace(failed, result=passed)), carried(failed) | {"result": packed(to_json(passed))}
    )
    seen = look(page)
    assert seen.state == "invalid"
    assert "sha256 differs" in seen.section
    assert "INVALID" in seen.top
    assert VOUCH not in seen.top


SHOWN = {
    "verdict": (
        'data-signed="judgement.status">FAIL<',
        'data-signed="judgement.status">PASS<',
        "as judgement.status",
    ),
    "meaning": ('class="meaning">do not release<', 'class="meaning">may go to the line<', "explains the verdict"),
    "hidden meaning": ('<span class="meaning">', '<span class="meaning" hidden>', "explains the verdict"),
    "another meaning": ('<span class="meaning">', "<span>may go to the line</span><span>", "explains the verdict"),
    "color": ('<div class="verdict fail">', '<div class="verdict pass">', "in a colour"),
    "exit code": ('data-signed="exit_code">10<', 'data-signed="exit_code">0<', "as exit_code"),
    "observed": (':observed">60 ms<', ':observed">40 ms<', "for latency.p99_max_ms:observed"),
    "limit": (':limit">≤ 45 ms<', ':limit">≤ 450 ms<', "for latency.p99_max_ms:limit"),
    "comparator": (':limit">≤ 45 ms<', ':limit">≥ 45 ms<', "for latency.p99_max_ms:limit"),
    "unit": (':limit">≤ 45 ms<', ':limit">≤ 45 s<', "for latency.p99_max_ms:limit"),
    "check": ('p99_max_ms:status">FAIL<', 'p99_max_ms:status">PASS<', "for latency.p99_max_ms:status"),
    "tab": ("<title>FAIL ", "<title>PASS ", "is called"),
    "unmarked verdict": (' data-signed="judgement.status"', "", "does not show judgement.status"),
    "unmarked limit": (
        ' data-signed-check="latency.p99_max_ms:observed"',
        "",
        "does not show the limit latency.p99",
    ),
    "hidden verdict": ('data-signed="judgement.status"', 'hidden data-signed="judgement.status"', "does not show"),
    "hidden in the cell": (
        ':observed">60 ms<',
        ':observed"><span hidden>60 ms</span>40 ms<',
        "for latency.p99_max_ms:observed",
    ),
    "turned round": (
        'data-signed="judgement.status">FAIL<',
        'data-signed="judgement.status">\u202eFAIL<',
        "shows",
    ),
    "foreign limit": ("p99_max_ms:limit", "p90_max_ms:limit", "that was not signed"),
    "inherited path": ('data-signed="exit_code"', 'data-signed="constructor.name"', "as constructor.name"),
    "foreign field": ("p99_max_ms:limit", "p99_max_ms:toString", "that was not signed"),
}


@pytest.mark.parametrize("name", SHOWN)
def test_what_is_shown_must_be_what_was_signed(look, failed_page: str, name: str) -> None:
    """Only the visible text was edited, the signature is genuine: the badge says INVALID and what differs."""
    old, new, words = SHOWN[name]
    seen = look(edited(failed_page, old, new))
    assert seen.state == "invalid"
    assert words in seen.section


def test_a_sentence_of_an_attacker_is_invalid(look, failed: Document, failed_page: str) -> None:
    """The one sentence that everybody reads is compared, and a long one is not printed at full length."""
    sentence = failed.result.judgement.sentence
    marked = f'data-signed="judgement.sentence">{sentence}<'
    seen = look(edited(failed_page, marked, f'data-signed="judgement.sentence">{"All is well. " * 90}<'))
    assert seen.state == "invalid"
    assert "as judgement.sentence" in seen.section
    assert len(seen.section) < 1500


def test_another_name_for_the_key_is_invalid(look, failed: Document, failed_page: str) -> None:
    """The printed fingerprint is recomputed from the key: it cannot be the rig's where another key signed."""
    key, other = failed.signature.key_fingerprint, make_signer().public_key.keyid
    seen = look(edited(failed_page, f"data-signed-key>{key}<", f"data-signed-key>{other}<"))
    assert seen.state == "invalid"
    assert f"names the key {other}" in seen.section


INJECTED = (
    "</script><script>window.pwned = 1</script>",
    '<img src=x onerror="window.pwned = 1">',
    "<svg onload='window.pwned = 1'></svg>",
    '<iframe src="javascript:parent.pwned=1"></iframe>',
    '<p style="position:fixed;inset:0;background:green">PASS</p>',
    "<style>.verdict { display: none }</style>",
    '<link rel="stylesheet" href="https://evil.example/x.css">',
    '<script src="https://evil.example/x.js"></script>',
    '<iframe srcdoc="<script>parent.pwned = 1</script>"></iframe>',
    '<base href="https://evil.example/">',
)


@pytest.mark.parametrize("markup", INJECTED)
def test_injected_markup_does_not_run(look, failed_page: str, markup: str) -> None:
    """The policy blocks foreign scripts, handlers, styles, frames and addresses; the signature still holds."""
    seen = look(edited(failed_page, "<main>", f"<main>{markup}"))
    assert not seen.was_run
    assert seen.state == "holds"
    assert any("Content Security Policy" in line for line in seen.complaints)


def test_injected_markup_in_signed_text_is_invalid(look, failed_page: str) -> None:
    """A script inside the verdict does not run, and the verdict is not the signed one any more."""
    script = "<script>window.pwned = 1; document.querySelector('[data-signed]').textContent = 'FAIL'</script>PASS<"
    old = 'data-signed="judgement.status">FAIL<'
    seen = look(edited(failed_page, old, old.replace("FAIL<", script)))
    assert not seen.was_run
    assert seen.state == "invalid"
    assert any("Content Security Policy" in line for line in seen.complaints)


def test_hostile_names_are_text(look) -> None:
    """Operator, note, profile, rig, feed, model: markup in them is printed, never interpreted; the check holds."""
    hostile = "</script><script>window.pwned=1</script><img src=x onerror=window.pwned=1>\u202e'\"&amp;\u2028"
    result = replace(
        make_result(),
        operator=hostile,
        note=hostile,
        profile_name=hostile,
        rig=hostile,
        feed=hostile,
        model_files_sha256={f"{hostile}/model.onnx": "1" * 64},
    )
    sentence = f"{result.judgement.sentence} {hostile}"
    seen = look(rendered(make_document(with_judgement(result, sentence=sentence), make_signer())))
    assert not seen.was_run
    assert (seen.state, seen.complaints, seen.requests) == ("holds", [], [])


def test_an_attackers_own_key_holds_under_the_attackers_name(look, failed: Document) -> None:
    """Who re-signs everything gets no better words than the fingerprint of a key that nobody knows."""
    attacker = make_signer()
    seen = look(rendered(make_document(make_result(latency_ms=10.0), attacker)))
    assert seen.state == "holds"
    assert attacker.public_key.keyid in seen.section
    assert failed.signature.key_fingerprint not in seen.section
    assert VOUCH in seen.section
    assert "Compare it with the rig's fingerprint" in seen.section


UNABLE = {
    "no subtle": "delete Crypto.prototype.subtle",
    "insecure context": "Object.defineProperty(window, 'isSecureContext', { value: false })",
    "no such algorithm": (
        "SubtleCrypto.prototype.importKey = () => Promise.reject(new DOMException('no', 'NotSupportedError'))"
    ),
    "verify throws": "SubtleCrypto.prototype.verify = () => { throw new Error('no') }",
    "digest throws": "SubtleCrypto.prototype.digest = () => Promise.reject(new Error('no'))",
    "cannot unpack": "delete window.DecompressionStream",
    "never answers": (
        "SubtleCrypto.prototype.digest = () => new Promise(() => {});"
        "const late = setTimeout; window.setTimeout = (step, ms) => late(step, ms / 100)"
    ),
}


@pytest.mark.parametrize("name", UNABLE)
def test_a_browser_that_cannot_check_says_so(look, failed_page: str, name: str) -> None:
    """Neither a tick nor a cross: the words say that nothing was checked and what to run instead."""
    seen = look(failed_page, init_script=UNABLE[name])
    assert seen.state == "unable"
    assert "this browser cannot" in seen.section.lower()
    assert "INVALID" not in seen.section


def test_without_scripts_the_page_says_what_to_run(browser, tmp_path: Path, failed: Document) -> None:
    """With scripts off the static words are true: nothing was checked, this is the command."""
    path = tmp_path / "report.html"
    path.write_text(rendered(failed))
    with browser.open(path, java_script_enabled=False) as opened:
        section = opened.page.locator("#signature").inner_text()
        assert "Scripts are off" in section
        assert "hilrig verify" in section
        assert failed.signature.key_fingerprint in section
        assert "not checked" in opened.page.locator("p.seal").inner_text()


def test_an_unsigned_page_says_so(browser, tmp_path: Path) -> None:
    """A result that nobody signed has words for that and no badge that could turn into another."""
    unsigned = Document(
        result=make_result(), signature=SignatureInfo(key_fingerprint="", envelope_file="", envelope_sha256="")
    )
    path = tmp_path / "report.html"
    path.write_text(rendered(unsigned))
    with browser.open(path) as opened:
        assert "Not signed" in opened.page.locator("p.seal").inner_text()
        assert "Not signed" in opened.page.locator("#signature").inner_text()
        assert opened.page.evaluate("document.documentElement.dataset.signature ?? null") is None
        assert opened.complaints == []
