"""hilrig.report.side_by_side_html: the page of a comparison says what was compared, and escapes who was."""

import json
import re
from dataclasses import replace

import pytest

from hilrig.core.side_by_side import ComparedRun, SideBySide
from hilrig.report.chart_scale import scale_of
from hilrig.report.side_by_side_html import render_side_by_side
from hilrig.report.throttle_lanes_svg import throttle_lanes
from hilrig.verdict.many_runs.conditions import conditions_of_result
from hilrig.verdict.many_runs.side_by_side import side_by_side
from signed_runs import make_judgement, make_result, make_window

HOSTILE = '</script><script>alert(1)</script>"><img src=x onerror=alert(1)>\u202e'


def make_found(*judgements, rigs=("local",) * 8, **changes) -> SideBySide:
    runs = []
    for index, judgement in enumerate(judgements):
        result = make_result(judgement, run_id=f"run{index}", rig=rigs[index], **changes)
        runs.append(
            ComparedRun(
                label="ABCDEFGH"[index],
                path=f"reports/run{index}",
                run_id=result.run_id,
                started_at_utc=result.started_at_utc,
                status=judgement.status,
                sentence=judgement.sentence,
                ended="completed",
                result_sha256="0" * 64,
                key_fingerprint="SHA256:abc",
                is_key_known=True,
                conditions=conditions_of_result(result),
            )
        )
    return side_by_side(runs, judgements)


def page_of(found: SideBySide) -> str:
    return render_side_by_side(found).decode()


def data_of(page: str, block_id: str):
    match = re.search(rf'<script type="application/json" id="{block_id}">(.*?)</script>', page)
    return json.loads(match[1])


def test_every_number_stands_on_the_page():
    """Each row's text and difference; beyond and within in words."""
    found = make_found(make_judgement(p99_ms=20.0), make_judgement(p99_ms=30.0))
    page = page_of(found)
    for row in found.rows:
        for cell in row.cells:
            assert cell.text in page
            assert cell.delta_text in page
    assert "beyond both runs' 99 % bounds" in page.replace("&#39;", "'")
    assert "+10 ms" in page


def test_equal_input_gives_equal_bytes():
    """No clock, no order of a set."""
    found = make_found(make_judgement(), make_judgement(p99_ms=30.0))
    assert render_side_by_side(found) == render_side_by_side(found)


def test_curves_hold_every_run():
    """Percentiles on the tail scale and p99 over time, a series for each run; every second one dashed."""
    page = page_of(make_found(make_judgement(p99_ms=20.0), make_judgement(p99_ms=30.0)))
    tail = data_of(page, "percentiles")
    assert tail["x"]["scale"] == "tail"
    assert [one["y"][2] for one in tail["series"]] == [20.0, 30.0]
    assert [one["dash"] for one in tail["series"]] == [False, True]
    assert len(data_of(page, "over-time")["series"]) == 2


def test_a_run_without_a_curve_is_named():
    """An older result: the other run's curve is drawn, the note says whose is missing."""
    found = make_found(replace(make_judgement(), distribution=None), make_judgement())
    page = page_of(found)
    assert "Not recorded in run A." in page
    assert len(data_of(page, "percentiles")["series"]) == 1


def test_runs_without_anything_still_make_a_page():
    """Ended before the first frame, both."""
    empty = replace(make_judgement(), checks=(), measurements=(), latency_series=(), distribution=None)
    assert "These results hold no curves." in page_of(make_found(empty, empty))


def test_an_unknown_key_is_said():
    """Never a word that could be read as checked."""
    found = make_found(make_judgement(), make_judgement())
    found = replace(found, runs=(found.runs[0], replace(found.runs[1], is_key_known=False)))
    page = page_of(found)
    assert "signature not checked: it is by an unknown key, SHA256:abc" in page
    assert page.count("signed by SHA256:abc") == 1


def test_a_warning_stands_above_everything():
    """Another device class is named before the first number."""
    found = make_found(make_judgement(), make_judgement(measured={"frames_offered": 36_000.0}))
    page = page_of(found)
    assert page.index("30 fps, 60 fps") < page.index("<main>")


def test_hostile_texts_stay_texts():
    """Rig, sentence, paths, names: no element, no turned direction, no end of a script."""
    judgement = make_judgement(sentence=HOSTILE, throttle_windows=(replace(make_window(1, 9), hw_id=HOSTILE),))
    found = make_found(judgement, judgement, rigs=(HOSTILE, "x"), profile_name=HOSTILE, hilrig_version=HOSTILE)
    found = replace(found, runs=tuple(replace(run, path=HOSTILE, report=HOSTILE) for run in found.runs))
    page = page_of(found)
    assert "<img" not in page
    assert "<script>alert" not in page
    assert "\u202e" not in page
    assert page.count("<script") == 3  # two blocks of data and the page's own


@pytest.mark.parametrize("count", [2, 8])
def test_as_many_runs_as_may_be_compared(count):
    """Eight columns, eight colours."""
    page = page_of(make_found(*(make_judgement(p99_ms=20.0 + n) for n in range(count))))
    assert [one["tone"] for one in data_of(page, "percentiles")["series"]] == list(range(count))


def test_throttling_is_drawn_in_the_lane_of_its_run():
    """One bar in the second lane; no picture where nobody throttled."""
    found = make_found(make_judgement(), make_judgement(throttle_windows=(make_window(60, 300),)))
    picture = throttle_lanes(found)
    assert picture.count("<rect") == 1
    assert "run A 0, run B 1" in picture
    assert 'y="32"' in picture
    assert throttle_lanes(make_found(make_judgement(), make_judgement())) == ""


def test_a_spread_of_values_asks_for_a_logarithmic_axis():
    """Not where one value is 0, which it cannot show."""
    assert scale_of([10.0, 12.0, None, 11.0]) == "linear"
    assert scale_of([10.0, 11.0, 12.0, 900.0]) == "log"
    assert scale_of([0.0, 11.0, 12.0, 900.0]) == "linear"
    assert scale_of([]) == "linear"
