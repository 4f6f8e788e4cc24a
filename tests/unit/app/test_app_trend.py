"""hilrig.app.compare.trend: the runs of a folder in their order, whatever lies between them."""

import json
import math
import time
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hilrig.app.compare.trend import read_trend
from hilrig.app.compare.trend_fields import trend_conditions, trend_run
from hilrig.config.noun_json import to_json
from hilrig.core import files
from hilrig.core.clock import ManualClock
from hilrig.core.errors import RecordError
from hilrig.core.verdict import CheckStatus, RunStatus
from hilrig.record.listing import list_runs
from hilrig.verdict.many_runs.conditions import conditions_of_result
from signed_runs import make_check, make_judgement, make_result, make_window


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    return tmp_path / "reports"


def write(reports: Path, day: int, *, judgement=None, **changes) -> Path:
    """Write the result of a run of that day; nothing else is read."""
    at = f"2026-11-{day:02d}T21:00:00"
    result = make_result(judgement, run_id=f"run{day}", started_at_utc=f"{at}.000000Z", **changes)
    folder = reports / f"{at.replace('-', '').replace(':', '')}Z-{result.profile_name}-run{day}"
    folder.mkdir(parents=True)
    (folder / files.RESULT).write_bytes(to_json(result))
    return folder


def read(reports: Path, **asked):
    return read_trend(reports, list_runs(reports, clock=ManualClock(0)), **asked)


def as_json(**changes):
    return json.loads(to_json(make_result(**changes)))


def test_runs_are_grouped_and_the_newest_is_last(reports):
    """By profile and device class; the folder's order does not matter."""
    for day in (3, 1, 2):
        write(reports, day)
    write(reports, 4, device_class="arm64-cpu")
    write(reports, 5, profile_name="other")
    found = read(reports)
    assert [(group.profile_name, group.device_class, len(group.runs)) for group in found.groups] == [
        ("other", "x86-cpu", 1),
        ("weld-station", "arm64-cpu", 1),
        ("weld-station", "x86-cpu", 3),
    ]
    assert [run.run_id for run in found.groups[2].runs] == ["run1", "run2", "run3"]


def test_the_numbers_are_those_of_the_result(reports):
    """p99 with bounds and limit, the closest margin, throttled minutes, drops, start in UTC seconds."""
    judgement = make_judgement(
        p99_ms=20.0,
        measured={"frames_dropped": 3.0, "drop_pct": 3 / 180},
        throttle_windows=(make_window(0.0, 90.0),),
    )
    write(reports, 1, judgement=judgement)
    ((run,),) = [group.runs for group in read(reports).groups]
    assert (run.p99_ms, run.p99_lower_ms, run.p99_upper_ms, run.p99_limit_ms) == (20.0, 19.0, 21.0, 45.0)
    assert (run.closest_check, run.closest_margin_pct) == ("latency.p99_max_ms", 100 * 25 / 45)
    assert (run.throttled_min, run.n_dropped) == (1.5, 3)
    assert run.started_s == 1793566800.0


def test_a_change_is_told_where_it_happened(reports):
    """Model and version from the second run on; nothing at the third; a shorter run is no change."""
    write(reports, 1)
    write(reports, 2, model_bundle_sha256="ff" * 32, hilrig_version="0.2.0")
    shorter = make_judgement(measured={"duration_min": 1.0, "frames_offered": 1800.0})
    write(reports, 3, model_bundle_sha256="ff" * 32, hilrig_version="0.2.0", judgement=shorter)
    (group,) = read(reports).groups
    (change,) = group.changes
    assert change.name == group.runs[1].name
    assert change.texts == ("model a1b2c3d4..d4 -> ffffffff..ff", "hilrig 0.1.0 -> 0.2.0")


def test_filters_choose_runs(reports):
    """By the profile's name, by the device class, by both."""
    write(reports, 1)
    write(reports, 2, device_class="arm64-cpu")
    write(reports, 3, profile_name="other")
    assert sum(len(group.runs) for group in read(reports, profile_name="weld-station").groups) == 2
    assert sum(len(group.runs) for group in read(reports, device_class="x86-cpu").groups) == 2
    (group,) = read(reports, profile_name="weld-station", device_class="arm64-cpu").groups
    assert group.runs[0].run_id == "run2"
    assert read(reports, profile_name="nobody").groups == ()


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b"{}",
        b'{"judgement": {"status": "PASS"}}',
        b'{"judgement": {"status": "PASS", "measurements": 3}}',
        b"[" * 100_000,
    ],
)
def test_a_damaged_result_is_listed_and_the_others_are_read(reports, text):
    """One broken file among two sound ones: told, with a reason, never passed over."""
    write(reports, 1)
    (write(reports, 2) / files.RESULT).write_bytes(text)
    write(reports, 3)
    found = read(reports)
    assert [run.run_id for run in found.groups[0].runs] == ["run1", "run3"]
    (unreadable,) = found.unreadable
    assert unreadable.name.endswith("run2")
    assert unreadable.reason


def test_an_unfinished_run_is_counted(reports):
    """A folder without a result stands in no chart."""
    write(reports, 1)
    (reports / "20261102T210000Z-weld-station-run2").mkdir()
    assert read(reports).n_unfinished == 1
    assert read(reports, profile_name="other").n_unfinished == 0


def test_an_infinite_p99_is_no_number_and_no_zero():
    """Dropped frames made it infinite: the word is kept."""
    check = make_check(None, status=CheckStatus.FAIL, margin_pct=None)
    result = as_json(judgement=make_judgement(status=RunStatus.FAIL, checks=(check,)))
    run = trend_run(result, name="x", report="")
    assert (run.p99_ms, run.p99_text, run.closest_margin_pct) == (None, "infinite", None)


def test_without_a_limit_on_p99_the_p99_of_all_frames_is_shown():
    """Undecided frames count as infinite in it too."""
    run = trend_run(as_json(judgement=make_judgement(p99_ms=33.0, checks=())), name="x", report="")
    assert (run.p99_ms, run.p99_limit_ms, run.closest_check) == (33.0, None, "")


def test_a_rig_that_cannot_tell_has_no_throttled_minutes():
    """None and a reason; 0 where it was counted."""
    silent = make_judgement(measured={"thermal_throttle_events": None})
    run = trend_run(as_json(judgement=silent), name="x", report="")
    assert (run.throttled_min, run.throttled_text) == (None, "no sensor")
    assert trend_run(as_json(), name="x", report="").throttled_min == 0.0


def test_an_unmeasured_limit_is_never_the_closest():
    """Nor is the measured time, which is inside by nothing in every complete run."""
    checks = (
        make_check(20.0),
        make_check(1.0, check_id="a", status=CheckStatus.NOT_MEASURED, margin_pct=-99.0),
        make_check(10.0, check_id="b", metric="duration_min", margin_pct=0.0),
    )
    run = trend_run(as_json(judgement=make_judgement(checks=checks)), name="x", report="")
    assert run.closest_check == "latency.p99_max_ms"


def test_the_conditions_are_those_of_the_whole_result():
    """Picked from JSON or read as a noun: the same."""
    assert trend_conditions(as_json()) == conditions_of_result(make_result())


@pytest.mark.parametrize(
    "at", ["", "yesterday", "2026-11-20T21:00:04", "2026-11-20 21:00 +99:00", "0001-01-01T00:00:00+14:00"]
)
def test_a_start_that_is_no_moment_is_refused(at):
    """A run without a place on the axis is not put somewhere."""
    with pytest.raises(RecordError, match="started_at_utc"):
        trend_run(as_json(started_at_utc=at), name="x", report="")


@pytest.mark.parametrize("value", [math.nan, math.inf, True, "20", [], {}])
def test_a_number_that_is_none_is_refused(value):
    """Python's JSON reads NaN and Infinity; no chart may."""
    result = as_json()
    result["judgement"]["checks"][0]["observed"] = value
    with pytest.raises(RecordError, match="observed"):
        trend_run(result, name="x", report="")


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_no_field_can_break_the_reading(data):
    """Any field replaced by any JSON: a run, or an error that says what was wrong, never another exception."""
    result = as_json()
    place = result
    for _ in range(data.draw(st.integers(1, 5))):
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from(keys))
        if not isinstance(place[key], dict | list) or not place[key]:
            break
        place = place[key] if data.draw(st.booleans()) else place
    if place:
        chosen = list(place) if isinstance(place, dict) else list(range(len(place)))
        place[data.draw(st.sampled_from(chosen))] = data.draw(JSON)
    with suppress(RecordError):
        to_json((trend_run(result, name="x", report=""), trend_conditions(result)))


def test_texts_that_no_file_can_hold_are_mended(reports):
    """Half of a surrogate pair in a JSON escape: the page and the JSON can still be written."""
    path = write(reports, 1) / files.RESULT
    path.write_bytes(path.read_bytes().replace(b"All limits hold.", b"\\ud800 hold."))
    found = read(reports)
    assert found.groups[0].runs[0].sentence == "? hold."
    assert to_json(found)


def test_a_hundred_runs_are_read_in_seconds(reports):
    """Results of 300 kB, as of eight hours. 3 s of CPU time are ten times what it takes."""
    padding = make_judgement(sentence="x" * 300_000)
    text = to_json(make_result(padding))
    for number in range(100):
        folder = reports / f"20261101T{number:06d}Z-weld-station-{number}"
        folder.mkdir(parents=True)
        (folder / files.RESULT).write_bytes(text)
    began_s = time.process_time()
    found = read(reports)
    assert time.process_time() - began_s < 3
    assert len(found.groups[0].runs) == 100
