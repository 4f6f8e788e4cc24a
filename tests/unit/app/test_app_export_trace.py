"""hilrig.app.export.trace: a trace that Perfetto can lay out, and that says nothing which was not recorded."""

import json
from itertools import groupby

import pytest

from builders import make_frames, make_plan, make_record
from finished_soaks import HOURS
from hilrig.app.export.trace import FEEDER, QUEUE, SPANS, THROTTLE, WORKER, trace_json
from hilrig.app.export.window import Span, Worst, measured_part, n_frames_in, spans_of
from soaks import throttled_soak


@pytest.fixture(scope="module")
def soak():
    return throttled_soak(hours=HOURS)


def events_of(record, spans):
    return json.loads(trace_json(record, spans, said={"run_id": "x"}))["traceEvents"]


@pytest.fixture(scope="module")
def events(soak):
    return events_of(soak, [measured_part(soak)])


def on(events, track, phase="X"):
    """Return the events of a track and its lanes."""
    return [event for event in events if event.get("ph") == phase and track <= event["tid"] < track + 5000]


def test_time_never_goes_back_on_a_track_and_nothing_lasts_less_than_nothing(events):
    """What every viewer asks of a trace."""
    timed = [event for event in events if event["ph"] != "M"]
    for _, track in groupby(timed, key=lambda event: event["tid"]):
        stamps = [event["ts"] for event in track]
        assert stamps == sorted(stamps)
    assert min(event["ts"] for event in timed) >= 0
    assert all(event["dur"] >= 0 for event in timed if event["ph"] == "X")


def test_slices_of_a_track_nest(events):
    """A slice that begins within another one ends within it: else a viewer draws nonsense."""
    slices = [event for event in events if event["ph"] == "X"]
    for _, track in groupby(slices, key=lambda event: event["tid"]):
        open_until = []
        for event in track:
            end = event["ts"] + event["dur"]
            while open_until and open_until[-1] <= event["ts"] + 1e-3:
                open_until.pop()
            assert not open_until or end <= open_until[-1] + 1e-3
            open_until.append(end)


def test_every_frame_is_there_with_its_stages(soak, events):
    """One slice in the feeder for each; a decided one has its three stages in the worker, whole."""
    n_frames = n_frames_in(soak, [measured_part(soak)])
    worker = on(events, WORKER)
    frames = [event for event in worker if event["name"].startswith("frame ")]
    n_decided = len([event for event in frames if event["args"]["outcome"] == "decided"])
    assert len(on(events, FEEDER)) == n_frames
    assert len(on(events, QUEUE)) == len(frames) == n_decided
    for stage in ("preprocess", "infer", "decide"):
        assert len([event for event in worker if event["name"] == stage]) == n_decided
    assert sum(event["dur"] for event in frames) == pytest.approx(
        sum(event["dur"] for event in worker if event not in frames), rel=1e-6
    )


def test_drops_are_marks_in_the_queue(events):
    """With the reason; no decision is invented for them."""
    marks = on(events, QUEUE, phase="i")
    assert marks
    for mark in marks:
        assert mark["args"]["outcome"] == "dropped"
        assert mark["args"]["reason"] == "queue_full"
        assert "latency_ms" not in mark["args"]
        assert "found" not in mark["args"]


def test_counters_stand_from_the_beginning_of_a_stretch(soak):
    """The last reading before it still holds: a stretch shorter than a slow channel's period shows it too."""
    events = events_of(soak, [Span(begin_s=20.3, end_s=20.6)])
    counters = {event["name"]: event for event in reversed(events) if event["ph"] == "C"}
    assert "hw.temperature{hw.id=gpu0} [°C]" in counters
    assert "hilrig.hw.gpu.clock.frequency{hw.id=gpu0,domain=graphics} [MHz]" in counters
    assert {event["ts"] for event in counters.values()} == {20.3e6}


def test_throttling_is_a_track_of_its_own(events):
    """Three windows, their true length in the arguments."""
    windows = on(events, THROTTLE)
    assert len(windows) == 3
    assert {event["name"] for event in windows} == {"gpu0 thermal"}


def test_the_surroundings_of_the_worst_frames_are_small(soak):
    """That is what the form is for: a shift as a whole would be hundreds of megabytes."""
    spans = spans_of(soak, Worst(n=5))
    data = trace_json(soak, spans, said={})
    assert len(data) < 1_000_000
    assert len(on(json.loads(data)["traceEvents"], SPANS)) >= len(spans)


def test_a_late_feeder_gets_a_second_lane():
    """Three frames released long after the next ones were due: side by side, not through each other."""
    plan = make_plan(n_measured=60)
    record = make_record(plan, frames=make_frames(plan, latency_ms=120.0, lateness_us=80_000.0))
    events = events_of(record, [measured_part(record)])
    assert len({event["tid"] for event in on(events, FEEDER)}) == 3
    titles = {event["args"]["name"] for event in events if event["name"] == "thread_name"}
    assert {"feeder", "feeder 2", "feeder 3"} <= titles


def test_a_camera_that_hung_for_ten_seconds_stays_out_of_the_other_tracks():
    """Hundreds of frames were due at the same time: each has a lane, none of them is the queue's."""
    plan = make_plan(n_measured=300)
    record = make_record(plan, frames=make_frames(plan, latency_ms=10_020.0, lateness_us=10_000_000.0))
    events = events_of(record, [measured_part(record)])
    assert len(on(events, FEEDER)) == len(on(events, QUEUE)) == 300
    assert max(event["tid"] for event in on(events, FEEDER)) < QUEUE


def test_hostile_names_stay_text(soak):
    """A profile's name is foreign: JSON holds it as it is."""
    document = json.loads(trace_json(soak, [measured_part(soak)], said={"run_id": '"</script>\u202e'}))
    assert document["otherData"]["run_id"] == '"</script>\u202e'
