"""hilrig.report.trend_html: the page of a reports folder draws what is known, and says what is not."""

import json
import re
from dataclasses import replace

from hilrig.core.trend import Trend, TrendChange, TrendGroup, TrendRun, UnreadableRun
from hilrig.core.verdict import RunStatus
from hilrig.report.trend_html import render_trend

HOSTILE = '</script><script>alert(1)</script>"><img src=x onerror=alert(1)>\u202e'
RUN = TrendRun(
    name="20261101T210000Z-weld-station-1",
    report="reports/1/report.html",
    run_id="1",
    started_at_utc="2026-11-01T21:00:00Z",
    started_s=1793566800.0,
    status=RunStatus.PASS,
    sentence="All limits hold.",
    ended="completed",
    duration_min=10.0,
    p99_ms=20.0,
    p99_text="",
    p99_lower_ms=19.0,
    p99_upper_ms=21.0,
    p99_limit_ms=45.0,
    closest_check="latency.p99_max_ms",
    closest_margin_pct=55.0,
    throttled_min=0.0,
    throttled_text="",
    n_dropped=0,
    drop_pct=0.0,
)


def make_runs(*changes) -> tuple[TrendRun, ...]:
    return tuple(
        replace(
            RUN,
            **{"name": f"run{index}", "run_id": str(index), "started_s": RUN.started_s + 86_400 * index, **change},
        )
        for index, change in enumerate(changes)
    )


def make_trend(runs, *, changes=(), unreadable=(), n_unfinished=0, profile_name="weld-station") -> Trend:
    group = TrendGroup(profile_name=profile_name, device_class="x86-cpu", runs=runs, changes=changes)
    return Trend(folder="reports", groups=(group,), unreadable=unreadable, n_unfinished=n_unfinished)


def page_of(trend: Trend) -> str:
    return render_trend(trend).decode()


def data_of(page: str, block_id: str):
    match = re.search(rf'<script type="application/json" id="{block_id}">(.*?)</script>', page)
    return json.loads(match[1])


def series(data, label: str):
    (chosen,) = [one for one in data["series"] if one["label"] == label]
    return chosen


def test_each_verdict_has_points_of_its_own():
    """A PASS at 20 ms, a FAIL at 50 ms; the line goes through both, bounds and limit beside it."""
    runs = make_runs({}, {"status": RunStatus.FAIL, "p99_ms": 50.0})
    data = data_of(page_of(make_trend(runs)), "p99-0")
    assert series(data, "PASS")["y"] == [20.0]
    assert series(data, "FAIL")["y"] == [50.0]
    assert series(data, "all runs")["y"] == [20.0, 50.0]
    assert series(data, "limit")["y"] == [45.0, 45.0]
    assert series(data, "99 % upper bound")["y"] == [21.0, 21.0]
    assert data["x"]["scale"] == "date"


def test_an_infinite_p99_breaks_the_line_and_is_counted():
    """Not a point at 0, not a bridge over it; the note sends to the table, where the word stands."""
    page = page_of(make_trend(make_runs({}, {"p99_ms": None, "p99_text": "infinite"}, {})))
    assert series(data_of(page, "p99-0"), "all runs")["y"] == [20.0, None, 20.0]
    assert "1 run without a finite p99: see the table." in page
    assert ">infinite<" in page


def test_a_number_that_no_run_has_has_no_chart():
    """Nobody could tell of throttling: the table says why, no line at 0 is drawn."""
    silent = {"throttled_min": None, "throttled_text": "no channel tells"}
    page = page_of(make_trend(make_runs(silent, silent)))
    assert 'id="throttled-0"' not in page
    assert page.count("no channel tells") == 2


def test_changes_are_marked_and_told():
    """What changed at the mark, from what to what in the table."""
    runs = make_runs({}, {})
    texts = ("model aaaa -> bbbb", "hilrig 0.1.0 -> 0.2.0")
    change = TrendChange(name="run1", started_s=runs[1].started_s, texts=texts)
    page = page_of(make_trend(runs, changes=(change,)))
    assert data_of(page, "p99-0")["marks"] == [{"x": runs[1].started_s, "label": "model, hilrig"}]
    assert page.count("model aaaa -&gt; bbbb") == 1


def test_the_newest_run_is_read_first():
    """Charts run to the right, the table begins with today."""
    page = page_of(make_trend(make_runs({"report": "one/report.html"}, {"report": "two/report.html"})))
    assert page.index('href="two/report.html"') < page.index('href="one/report.html"')


def test_unreadable_and_unfinished_runs_are_said():
    """Nothing is left out in silence."""
    unreadable = (UnreadableRun(name="broken", reason="result.json should be JSON"),)
    page = page_of(make_trend(make_runs({}), unreadable=unreadable, n_unfinished=2))
    assert "broken: result.json should be JSON" in page
    assert "2 without a result are not shown" in page


def test_an_empty_folder_makes_a_page():
    """It says that there is nothing."""
    page = page_of(Trend(folder="reports", groups=(), unreadable=(), n_unfinished=0))
    assert "No finished run is here." in page


def test_hostile_texts_stay_texts():
    """Names, sentences and reasons come from files that anybody can put there."""
    hostile = {
        "run_id": HOSTILE,
        "sentence": HOSTILE,
        "ended": HOSTILE,
        "closest_check": HOSTILE,
        "report": HOSTILE,
    }
    runs = make_runs(
        hostile, {"p99_ms": None, "p99_text": HOSTILE, "throttled_min": None, "throttled_text": HOSTILE}
    )
    change = TrendChange(name="run1", started_s=runs[1].started_s, texts=(HOSTILE,))
    unreadable = (UnreadableRun(name=HOSTILE, reason=HOSTILE),)
    page = page_of(make_trend(runs, changes=(change,), unreadable=unreadable, profile_name=HOSTILE))
    assert "<img" not in page
    assert "<script>alert" not in page
    assert "\u202e" not in page


def test_no_page_claims_a_signature():
    """Numbers are read as they lie there: the page says that nobody checked."""
    assert "No signature was checked for this page." in page_of(make_trend(make_runs({})))
