import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from report_checks import HOSTILE

from hilrig.core.exits import ExitCode
from hilrig.core.search import ProbeOutcome, SearchEnd
from hilrig.report.capacity_html import render_capacity
from hilrig.report.compare_html import render_comparison
from hilrig.report.plot_area import ticks
from searches import make_capacity, make_comparison, make_pair, make_probe

VOID = {"meta", "link"}


class Elements(HTMLParser):
    """The elements of a page, in order; fails on one that is not closed."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.open, self.names, self.links = [], [], []
        self.feed(page.decode())
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.names.append(tag)
        self.links += [value for name, value in attrs if name in {"href", "src"}]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.names.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def seven(difference_ms=0.1):
    return [make_pair(10.0, 10.0 + difference_ms)] * 7


PAGES = {
    "capacity": render_capacity(make_capacity()),
    "none found": render_capacity(
        make_capacity(
            make_probe(30, ProbeOutcome.INSTRUMENT, p50_ms=None, p95_ms=None, p99_ms=None, drop_pct=None),
            found_fps=None,
            best_fps=None,
            exit_code=ExitCode.INCONCLUSIVE,
        )
    ),
    "comparison": render_comparison(make_comparison(*seven())),
    "infinite": render_comparison(
        make_comparison(*seven(), make_pair(10.0, None), make_pair(None, 9.0), make_pair(None, None))
    ),
    "nothing": render_comparison(make_comparison()),
}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_whole_and_loads_nothing(name):
    """Every element is closed, there is no script, no address but those of the runs beside it."""
    elements = Elements(PAGES[name])
    assert "script" not in elements.names
    assert all(link.startswith(("runs/", "#", "data:")) for link in elements.links)


@pytest.mark.parametrize("name", PAGES)
def test_the_style_is_the_one_that_the_policy_allows(name):
    """The content security policy names the hash of the very style in the page."""
    text = PAGES[name].decode()
    style = re.search(r"<style>(.*)</style>", text, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src &#39;sha256-{digest}&#39;" in text or f"style-src 'sha256-{digest}'" in text
    assert " style=" not in text


def test_equal_searches_give_equal_bytes():
    """The pages are functions of their documents."""
    assert render_capacity(make_capacity()) == render_capacity(make_capacity())
    assert render_comparison(make_comparison(*seven())) == render_comparison(make_comparison(*seven()))


def test_hostile_texts_stay_texts():
    """A sentence or a reason that a stranger chose brings in no element and no direction mark."""
    probe = make_probe(30, reason=HOSTILE)
    page = render_capacity(make_capacity(probe, sentence=HOSTILE, profile_name=HOSTILE, rig=HOSTILE))
    pair = make_pair(10.0, 11.0, fault=HOSTILE)
    other = render_comparison(make_comparison(pair, rig=HOSTILE, ended=SearchEnd.ABORTED, ended_reason=HOSTILE))
    for data in (page, other):
        assert "img" not in Elements(data).names
        assert "\u202e" not in data.decode()


def test_the_capacity_page_shows_what_was_found():
    """The rate, the limit's line, every probe with its outcome and the way to its report."""
    text = PAGES["capacity"].decode()
    for part in ("42 fps", "p99 limit 45 ms", "NOT SUSTAINED", "SUSTAINED", 'href="runs/2026'):
        assert part in text


def test_an_unfinished_search_says_so_in_its_headline():
    """Nobody takes what an aborted search had seen for its answer."""
    page = render_capacity(
        make_capacity(ended=SearchEnd.ABORTED, ended_reason="the operator", exit_code=ExitCode.ABORTED)
    ).decode()
    assert "<span>Unfinished</span>" in page
    assert "did not complete: aborted" in page


@pytest.mark.parametrize(("difference_ms", "word"), [(0.1, "NON-INFERIOR"), (2.0, "INFERIOR")])
def test_the_comparison_page_leads_with_its_verdict(difference_ms, word):
    """The word, the margin's line, the interval."""
    text = render_comparison(make_comparison(*seven(difference_ms))).decode()
    assert f"<span>{word}</span>" in text
    assert "margin +0.5 ms" in text
    assert 'class="c-band" d=' in text.split("</figure>")[0].split("</div>")[-1]


def test_no_interval_is_drawn_where_there_is_none():
    """With three pairs there is no bound: the chart shows marks and margin only."""
    comparison = make_comparison(*seven()[:3])
    chart = render_comparison(comparison).decode().split('class="chart"')[1]
    assert "c-band" not in chart.split("</svg>")[0]


def test_a_dropped_pair_is_shown_with_its_reason():
    """Not left out: a reader sees how many there were."""
    text = render_comparison(
        make_comparison(*seven(), make_pair(10.0, 11.0, fault="the camera was late"))
    ).decode()
    assert "DROPPED" in text
    assert "the camera was late" in text
    assert "7 pairs count, 1 dropped" in text


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-3.7, 12.2), (0.0, 1060.0), (-0.001, 0.002)])
def test_ticks_are_round_and_within_the_range(low, high):
    """Three to eleven, ascending, none outside."""
    found = ticks(low, high)
    assert 3 <= len(found) <= 11
    assert found == sorted(found)
    assert low - 1e-6 <= found[0]
    assert found[-1] <= high + 1e-6


def test_a_reading_outside_the_axis_stands_at_its_edge():
    """An overloaded probe of 10 s does not flatten the curve of 45 ms."""
    slow = make_probe(60, ProbeOutcome.NOT_SUSTAINED, p99_ms=10_000.0)
    text = render_capacity(replace(make_capacity(), probes=(make_probe(30), slow))).decode()
    assert "10,000 ms</text>" not in text
