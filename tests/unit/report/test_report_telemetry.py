"""Telemetry on the page: panels on the frames' time axis, throttling behind all of them."""

import re
from dataclasses import replace
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_checks import HOSTILE

from hilrig.core.verdict import Judgement, ThrottleWindow
from hilrig.report.chart_svg import latency_chart
from hilrig.report.panel import _spread
from hilrig.report.telemetry_svg import LINES_MAX, telemetry_panels
from hilrig.report.throttle_svg import LANES_MAX
from hilrig.report.time_axis import LEFT_PX, RIGHT_PX, TimeAxis, time_axis
from telemetry_pages import HOT_S, make_latency, make_orin, make_row, make_rtx, make_telemetry_series

AXIS = TimeAxis(start_s=0.0, end_s=600.0)


def panels_of(judgement: Judgement, axis: TimeAxis = AXIS) -> dict[str, ET.Element]:
    drawn = [ET.fromstring(panel) for panel in telemetry_panels(judgement, axis)]
    return {with_class(svg, "t-title").text: svg for svg in drawn}


def with_class(svg: ET.Element, name: str) -> ET.Element | None:
    return svg.find(f".//*[@class='{name}']")


def words(svg: ET.Element) -> str:
    return " ".join(" ".join(svg.itertext()).split())


def with_series(*series, **changes) -> Judgement:
    return replace(make_orin(), telemetry_series=series, **changes)


def window(begin_s, end_s, *, cause="thermal", hw_id="gpu0") -> ThrottleWindow:
    return ThrottleWindow(begin_s=begin_s, end_s=end_s, cause=cause, hw_id=hw_id, evidence="counted")


def boxes_px(svg: ET.Element, name: str) -> list[tuple[float, float]]:
    path = with_class(svg, name).get("d")
    return [(float(x), float(width)) for x, width in re.findall(r"M([\d.]+) [\d.]+h([\d.]+)v", path)]


def chart(judgement: Judgement) -> ET.Element:
    return ET.fromstring(latency_chart(judgement.latency_series, (), judgement.throttle_windows))


def test_each_quantity_that_was_measured_has_its_panel() -> None:
    """A PC with a card shows nine panels; an Orin none of a GPU memory that it does not have."""
    assert list(panels_of(make_rtx())) == [
        "Temperature",
        "GPU clock",
        "GPU memory clock",
        "CPU clock",
        "Power",
        "GPU utilisation",
        "GPU memory",
        "Host memory of the target",
        "Memory of the whole host",
    ]
    assert not {"GPU memory", "GPU memory clock"} & set(panels_of(make_orin()))


def test_a_run_without_series_has_no_panel() -> None:
    """A result of before the telemetry series is drawn as it was."""
    assert telemetry_panels(with_series(), AXIS) == []
    silent = make_telemetry_series("hw.power{hw.id=gpu0}", "W", float, spread=0.0, silent=range(120))
    assert telemetry_panels(with_series(silent), AXIS) == []


def test_panels_share_the_time_axis_of_the_latency() -> None:
    """The same second is at the same pixel on every drawing, and so are the grid lines."""
    judgement = make_rtx()
    drawings = [chart(judgement), *panels_of(judgement, time_axis(judgement.latency_series)).values()]
    columns = [
        {float(x) for x in re.findall(r"M([\d.]+) [\d.]+V", grid.get("d"))}
        for svg in drawings
        for grid in svg.iterfind(".//*[@class='c-grid']")
    ]
    assert {frozenset(column) for column in columns if column} == {
        frozenset(round(LEFT_PX + minute * (RIGHT_PX - LEFT_PX) / 10, 1) for minute in range(11))
    }
    assert {svg.get("viewBox").split()[2] for svg in drawings} == {"1080"}


def test_only_the_last_panel_repeats_the_times() -> None:
    """The times stand under the latency and at the very bottom."""
    *others, last = panels_of(make_rtx()).values()
    assert "10 min" in words(last)
    assert not any("10 min" in words(svg) for svg in others)


def test_units_are_those_of_people() -> None:
    """Hertz are MHz, bytes MiB, a ratio is per cent: only in text."""
    panels = panels_of(make_rtx())
    assert "gpu0 870\u20131,620" in words(panels["GPU clock"])
    assert "1,500 MHz" in words(panels["GPU clock"])
    assert "gpu0 target 2,600\u20132,685" in words(panels["GPU memory"])
    assert "gpu0 56\u201398" in words(panels["GPU utilisation"])
    assert "package-0" in words(panels["Power"])


def test_a_stretch_without_a_reading_is_a_gap() -> None:
    """Line and band break where the sensor was silent."""
    series = make_telemetry_series(
        "hw.temperature{hw.id=a}", "Cel", lambda t_s: 50 + t_s / 100, spread=1.0, silent=range(30, 90)
    )
    svg = panels_of(with_series(series))["Temperature"]
    for name in ("t-line t-line-0", "t-band t-band-0"):
        assert with_class(svg, name).get("d").count("M") == 2
    assert f"H{AXIS.x(150.0)}" in with_class(svg, "t-line t-line-0").get("d")
    assert f"M{AXIS.x(450.0)} " in with_class(svg, "t-line t-line-0").get("d")


def test_the_band_reaches_the_highest_reading() -> None:
    """A spike of one bucket is the highest point of the band, above the mean line."""
    flat = make_telemetry_series("hw.power{hw.id=gpu0}", "W", lambda _: 10.0, spread=1.0)
    spiked = replace(flat, maximum=(*flat.maximum[:50], 40.0, *flat.maximum[51:]))
    svg = panels_of(with_series(spiked, checks=()))["Power"]
    heights = [float(y) for y in re.findall(r"V([\d.]+)", with_class(svg, "t-band t-band-0").get("d"))]
    line = [float(y) for y in re.findall(r" ([\d.]+)H", with_class(svg, "t-line t-line-0").get("d"))]
    assert min(heights) < min(line) - 40
    assert "gpu0 9\u201340" in words(svg)


def test_a_crowd_of_sensors_is_cut_to_the_hottest_and_says_so() -> None:
    """Six lines can be told apart; how many more the table has is said beside the title."""
    cores = [
        make_telemetry_series(
            f"hw.temperature{{hw.id=coretemp/Core {core}}}", "Cel", lambda _, c=core: 40.0 + c, spread=0
        )
        for core in range(10)
    ]
    rows = tuple(make_row(one.key, "Cel", value=one.maximum[0]) for one in cores)
    missing = make_row("hw.temperature{hw.id=cv0}", "Cel", reason="OFFLINE")
    text = words(panels_of(with_series(*cores, channels=(*rows, missing)))["Temperature"])
    assert "and 4 more in the table" in text
    assert [f"Core {core} " in text for core in range(10)] == [False] * 4 + [True] * LINES_MAX


def test_where_the_hardware_slows_down_is_a_line() -> None:
    """The limit of a sensor that is shown is drawn at its temperature; another device's is not."""
    series = make_telemetry_series("hw.temperature{hw.id=gpu0}", "Cel", lambda _: 50.0, spread=1.0)
    rows = (
        make_row("hw.temperature.limit{hw.id=gpu0}", "Cel", value=93.0),
        make_row("hw.temperature.limit{hw.id=elsewhere}", "Cel", value=55.0),
        make_row("hw.temperature.limit{hw.id=gpu0,x=1}", "Cel", reason="ABSENT"),
    )
    svg = panels_of(with_series(series, channels=rows))["Temperature"]
    assert "slowdown 93 °C, gpu0" in words(svg)
    assert "55 °C" not in words(svg)
    limits = [path.get("d") for path in svg.iterfind(".//*[@class='c-limit']")]
    first_y = float(re.match(r"M[\d.]+ ([\d.]+)H", with_class(svg, "t-line t-line-0").get("d"))[1])
    assert [float(re.match(r"M96 ([\d.]+)H", path)[1]) < first_y for path in limits] == [True]


def test_a_limit_of_the_profile_stands_on_its_panel() -> None:
    """Measured and allowed can be seen together: utilisation and memory have their limits."""
    panels = panels_of(make_rtx())
    assert "limit ≤ 80 %" in words(panels["GPU utilisation"])
    assert "limit ≤ 3,072 MiB" in words(panels["GPU memory"])
    assert "limit" not in words(panels["GPU clock"])


def test_throttling_is_shaded_through_every_drawing() -> None:
    """The same two stretches lie behind the latency and behind each panel."""
    judgement = make_orin()
    expected = [round(AXIS.x_px(begin_s), 1) for begin_s, _ in HOT_S]
    for svg in (chart(judgement), *panels_of(judgement).values()):
        assert [x for x, _ in boxes_px(svg, "t-shade")] == expected


def test_a_lane_names_device_and_cause() -> None:
    """Who throttled and why stands beside its marks, the CPU where there is no device."""
    text = words(chart(make_rtx()))
    assert "gpu0: thermal" in text
    assert "CPU: thermal" in text
    assert "2 stretches of throttling" in chart(make_rtx()).find("title").text


def test_a_short_episode_can_be_seen_on_a_long_axis() -> None:
    """A tenth of a second in ten minutes is a mark of some pixels, also at the very end."""
    judgement = with_series(throttle_windows=(window(100.0, 100.1), window(599.9, 600.0)))
    widths = [width for _, width in boxes_px(chart(judgement), "t-mark")]
    assert widths == [2.5, 2.5]
    assert all(x + width <= RIGHT_PX for x, width in boxes_px(chart(judgement), "t-shade"))


def test_windows_that_touch_are_shaded_once() -> None:
    """Two devices that throttle together do not make a darker shade, and each has its lane."""
    judgement = with_series(
        throttle_windows=(window(100, 200), window(150, 250, hw_id=""), window(-50, -20), window(700, 800))
    )
    svg = chart(judgement)
    assert len(boxes_px(svg, "t-shade")) == 1
    assert len(list(svg.iterfind(".//*[@class='t-mark']"))) == 2


def test_many_devices_do_not_make_the_chart_endless() -> None:
    """Lanes have an end; the drawing is as tall as its lanes."""
    judgement = with_series(throttle_windows=tuple(window(1, 2, hw_id=f"gpu{index}") for index in range(40)))
    assert len(list(chart(judgement).iterfind(".//*[@class='t-mark']"))) == LANES_MAX


def test_hostile_names_stay_text() -> None:
    """Markup in a channel's key, a device or a cause comes out as characters."""
    series = make_telemetry_series(f"hw.power{{hw.id={HOSTILE}}}", "W", lambda _: 1.0, spread=0)
    judgement = with_series(series, throttle_windows=(window(1, 2, cause=HOSTILE, hw_id=HOSTILE),))
    for svg in (chart(judgement), *panels_of(judgement).values()):
        assert svg.find(".//script") is None
        assert svg.find(".//img") is None


def test_panels_have_titles_for_a_screen_reader_and_no_styles() -> None:
    """Every drawing is named by what it shows, with ids of their own; nothing needs a style attribute."""
    drawn = telemetry_panels(make_rtx(), AXIS)
    titles = [ET.fromstring(panel).find("title") for panel in drawn]
    assert len({title.get("id") for title in titles}) == len(drawn)
    assert titles[0].text.startswith("Temperature over time, lowest to highest reading in °C: gpu0")
    assert not any("style=" in panel or "nan" in panel for panel in drawn)


def test_a_run_of_one_bucket_has_an_axis() -> None:
    """A run of a second, or none at all, does not divide by nothing."""
    assert time_axis(make_latency()[:1]) == TimeAxis(start_s=0.0, end_s=1.0)
    assert time_axis([]) == TimeAxis(start_s=0.0, end_s=1.0)


@pytest.mark.parametrize("value", [0.0, -40.0, 1e12])
def test_a_flat_line_has_a_scale(value: float) -> None:
    """A constant, a zero, a frost: the plot has a height and the line is on it."""
    series = make_telemetry_series("hw.temperature{hw.id=a}", "Cel", lambda _: value, spread=0)
    svg = panels_of(with_series(series))["Temperature"]
    assert re.fullmatch(r"M[\d.]+ [\d.]+(H[\d.]+|V[\d.]+)+", with_class(svg, "t-line t-line-0").get("d"))


@given(st.lists(st.floats(26, 110), min_size=1, max_size=9).map(sorted))
def test_labels_never_cover_each_other(wanted_px: list[float]) -> None:
    """Names are a line of text apart and keep the order of their lines, however close those are."""
    places = _spread(wanted_px, 26, 26 + 14 * 9)
    assert all(later - earlier >= 14 - 1e-6 for earlier, later in pairwise(places))
    assert places[0] >= 26 - 1e-6
    assert places[-1] <= 26 + 14 * 9 + 1e-6
