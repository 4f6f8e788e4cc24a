"""Runs that outlive what started them, and runs that do not."""

import json
import os
import signal
import time

import pytest

from going_on import measuring, on_terminal, result_of, status_of

pytestmark = pytest.mark.waiting  # the same outcome however long it takes: no timing is judged


@pytest.mark.long  # short: test_detach_prints_the_directory_and_leaves_the_run
def test_a_closed_terminal_does_not_end_the_run(bench):
    """The window is closed in the middle: the run goes on to its end, is judged, signed and verified."""
    with on_terminal(bench, "run", bench.station(duration_s=1), "--operator", "Ada", "--note", "night") as front:
        run_dir = measuring(bench)
        assert front.hang_up() == -signal.SIGHUP
    result = result_of(run_dir)
    assert result["ended"] == "completed"
    assert (result["operator"], result["note"]) == ("Ada", "night")
    assert bench.call("verify", str(run_dir)).code == result["exit_code"]


@pytest.mark.long  # short: test_e2e_run
def test_ctrl_c_on_a_terminal_still_ends_the_run_in_order(bench):
    """It is the operator who speaks: what was recorded is judged."""
    with on_terminal(bench, "run", bench.station(duration_s=60)) as front:
        run_dir = measuring(bench)
        front.type("\x03")
        assert front.wait() == 12, front.plain
    assert result_of(run_dir)["ended"] == "aborted"


@pytest.mark.long  # short: test_e2e_run
def test_a_second_ctrl_c_kills(bench):
    """Nobody has to wait for a run that does not want to end: here its process is stopped and sees no signal."""
    with on_terminal(bench, "run", bench.station(duration_s=60)) as front:
        run_dir = measuring(bench)
        pid = status_of(run_dir)["pid"]
        os.kill(pid, signal.SIGSTOP)
        front.type("\x03")
        time.sleep(0.3)  # two signals at once would be one
        front.type("\x03")
        assert front.wait() == 21, front.plain
    assert not (run_dir / "result.json").exists()


@pytest.mark.long  # short: test_run_child
def test_without_a_terminal_a_dead_caller_ends_the_run(bench):
    """A cancelled CI job must not hold the rig for eight hours: its run ends in order."""
    process = bench.start("run", bench.station(duration_s=60))
    run_dir = measuring(bench)
    process.kill()
    process.communicate()
    assert result_of(run_dir)["ended"] == "aborted"


@pytest.mark.long  # short: test_run_child
def test_without_a_terminal_a_hangup_ends_the_run(bench):
    """As every other signal does."""
    process = bench.start("run", bench.station(duration_s=60))
    measuring(bench)
    process.send_signal(signal.SIGHUP)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 12, out + err


def test_detach_prints_the_directory_and_leaves_the_run(bench):
    """The call is over when the run has hardly begun; the run goes on without it and keeps the rig."""
    called = bench.call("run", bench.station(), "--detach", "--json")
    assert called.code == 0, called
    run_dir = bench.run_dirs()[0]
    assert json.loads(called.out) == {"run_dir": str(run_dir)}
    assert f"hilrig watch {run_dir.relative_to(bench.folder)}" in called.err
    assert not (run_dir / "result.json").exists()
    busy = bench.call("run", "station", "--detach")
    assert busy.code == 20, busy
    assert result_of(run_dir)["ended"] == "completed"


def test_a_refusal_is_told_before_detaching(bench):
    """A profile with a mistake: the exit code is that of a run that stays; a taken rig's is above."""
    (bench.folder / "broken").mkdir()
    (bench.folder / "broken" / "profile.yaml").write_text("format: 1\n")
    refused = bench.call("run", "broken", "--detach")
    assert refused.code == 2, refused
    assert "profile.yaml" in refused.err


@pytest.mark.parametrize("options", [("--search", "capacity"), ("--metrics-port", "9999")])
def test_what_needs_a_process_beside_the_run_cannot_be_detached(bench, options):
    """A search starts its runs one after the other, metrics are served by the front."""
    called = bench.call("run", bench.station(), "--detach", *options)
    assert called.code == 2, called
    assert bench.run_dirs() == []


def test_operator_and_note_have_a_length(bench):
    """They stand in a signed report: a pasted log does not belong there."""
    called = bench.call("run", bench.station(), "--note", "x" * 2001)
    assert called.code == 2, called
    assert "at most 2000" in called.err


@pytest.mark.long  # short: test_app_run
def test_a_detached_run_that_cannot_be_judged_leaves_its_last_words(bench):
    """A folder stands where the report belongs: run.log has the fault, and `watch` says its last line."""
    bench.call("run", bench.station(duration_s=0.5), "--detach")
    run_dir = bench.run_dirs()[0]
    (run_dir / "report.html").mkdir()
    watched = bench.call("watch", str(run_dir))
    assert watched.code == 21, watched
    assert "cannot be written" in watched.err
    assert "Traceback" in (run_dir / "run.log").read_text()
