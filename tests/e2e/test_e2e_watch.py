"""`hilrig watch` and `hilrig stop`, on a terminal and without one."""

import json
import os
import signal
import time
from contextlib import contextmanager

import pytest

from going_on import measuring, on_terminal, result_of, status_of, wait_for


@contextmanager
def long_run(bench, **changes):
    """Give the directory of a run of a minute; end it."""
    called = bench.call("run", bench.station(duration_s=60, **changes), "--detach")
    assert called.code == 0, called
    run_dir = measuring(bench)
    try:
        yield run_dir
    finally:
        if not (run_dir / "result.json").exists():
            bench.call("stop", str(run_dir), "--no-wait")
            wait_for((run_dir / "result.json").exists)


def test_watch_on_a_terminal_ends_with_the_run_and_its_exit_code(bench):
    """A screen that is redrawn, then the verdict as `run` prints it; 60 columns are enough."""
    bench.call("run", bench.station(duration_s=5), "--detach")
    with on_terminal(bench, "watch", columns=60) as view:
        view.read_until("MEASURING")
        view.read_until("latency p99")
        code = view.wait()
    result = result_of(bench.run_dirs()[0])
    assert code == result["exit_code"], view.plain
    assert "report.html" in view.plain.replace("\r\n", "")
    assert "\x1b[3" not in view.shown  # NO_COLOR
    assert max(map(len, view.plain.splitlines()[:10])) <= 60


def test_ctrl_c_ends_the_view_only(bench):
    """It says that the run goes on, and how to come back and how to stop it."""
    with long_run(bench) as run_dir, on_terminal(bench, "watch") as view:
        view.read_until("MEASURING")
        view.type("\x03")
        assert view.wait() == 0
        assert "the run goes on" in view.plain
        assert f"hilrig stop {run_dir.relative_to(bench.folder)}" in view.plain
        assert not (run_dir / "result.json").exists()


def test_a_stopped_supervisor_is_stale_in_capitals(bench):
    """Five seconds without a sign of life are shown, and so is that it came back."""
    with long_run(bench) as run_dir:
        pid = status_of(run_dir)["pid"]
        os.kill(pid, signal.SIGSTOP)
        try:
            with on_terminal(bench, "watch") as view:
                view.read_until("!!!!! STALE: no sign of life")
        finally:
            os.kill(pid, signal.SIGCONT)
        wait_for(lambda: "STALE" not in bench.call("watch", "--once").out)


def test_one_look_in_words_and_as_json(bench):
    """--once does not wait; --json has everything that a view is made of, what is unknown as null."""
    with long_run(bench) as run_dir:
        once = bench.call("watch", "--once")
        assert once.code == 0, once
        assert "MEASURING" in once.out
        seen = json.loads(bench.call("watch", "--once", "--json", str(run_dir)).out)
    assert (seen["state"], seen["run_dir"]) == ("running", str(run_dir))
    assert seen["n_offered"] > 0
    assert seen["exit_code"] is seen["status"] is None
    assert {limit["standing"] for limit in seen["limits"]} <= {"within", "broken", "unknown"}


def test_a_stop_ends_the_run_in_order_and_says_who_and_why(bench):
    """From another terminal, with a reason full of markup: it stands in the signed result as one line."""
    with long_run(bench) as run_dir:
        stopped = bench.call("stop", "--operator", "Ada", "--reason", "the belt\nstands </script>")
    assert stopped.code == 0, stopped
    result = result_of(run_dir)
    assert (result["ended"], result["exit_code"]) == ("aborted", 12)
    assert result["ended_reason"] == "stopped by Ada: the belt stands </script>"
    assert result["judgement"]["sentence"] in stopped.out
    assert "stop.json" in result["files"]
    assert "stopped by Ada" in (run_dir / "events.jsonl").read_text()
    assert bench.call("verify", str(run_dir)).code == 12
    again = bench.call("stop", str(run_dir))
    assert again.code == 2, again
    assert "hilrig verify" in again.err


def test_a_stop_reaches_the_self_test(bench):
    """Before the first frame there is nothing to judge: the directory goes, and that is said."""
    station = bench.station(duration_s=60)
    profile = bench.folder / station / "profile.yaml"
    profile.write_text(profile.read_text().replace("self_test_s: 0.2", "self_test_s: 30"))
    bench.call("run", station, "--detach")
    assert status_of(bench.run_dirs()[0])["phase"] == "self-test"
    begin_s = time.monotonic()
    stopped = bench.call("stop", "--reason", "wrong station")
    assert stopped.code == 0, stopped
    assert "left nothing" in stopped.out
    assert bench.run_dirs() == []
    assert time.monotonic() - begin_s < 25


@pytest.mark.parametrize("command", ["watch", "stop"])
def test_without_a_run_the_next_command_is_told(bench, command):
    """Nothing goes on: exit code 2 and where to look."""
    called = bench.call(command)
    assert called.code == 2, called
    assert "hilrig list" in called.err


def test_a_finished_run_is_shown_at_once(finished):
    """`watch` on it prints the verdict and exits with its code."""
    bench, called, run_dir = finished
    watched = bench.call("watch", str(run_dir))
    assert watched.code == called.code
    assert result_of(run_dir)["judgement"]["sentence"] in watched.out


def test_watching_costs_the_rig_next_to_nothing(finished):
    """A hundred looks of a second each must stay below a second of processor time: under 1 % of a core."""
    from hilrig.app.live_view import look
    from hilrig.cli.watch_screen import screen
    from hilrig.core.clock import SystemClock

    _, _, run_dir = finished
    look(run_dir, clock=SystemClock())
    begin_s = time.process_time()
    for _ in range(100):
        screen(look(run_dir, clock=SystemClock()), width=100)
    assert time.process_time() - begin_s < 1.0
