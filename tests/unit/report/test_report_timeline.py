import json
from dataclasses import replace

import numpy as np
import pytest
from report_documents import make_empty, make_failing

from hilrig.core.analysis import Episode, EpisodeKind
from hilrig.core.document import Document
from hilrig.core.verdict import ChangePoint, ThrottleWindow
from hilrig.report.charts import timeline_chart
from hilrig.report.timeline import LANES_MAX, timeline
from raw_frames import make_measured, ordinary_ms
from telemetry_pages import make_orin, make_rtx
from telemetry_rows import make_telemetry_series

HOSTILE = "</script><script>alert(1)</script>\u202e"


def with_judgement(document: Document, **changes) -> Document:
    """Return a document of which parts of the judgement are others."""
    judgement = replace(document.result.judgement, **changes)
    return replace(document, result=replace(document.result, judgement=judgement))


def document_of(judgement) -> Document:
    """Return a document around a judgement."""
    document = make_failing()
    return replace(document, result=replace(document.result, judgement=judgement))


def test_the_buckets_of_the_judgement_stand_in_the_block_as_they_are():
    """Minimum, percentiles, maximum and lost frames: a page without raw frames draws them unchanged."""
    document = make_failing()
    series = document.result.judgement.latency_series
    coarse = timeline(document).value["coarse"]
    assert coarse["max"] == [point.max_ms for point in series]
    assert coarse["min"] == [point.min_ms for point in series]
    assert coarse["dropped"] == [point.n_dropped for point in series]
    assert len(coarse["edges_s"]) == len(series) + 1


def test_every_limit_on_latency_is_on_the_chart_the_tightest_first():
    """Limits are levels with the words of the table."""
    limits = timeline(make_failing()).value["limits"]
    assert limits == sorted(limits, key=lambda limit: limit["value"])
    assert any("45 ms" in limit["label"] for limit in limits)


@pytest.mark.parametrize(("judgement", "expected"), [(make_orin(), "GPU clock"), (make_rtx(), "GPU memory clock")])
def test_telemetry_stands_in_panels_by_quantity_in_the_units_of_people(judgement, expected):
    """°C, MHz, W, %, MiB; each panel with room above its highest reading and limit."""
    panels = timeline(document_of(judgement)).panels
    units = {panel.title: panel.unit for panel in panels}
    assert units["Temperature"] == "°C"
    assert units[expected] == "MHz"
    for panel in panels:
        assert panel.bottom < panel.top
        assert all(panel.bottom <= line.lowest <= line.highest < panel.top for line in panel.lines)
        assert all(level.value < panel.top for level in panel.levels)


def test_a_bucket_without_a_reading_stays_a_gap():
    """Missing is null, in minimum, mean and maximum alike: never 0, never bridged."""
    silent = make_telemetry_series("hw.power{hw.id=a}", "W", lambda _: 5.0, spread=1.0, silent=range(10, 20))
    (panel,) = timeline(with_judgement(make_failing(), telemetry_series=(silent,))).panels
    (line,) = panel.lines
    for values in (line.minimum, line.mean, line.maximum):
        assert [index for index, value in enumerate(values) if value is None] == list(range(10, 20))


def test_throttling_and_episodes_have_a_lane_each_in_the_order_of_time():
    """One row for a device and its cause, one for each kind of episode that there is."""
    windows = tuple(
        ThrottleWindow(begin_s=begin_s, end_s=begin_s + 5, cause="thermal", hw_id=hw_id, evidence="counted")
        for begin_s, hw_id in ((50.0, "gpu1"), (10.0, "gpu0"), (90.0, "gpu0"))
    )
    stall = Episode(kind=EpisodeKind.HOST_STALL, begin_s=3.0, end_s=3.2, text="nobody ran for 200 ms")
    lanes = timeline(with_judgement(make_failing(), throttle_windows=windows, episodes=(stall,))).lanes
    assert [lane.label for lane in lanes] == [
        "throttled, gpu0: thermal",
        "throttled, gpu1: thermal",
        "host stalled",
    ]
    assert [span.begin_s for span in lanes[0].spans] == [10.0, 90.0]
    assert lanes[2].spans[0].text == "nobody ran for 200 ms"


def test_more_devices_than_lanes_are_left_to_the_table():
    """A page of forty lanes helps nobody."""
    windows = tuple(
        ThrottleWindow(
            begin_s=float(index), end_s=index + 1.0, cause="power", hw_id=f"gpu{index}", evidence="counted"
        )
        for index in range(40)
    )
    assert len(timeline(with_judgement(make_failing(), throttle_windows=windows)).lanes) == LANES_MAX


def test_frames_have_their_ids_only_where_counting_is_certain():
    """The worst frames of the table lie where counting from the warm-up puts them; else the chart names none."""
    frames = make_measured(ordinary_ms(900))
    document = replace(make_failing(), frames=frames)
    first_id = document.result.n_warmup_frames_cut
    worst = replace(
        document.result.judgement.worst_frames[0], frame_id=first_id + 77, t_s=int(frames.due_ns[77]) / 1e9
    )
    assert timeline(with_judgement(document, worst_frames=(worst,))).first_frame_id == first_id
    elsewhere = replace(worst, frame_id=first_id + 78)
    assert timeline(with_judgement(document, worst_frames=(elsewhere,))).first_frame_id is None
    assert timeline(with_judgement(make_failing(), worst_frames=(worst,))).first_frame_id is None


def test_the_axis_ends_after_the_last_frame():
    """Also where the frames go on longer than the buckets say."""
    frames = make_measured(ordinary_ms(40_000))
    assert timeline(replace(make_failing(), frames=frames)).end_s > frames.due_ns[-1] / 1e9


def test_a_change_of_the_latency_is_marked_with_what_it_was_and_became():
    """One mark for a moment, however many percentiles changed there, with two numbers and their unit."""
    change = ChangePoint(t_s=12.5, metric="latency_p50_ms", before_ms=11.0, after_ms=19.25, nearby=())
    changes = (change, replace(change, metric="latency_p99_ms", before_ms=12.0), replace(change, t_s=60.0))
    marks = timeline(with_judgement(make_failing(), change_points=changes)).value["changes"]
    assert marks == [
        {"at_s": 12.5, "label": "p50 11 → 19.25 ms"},
        {"at_s": 60.0, "label": "p50 11 → 19.25 ms"},
    ]


def test_nothing_measured_is_an_empty_chart_and_no_error():
    """A run that ended at once has an axis and no data."""
    value = timeline(make_empty()).value
    assert value["end_s"] > 0
    assert value["coarse"]["n"] == []
    assert value["panels"] == []


def test_foreign_words_can_neither_end_the_block_nor_turn_its_direction():
    """Device names and texts of episodes are strangers'."""
    windows = (ThrottleWindow(begin_s=1.0, end_s=2.0, cause=HOSTILE, hw_id=HOSTILE, evidence="counted"),)
    episodes = (Episode(kind=EpisodeKind.CO_RESIDENT, begin_s=1.0, end_s=2.0, text=HOSTILE),)
    chart = timeline_chart(with_judgement(make_failing(), throttle_windows=windows, episodes=episodes))
    assert str(chart.blocks).count("</script") == 1
    text = str(chart.blocks).partition(">")[2].removesuffix("</script>")
    assert "\u202e" not in json.dumps(json.loads(text), ensure_ascii=False)


def test_the_page_says_how_fine_zooming_is():
    """With raw frames their step, without them the buckets, with too many of them the way to the frames."""
    document = make_failing()
    assert "without the raw frames" in timeline_chart(document).zoom_note
    short = replace(document, frames=make_measured(ordinary_ms(900)))
    assert "All 900 measured frames" in timeline_chart(short).zoom_note
    assert "steps of 1 µs" in timeline_chart(short).zoom_note
    noise = np.random.default_rng(1).uniform(1, 60_000, 1_200_000)
    too_many = replace(document, frames=make_measured(noise, period_ns=1_000_000))
    assert "hilrig export" in timeline_chart(too_many).zoom_note


def test_descriptions_say_what_the_chart_shows():
    """A screen reader hears the slowest frame, the limits, what was lost, the span of every sensor."""
    shown = timeline(document_of(make_orin()))
    assert "slowest frame" in shown.description
    assert "limit" in shown.description
    assert "dropped" in shown.lanes_description
    assert all(line.span_text in panel.description for panel in shown.panels for line in panel.lines)
