import re
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
from report_checks import (
    FAILED_P99,
    HOSTILE,
    INFINITE_P999,
    PASSED_DROPS,
    PASSED_DURATION,
    PASSED_P99,
    UNMEASURED_GPU,
)
from report_documents import make_series

from hilrig.report.chart_svg import latency_chart
from hilrig.report.margin_svg import LIMIT_AT_PX, WIDTH_PX, margin_bar


def draw(series, checks=()) -> ET.Element:
    return ET.fromstring(latency_chart(series, checks))


def with_class(svg: ET.Element, name: str) -> ET.Element:
    return svg.find(f".//*[@class='{name}']")


def path_heights_px(path: str) -> list[float]:
    corners = re.findall(r"M[\d.]+ ([\d.]+)H[\d.]+V([\d.]+)", path)
    return [float(y) for corner in corners for y in corner]


def test_the_slowest_frame_of_the_run_is_on_the_chart() -> None:
    """The band's highest point is the slowest frame, marked and labelled with its value."""
    svg = draw(make_series(slow_ms=93.0), [PASSED_P99])
    top_px = min(path_heights_px(with_class(svg, "c-band").get("d")))
    assert float(with_class(svg, "c-slowest").get("cy")) == top_px
    assert with_class(svg, "c-label").text == "slowest 93 ms"


def test_a_bucket_without_decisions_leaves_a_gap() -> None:
    """Where no frame was decided nothing is drawn: the lines break instead of bridging the hole."""
    whole, broken = (with_class(draw(make_series(n_lost=n)), "c-p99").get("d") for n in (0, 4))
    assert whole.count("M") == 1
    assert broken.count("M") == 2


def test_a_lone_bucket_between_gaps_is_visible() -> None:
    """A single decided bucket is drawn with its width, not as a point without extent."""
    point = make_series()[0]
    hole = replace(point, n=0, min_ms=None, p50_ms=None, p99_ms=None, max_ms=None)
    band = with_class(draw([replace(hole, t_s=0.0), replace(point, t_s=1.0), replace(hole, t_s=2.0)]), "c-band")
    left, right = re.match(r"M([\d.]+) [\d.]+H([\d.]+)", band.get("d")).groups()
    assert float(right) - float(left) > 100


def test_lost_frames_are_counted_and_ticked() -> None:
    """Every bucket with lost frames has a tick in its lane, and the lane says how many frames."""
    series = make_series(n_lost=4)
    svg = draw(series)
    assert with_class(svg, "c-dropped").get("d").count("M") == sum(point.n_dropped > 0 for point in series)
    words = "".join(svg.itertext())
    assert f"dropped {sum(point.n_dropped for point in series)}" in words
    assert "failed 1" in words


def test_each_latency_limit_has_its_line() -> None:
    """Limits on latency are drawn where they are, other limits are not."""
    svg = draw(make_series(), [FAILED_P99, INFINITE_P999, PASSED_DROPS])
    labels = [text.text for text in svg.iterfind(".//*[@class='c-limit-label']")]
    assert labels == ["p99 limit ≤ 45 ms", "p99.9 limit ≤ 80 ms"]


def test_a_series_of_only_lost_frames_is_drawn() -> None:
    """A run in which nothing was decided has a chart of losses, without a slowest frame."""
    hole = replace(make_series(n_lost=4)[400], t_s=0.0)
    svg = draw([hole, replace(hole, t_s=1.0)], [PASSED_P99])
    assert with_class(svg, "c-slowest") is None
    assert "no frame was decided" in svg.find("title").text


def test_a_hostile_unit_stays_text() -> None:
    """Markup in a limit's unit comes out as characters, and can't fill the chart."""
    svg = draw(make_series(), [replace(PASSED_P99, unit=HOSTILE)])
    assert svg.find(".//script") is None
    assert svg.find(".//img") is None
    assert len(with_class(svg, "c-limit-label").text) <= 40


def test_a_chart_has_no_style_attributes() -> None:
    """The content security policy would block them, and the chart would come out black."""
    assert "style=" not in latency_chart(make_series(n_lost=4), [FAILED_P99])


@pytest.mark.parametrize(
    ("check", "width_px"),
    [
        (replace(PASSED_P99, observed=45.0), LIMIT_AT_PX),
        (replace(PASSED_P99, observed=22.5), LIMIT_AT_PX / 2),
        (replace(PASSED_P99, observed=4500.0), WIDTH_PX),
        (INFINITE_P999, WIDTH_PX),
        (replace(PASSED_DROPS, limit=0.0), 0.0),
        (replace(PASSED_DROPS, limit=0.0, observed=0.1), WIDTH_PX),
        (PASSED_DURATION, LIMIT_AT_PX),
    ],
)
def test_the_bar_shows_how_near_the_limit_is(check, width_px: float) -> None:
    """At the limit the bar touches the limit's mark; far over it, or infinite, it fills the track."""
    bar = ET.fromstring(margin_bar(check)).findall("rect")[1]
    assert float(bar.get("width")) == width_px


def test_an_unmeasured_check_has_an_empty_bar() -> None:
    """No observation gives a track and a limit, not a bar of length zero in a verdict's colour."""
    assert len(ET.fromstring(margin_bar(UNMEASURED_GPU)).findall("rect")) == 1
