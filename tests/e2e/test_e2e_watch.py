"""`hilrig watch` and `hilrig stop`, on a terminal and without one."""

import json
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from going_on import measuring, on_terminal, result_of, status_of, wait_for
from terminals import Terminal

pytestmark = [
    pytest.mark.waiting,
    pytest.mark.long,
]  # short: test_app_live_view, test_app_stop


@dataclass(frozen=True)
class Orphan:
    """A run whose front was killed, watched to its end on a terminal of 60 columns and without one."""

    run_dir: Path
    view: Terminal
    view_code: int
    watched: subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def orphan(new_bench):
    """Return a run that lost its front and was watched to its end."""
    bench = new_bench("orphan")
    with on_terminal(bench, "run", bench.station(duration_s=8)) as front:
        wait_for(lambda: list(bench.reports.glob("*/status.json")))
        with on_terminal(bench, "watch", columns=60) as view:
            run_dir = measuring(bench)
            os.kill(front.pid, signal.SIGKILL)
            front.wait()
            plain = bench.start("watch")
            view.read_until("MEASURING")
            view.read_until("latency p99")
            view_code = view.wait()
    out, err = plain.communicate(timeout=60)
    watched = subprocess.CompletedProcess(plain.args, plain.returncode, out, err)
    return Orphan(run_dir, view, view_code, watched)


@pytest.fixture(scope="module")
def long_bench(new_bench):
    """Return the bench of the run that the tests below look at; end it."""
    bench = new_bench("long")
    yield bench
    for run_dir in bench.run_dirs():
        if not (run_dir / "result.json").exists():
            bench.call("stop", str(run_dir), "--no-wait")
            wait_for((run_dir / "result.json").exists)


@pytest.fixture
def going_on(long_bench):
    """Return the bench and the directory of a run that goes on; the tests share one until one of them ends it."""
    ended = [(run_dir / "result.json").exists() for run_dir in long_bench.run_dirs()]
    if all(ended):
        called = long_bench.call("run", long_bench.station(duration_s=300), "--detach")
        assert called.code == 0, called
    return long_bench, measuring(long_bench)


def test_a_killed_front_on_a_terminal_does_not_end_the_run(orphan):
    """A run goes on after kill -9 of what shows it; `watch` finds it and ends with its verdict."""
    result = result_of(orphan.run_dir)
    assert result["ended"] == "completed"
    assert orphan.watched.returncode == result["exit_code"], orphan.watched
    assert result["judgement"]["sentence"] in orphan.watched.stdout


def test_watch_on_a_terminal_ends_with_the_run_and_its_exit_code(orphan):
    """A screen that is redrawn, then the verdict as `run` prints it; 60 columns are enough."""
    view = orphan.view
    assert orphan.view_code == result_of(orphan.run_dir)["exit_code"], view.plain
    assert "report.html" in view.plain.replace("\r\n", "")
    assert "\x1b[3" not in view.shown  # NO_COLOR
    assert max(map(len, view.plain.splitlines()[:10])) <= 60


def test_ctrl_c_ends_the_view_only(going_on):
    """It says that the run goes on, and how to come back and how to stop it."""
    bench, run_dir = going_on
    with on_terminal(bench, "watch") as view:
        view.read_until("MEASURING")
        view.type("\x03")
        assert view.wait() == 0
    assert "the run goes on" in view.plain
    assert f"hilrig stop {run_dir.relative_to(bench.folder)}" in view.plain
    assert not (run_dir / "result.json").exists()


def test_one_look_in_words_and_as_json(going_on):
    """--once does not wait; --json has everything that a view is made of, what is unknown as null."""
    bench, run_dir = going_on
    once = bench.call("watch", "--once")
    assert once.code == 0, once
    assert "MEASURING" in once.out
    seen = json.loads(bench.call("watch", "--once", "--json", str(run_dir)).out)
    assert (seen["state"], seen["run_dir"]) == ("running", str(run_dir))
    assert seen["n_offered"] > 0
    assert seen["exit_code"] is seen["status"] is None
    assert {limit["standing"] for limit in seen["limits"]} <= {"within", "broken", "unknown"}


def test_a_stopped_supervisor_is_stale_in_capitals(going_on):
    """Five seconds without a sign of life are shown, and so is that it came back."""
    bench, run_dir = going_on
    pid = status_of(run_dir)["pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        with on_terminal(bench, "watch") as view:
            view.read_until("!!!!! STALE: no sign of life")
    finally:
        os.kill(pid, signal.SIGCONT)
    wait_for(lambda: "STALE" not in bench.call("watch", "--once").out)


def test_a_stop_ends_the_run_in_order_and_says_who_and_why(going_on):
    """From another terminal, with a reason full of markup: it stands in the signed result as one line."""
    bench, run_dir = going_on
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
    profile.write_text(profile.read_text().replace("self_test_s: 0.2", "self_test_s: 60"))
    bench.call("run", station, "--detach")
    assert status_of(bench.run_dirs()[0])["phase"] == "self-test"
    begin_s = time.monotonic()
    stopped = bench.call("stop", "--reason", "wrong station")
    assert stopped.code == 0, stopped
    assert "left nothing" in stopped.out
    assert bench.run_dirs() == []
    assert time.monotonic() - begin_s < 50


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
    """A look a second uses less than 10 ms of processor time, the best mean of four: under 1 % of a core."""
    from hilrig.app.live.view import look
    from hilrig.cli.watch_screen import screen
    from hilrig.core.clock import SystemClock

    _, _, run_dir = finished
    look(run_dir, clock=SystemClock())
    costs_s = []
    for _ in range(4):
        begin_s = time.process_time()
        for _ in range(25):
            screen(look(run_dir, clock=SystemClock()), width=100)
        costs_s.append((time.process_time() - begin_s) / 25)
    assert min(costs_s) < 0.01
