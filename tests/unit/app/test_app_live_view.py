"""hilrig.app.live.view: one look at a run directory."""

import json

import pytest

from hilrig.app.live.view import look, newest_running
from hilrig.config.noun_json import to_json
from hilrig.core.clock import ManualClock, SystemClock
from hilrig.core.errors import RecordError, UsageError
from hilrig.core.live import LiveState, Standing
from hilrig.core.verdict import RunStatus
from live_runs import STATUS, gone_pid, write_live, write_result

S = 1_000_000_000
CLOCK = ManualClock(1000 * S)


def look_at(folder, *, later_s=0.0):
    return look(folder, clock=ManualClock(CLOCK.now_ns + round(later_s * S)))


def if_stopped(tmp_path, **said):
    return look_at(write_live(tmp_path / "run", clock=CLOCK, **said)).if_stopped_now


def test_a_look_has_what_the_run_says_and_what_it_was_asked(tmp_path):
    """Numbers from status.json, identity from plan.json, free space from the disk."""
    run = look_at(write_live(tmp_path / "run", clock=CLOCK))
    assert (run.state, run.phase, run.heartbeat_age_s) == (LiveState.RUNNING, "measure", 0)
    assert (run.operator, run.note, run.warnings) == ("Ada", "night shift", ("mind the step",))
    assert (run.elapsed_s, run.total_s, run.eta_s, run.fps) == (31, 61, 30, 30)
    assert (run.now_p99_ms, run.whole_p99_ms, run.whole_max_ms) == (13, 13.1, 40)
    assert (run.n_frames, run.n_offered, run.n_dropped) == (1830, 915, 3)
    assert run.disk_needed_mib == 50
    assert run.disk_free_mib > 0
    assert run.status is run.exit_code is None


def test_the_sensor_nearest_to_its_limit_comes_first(tmp_path):
    """26 C below a known limit matter more than a hotter sensor without one."""
    first, second = look_at(write_live(tmp_path / "run", clock=CLOCK)).temperatures
    assert (first.name, first.margin_cel) == ("gpu0", 26)
    assert (second.name, second.margin_cel) == ("cpu", None)


@pytest.mark.parametrize(
    ("phase", "later_s", "state"),
    [
        ("measure", 5, LiveState.RUNNING),
        ("measure", 5.1, LiveState.STALE),
        ("self-test", 6, LiveState.STALE),
        ("drain", 6, LiveState.STALE),
        ("judging", 300, LiveState.RUNNING),
        ("done", 300, LiveState.RUNNING),
    ],
)
def test_silence_of_five_seconds_is_stale_where_a_sign_was_due(tmp_path, phase, later_s, state):
    """While the verdict is made nobody writes the status."""
    run = look_at(write_live(tmp_path / "run", clock=CLOCK, phase=phase), later_s=later_s)
    assert (run.state, run.heartbeat_age_s) == (state, later_s)


def test_a_run_whose_process_is_gone_is_lost(tmp_path):
    """At once, however young its last sign of life is."""
    assert look_at(write_live(tmp_path / "run", clock=CLOCK, pid=gone_pid())).state is LiveState.LOST


def test_a_run_of_another_boot_is_lost_and_its_silence_has_no_length(tmp_path):
    """After a power cut in the night the clock began anew."""
    folder = write_live(tmp_path / "run", clock=CLOCK)
    status = json.loads((folder / "status.json").read_bytes()) | {"boot_id": "another"}
    (folder / "status.json").write_text(json.dumps(status))
    run = look_at(folder)
    assert (run.state, run.heartbeat_age_s) == (LiveState.LOST, None)


def test_a_run_without_a_status_is_lost(tmp_path):
    """Its process went before the first sign of life."""
    folder = write_live(tmp_path / "run", clock=CLOCK)
    (folder / "status.json").unlink()
    run = look_at(folder)
    assert run.state is LiveState.LOST
    assert run.n_offered is None


def test_a_finished_run_shows_its_verdict(tmp_path):
    """The checks take the place of the limits so far, whatever became of the process."""
    folder = write_live(tmp_path / "run", clock=CLOCK, phase="judging", pid=gone_pid())
    write_result(folder)
    run = look_at(folder, later_s=1000)
    assert (run.state, run.phase) == (LiveState.FINISHED, "done")
    assert (run.status, run.exit_code) == (RunStatus.FAIL, 10)
    assert run.sentence == "Latency p99: 51 ms, over the limit of 45 ms."
    assert (run.limits[0].standing, run.limits[0].whole) == (Standing.BROKEN, 51)
    assert run.whole_p99_ms == 51
    assert run.if_stopped_now == ""


@pytest.mark.parametrize("junk", [{}, {"judgement": 3}, {"judgement": {"measurements": [], "checks": [{}]}}])
def test_a_result_of_somebody_else_is_refused(tmp_path, junk):
    """What was not written by hilrig is named, not shown."""
    folder = write_live(tmp_path / "run", clock=CLOCK)
    (folder / "result.json").write_text(json.dumps(junk))
    with pytest.raises(RecordError, match="result.json"):
        look_at(folder)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({}, "INCONCLUSIVE: 0.5 of 1.0 min measured"),
        ({"certain_failure": "Too late."}, "FAIL for certain: Too late."),
        ({"profile_s": 30.0}, "long enough; every limit that is known by now holds so far"),
        ({"profile_s": 28800.0}, "INCONCLUSIVE: 0 of 480 min measured"),
        ({"phase": "self-test"}, "nothing is recorded yet: the run would leave no report"),
        ({"phase": "drain"}, "it has ended, the verdict is on its way"),
        (
            {"measured": STATUS["measured"] | {"n_over_limit": {"latency.p99_max_ms": 10}, "p99_ms": 50.0}},
            "INCONCLUSIVE or FAIL: 0.5 of 1.0 min measured; over its limit so far: latency p99 50 ms, limit 45 ms",
        ),
    ],
)
def test_what_a_stop_would_lead_to(tmp_path, said, words):
    """Certain, open, or over so far."""
    assert if_stopped(tmp_path, **said) == words


@pytest.mark.parametrize("profile_s", [1.0, 30.0, 60.0, 28800.0])
@pytest.mark.parametrize("phase", ["self-test", "loading", "warmup", "measure", "drain", "done", "judging"])
def test_a_live_view_never_promises_a_pass(tmp_path, phase, profile_s):
    """Only the whole record can pass."""
    assert "PASS" not in if_stopped(tmp_path, phase=phase, profile_s=profile_s)


def test_every_look_is_json(tmp_path):
    """No infinity and no NaN, whatever the target does."""
    measured = STATUS["measured"] | {"p99_ms": None, "n_over_limit": {"latency.p99_max_ms": 900}}
    folder = write_live(tmp_path / "run", clock=CLOCK, measured=measured, recent_p99_ms=None)
    assert json.loads(to_json(look_at(folder)))["run_id"]


def test_a_folder_without_a_plan_is_no_run(tmp_path):
    """The message names it and the next command."""
    with pytest.raises(RecordError, match="no run directory") as caught:
        look_at(tmp_path)
    assert caught.value.hint == "hilrig list"


def test_the_newest_run_that_goes_on_is_found(tmp_path):
    """Finished, lost and foreign folders are passed over."""
    clock = SystemClock()
    for name in ("20261121T010000Z-a-1", "20261121T020000Z-a-2", "20261121T030000Z-a-3"):
        write_live(tmp_path / name)
    write_live(tmp_path / "20261121T040000Z-a-4", pid=gone_pid())
    write_result(tmp_path / "20261121T030000Z-a-3")
    (tmp_path / "20261121T050000Z-a-5").mkdir()
    (tmp_path / "20261121T050000Z-a-5" / "status.json").write_text("{")
    assert newest_running(tmp_path, clock=clock).name == "20261121T020000Z-a-2"


def test_without_a_run_that_goes_on_the_next_command_is_told(tmp_path):
    """An empty folder and one that is not there are alike."""
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(UsageError, match="no run goes on") as caught:
            newest_running(folder, clock=CLOCK)
        assert "hilrig list" in caught.value.hint


def test_the_last_events_come_newest_first_and_in_words(tmp_path):
    """Clock readings and facts are left out; a torn line, a foreign one and escape sequences do no harm."""
    folder = write_live(tmp_path / "run", clock=CLOCK)
    events = [
        {"kind": "run_created", "at_utc": "2026-11-21T05:33:10.1Z", "detail": {}},
        {"kind": "phase", "at_utc": "2026-11-21T05:33:12.1Z", "detail": {"phase": "measure"}},
        {"kind": "clock", "at_utc": "2026-11-21T05:34:12.1Z", "detail": {}},
        {
            "kind": "child_lost",
            "at_utc": "2026-11-21T05:35:00.1Z",
            "detail": {"role": "worker", "how": "\x1b[2J!"},
        },
        {"kind": "child_lost", "at_utc": "2026-11-21T05:35:01.1Z", "detail": {}},
        ["kind"],
    ]
    (folder / "events.jsonl").write_text("\n".join(map(json.dumps, events)) + '\n{"kind": "pha')
    assert look_at(folder).events == (
        "05:35:00 the worker process was lost: [2J!",
        "05:33:12 measuring began",
        "05:33:10 started",
    )


def test_a_night_of_events_costs_no_more_than_their_end(tmp_path):
    """Megabytes of them: the last ones are shown."""
    folder = write_live(tmp_path / "run", clock=CLOCK)
    line = json.dumps({"kind": "clock", "at_utc": "2026-11-21T05:34:12.1Z", "detail": {"pad": "x" * 500}})
    last = json.dumps({"kind": "phase", "at_utc": "2026-11-21T05:40:12.1Z", "detail": {"phase": "drain"}})
    (folder / "events.jsonl").write_text("\n".join([line] * 5000 + [last, ""]))
    assert look_at(folder).events == ("05:40:12 no more frames are offered",)


def test_links_in_a_run_directory_are_not_followed(tmp_path):
    """A status that leads elsewhere is refused, events that do are not shown."""
    folder = write_live(tmp_path / "run", clock=CLOCK)
    (folder / "events.jsonl").symlink_to("/etc/passwd")
    assert look_at(folder).events == ()
    (folder / "status.json").rename(tmp_path / "elsewhere.json")
    (folder / "status.json").symlink_to(tmp_path / "elsewhere.json")
    with pytest.raises(RecordError, match="link"):
        look_at(folder)
