"""What a technician can see and do."""

import json
import math
from importlib import resources
from pathlib import Path

import pytest

from hilrig.app.web.forms import StartForm, StopForm
from hilrig.app.web.station import INFINITE, TRAIL_LOOKS, Trail, as_json
from hilrig.cli.watch_screen import PHASES
from hilrig.core.errors import UsageError
from hilrig.core.live import LiveState, Standing
from web_pages import RUN, StationBench, live_run, write_finished, write_unfinished


@pytest.fixture
def bench(tmp_path):
    made = StationBench(tmp_path)
    yield made
    made.station.close()


def test_an_idle_rig_has_no_run(bench):
    """Nothing is made up."""
    state = bench.station.look()
    assert (state["live"], state["queue"], state["trail"], state["held_by"]) == (None, [], [], "")


def test_a_look_is_json(bench):
    """Whatever a run says, a browser can read it."""
    write_unfinished(bench.reports)
    state = json.loads(json.dumps(bench.station.look(), allow_nan=False))
    assert state["live"]["run_dir"] == RUN
    assert state["live"]["state"] == "running"


def test_a_run_that_is_queued_starts(bench):
    """With the words and the time of whoever asked, from the profile that they named."""
    bench.station.add(StartForm(profile="weld", duration_s=90.0, operator="Ada", note="n"))
    bench.station.begin()
    stream = bench.station.events()
    while json.loads(next(stream).removeprefix(b"data: "))["queue"]:
        pass
    stream.close()
    ((run, profile),) = bench.started
    assert (run.operator, run.note, run.duration_s, profile) == ("Ada", "n", 90.0, bench.profiles / "weld")


def test_an_unknown_profile_is_not_queued(bench):
    """It is told at once, not when its turn comes."""
    with pytest.raises(UsageError, match="no such profile"):
        bench.station.add(StartForm(profile="other", duration_s=None, operator="Ada", note=""))
    assert bench.station.look()["queue"] == []


def test_a_finished_run_is_not_stopped(bench):
    """The one that is meant has ended meanwhile."""
    write_finished(bench.reports)
    with pytest.raises(UsageError, match="has ended"):
        bench.station.stop(StopForm(run=RUN, operator="Ada", reason="smoke"))
    assert bench.stopped == []


def test_the_trail_holds_the_last_minutes_of_one_run():
    """Each look once, the next run from its own beginning."""
    trail = Trail()
    for second in range(TRAIL_LOOKS + 5):
        points = trail.with_look(live_run(Path(RUN), elapsed_s=float(second), now_p50_ms=2.0, now_p99_ms=None))
    assert len(points) == TRAIL_LOOKS
    assert points[-1] == (TRAIL_LOOKS + 4.0, 2.0, None)
    assert trail.with_look(live_run(Path(RUN), elapsed_s=float(TRAIL_LOOKS + 4), now_p50_ms=3.0)) == points
    other = live_run(Path("20261122T000000Z-weld-ffffffff"), elapsed_s=1.0, now_p50_ms=3.0)
    assert trail.with_look(other) == [(1.0, 3.0, None)]
    assert trail.with_look(None) == []


def test_what_is_not_known_stays_unknown():
    """None is null, infinity a word, NaN null: never 0."""
    value = {"a": None, "b": math.inf, "c": math.nan, "d": (1.5, Path("x/y")), "e": Standing.BROKEN}
    assert as_json(value) == {"a": None, "b": INFINITE, "c": None, "d": [1.5, "y"], "e": "broken"}


@pytest.mark.parametrize(
    "word", [*PHASES, *PHASES.values(), *(one.value for one in Standing), LiveState.STALE.value]
)
def test_the_page_knows_the_words_of_watch(word):
    """One run is called the same on the terminal and on the page."""
    script = (resources.files("hilrig.app.web") / "static" / "now.js").read_text()
    assert word in script


def test_the_page_writes_no_markup():
    """No text can become markup: none of the ways to it is used."""
    for script in (resources.files("hilrig.app.web") / "static").iterdir():
        text = script.read_text()
        for way in (
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            " style=",
            "onclick=",
        ):
            assert way not in text, (script.name, way)
