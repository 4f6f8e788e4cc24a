"""The report's layout in a real browser: on a phone, on a desk, on paper."""

from dataclasses import replace
from pathlib import Path

import pytest

from hilrig.core.document import Document
from hilrig.report.html import HtmlSink
from signed_pages import make_document, make_result, make_signer
from telemetry_pages import make_orin

pytestmark = pytest.mark.waiting  # for the browser

PHONE = {"width": 390, "height": 844}
DESK = {"width": 1120, "height": 920}
PAPER = {"width": 703, "height": 1032}
"""An A4 page without its margins, in CSS pixels."""

PROFILE = "\n".join(f"# line {number}" for number in range(1, 60))
LONG = "x" * 300


def make_page(*, note: str = "", operator: str = "") -> Document:
    """Return a throttled run with telemetry and its profile."""
    result = replace(make_result(), note=note, operator=operator, judgement=make_orin())
    document = make_document(result, make_signer())
    return replace(document, profile_text=PROFILE)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the page of a throttled run."""
    path = tmp_path_factory.mktemp("layout") / "report.html"
    path.write_bytes(HtmlSink().render(make_page()))
    return path


@pytest.mark.parametrize("viewport", [PHONE, DESK])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_the_window(tab, page: Path, viewport: dict, scheme: str) -> None:
    """Only tables scroll sideways, each in its own region; the page itself never does."""
    with tab.open(page, viewport=viewport, color_scheme=scheme) as opened:
        assert opened.page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]


def test_words_without_a_space_do_not_widen_the_page(tab, tmp_path: Path) -> None:
    """A note or a name that is one long word is broken."""
    path = tmp_path / "report.html"
    path.write_bytes(HtmlSink().render(make_page(note=LONG, operator=LONG)))
    with tab.open(path, viewport=PHONE) as opened:
        assert opened.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_the_chart_begins_within_the_first_two_screens(tab, page: Path) -> None:
    """Verdict, limits, chart: nobody scrolls past long tables to see when it happened."""
    with tab.open(page, viewport=DESK) as opened:
        assert opened.page.locator("h1").bounding_box()["y"] < 200
        assert opened.page.locator("#latency").bounding_box()["y"] < 2 * DESK["height"] - 300


def test_a_limit_leads_to_its_line(tab, page: Path) -> None:
    """The line of the profile comes into view and is marked."""
    with tab.open(page, viewport=DESK) as opened:
        opened.page.locator('a[href="#profile-L23"]').first.click()
        line = opened.page.locator("#profile-L23")
        box = line.bounding_box()
        assert 0 <= box["y"] < DESK["height"]
        assert line.evaluate("node => getComputedStyle(node).boxShadow") != "none"


def test_the_first_sheet_of_paper_holds_verdict_limits_and_picture(tab, page: Path) -> None:
    """In print the picture stands for the charts, and the colours are light also in a dark room."""
    with tab.open(page, viewport=PAPER, color_scheme="dark") as opened:
        opened.page.emulate_media(media="print", color_scheme="dark")
        picture = opened.page.locator(".static-chart").bounding_box()
        assert picture["y"] + picture["height"] < PAPER["height"]
        assert not opened.page.locator("#latency").is_visible()
        assert not opened.page.locator("nav").is_visible()
        assert opened.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_without_scripts_the_picture_is_shown(tab, page: Path) -> None:
    """Where no script runs it stands above the tables; where one does, the charts stand for it."""
    with tab.open(page, viewport=DESK, java_script_enabled=False) as opened:
        assert opened.page.locator(".static-chart img").is_visible()
    with tab.open(page, viewport=DESK) as opened:
        assert not opened.page.locator(".static-chart img").is_visible()
        assert opened.complaints == []
        assert opened.requests == []
