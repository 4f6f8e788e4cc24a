import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from hilrig.core.telemetry import Reason
from hilrig.sampler import line_process
from hilrig.sampler.line_process import LINE_BYTES_MAX, LineProcess, Program
from printing_processes import PushedClock, children, is_gone, printing, until, write_program


def program(path):
    return Program(command=(str(path),), title=str(path), advice="ask somebody")


@pytest.fixture
def clock():
    return PushedClock()


@pytest.fixture
def start(tmp_path, clock):
    """Start a shell script as a line process; a FIFO `say` lets the test decide what it prints when."""
    started = []

    def start_body(body):
        process = LineProcess(program(write_program(tmp_path / "program", body)), clock=clock)
        process.start()
        started.append(process)
        return process

    yield start_body
    for process in started:
        process.close()


@pytest.fixture
def echo(tmp_path, start):
    """Return a process that prints what it is told to, and a function that tells it."""
    os.mkfifo(tmp_path / "say")
    process = start(f"exec cat {tmp_path / 'say'}")
    with (tmp_path / "say").open("wb", buffering=0) as fifo:
        yield process, fifo.write


def next_line(process):
    return until(lambda: (process.wait(0.05), process.take())[1])


def test_a_line_is_taken_once(start):
    """A line is returned by one call, the calls before and after return None."""
    process = start(printing("one"))
    assert next_line(process) == b"one"
    assert process.take() is None
    assert process.fault() is None


def test_the_newest_of_several_lines_is_taken(start):
    """Of lines that came together the last complete one counts."""
    process = start("printf 'one\\ntwo\\nthr'; exec sleep 600")
    assert next_line(process) == b"two"


def test_a_line_in_pieces_is_put_together(echo):
    """A line is complete with its end, however it was written."""
    process, tell = echo
    tell(b"half ")
    process.wait(5)
    assert process.take() is None
    tell(b"and half\nrest")
    assert next_line(process) == b"half and half"


def test_before_the_first_line_it_is_stale(start):
    """A process that has printed nothing yet is not dead, and gives nothing."""
    process = start("exec sleep 600")
    assert process.take() is None
    assert process.fault().reason is Reason.STALE
    assert "no line yet" in process.fault().detail


def test_a_line_goes_stale_after_two_and_a_half_intervals(start, clock):
    """The age of a line counts from the look before the one that found it."""
    process = start(printing("one"))
    next_line(process)
    clock.push(2.0)
    assert process.fault() is None
    clock.push(0.6)
    assert process.fault().reason is Reason.STALE
    assert "2500 ms" in process.fault().detail


def test_a_line_found_late_is_stale(echo, clock):
    """Nobody knows when in a long time without a look a line was printed: it doesn't count as new."""
    process, tell = echo
    process.take()
    tell(b"old\n")
    clock.push(60.0)
    assert next_line(process) == b"old"
    assert process.fault().reason is Reason.STALE


def test_the_first_line_after_a_late_look_is_dropped(echo, clock):
    """It may have waited for room in a full pipe; the one after it is new."""
    process, tell = echo
    clock.push(60.0)
    process.take()
    tell(b"waited\n")
    process.wait(5)
    assert process.take() is None
    tell(b"new\n")
    assert next_line(process) == b"new"
    assert process.fault() is None


def test_a_death_is_lost_and_leaves_no_zombie(start):
    """A process that ended is LOST with its exit status, at once, however new its last line is."""
    process = start(printing("last words", then="exit 7"))
    assert next_line(process) == b"last words"
    until(lambda: process.fault() is not None and process.fault().reason is Reason.LOST)
    assert "exit status 7" in until(lambda: (process.take(), process.fault().detail)[1])
    assert not children()


def test_a_killed_process_says_by_which_signal(start):
    """The detail tells a crash from an exit."""
    process = start("kill -9 $$")
    until(lambda: process.fault().reason is Reason.LOST)
    assert "signal 9" in process.fault().detail


def test_a_closed_output_is_lost(start):
    """A process that lives but can say nothing any more is LOST, and is ended by close."""
    process = start("exec >&-; exec sleep 600")
    until(lambda: (process.take(), process.fault().reason is Reason.LOST)[1])
    assert "closed its output" in process.fault().detail


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: None, Reason.ABSENT),
        (lambda path: path.write_text("#!/bin/sh\n"), Reason.NO_PERMISSION),
        (lambda path: (path.write_text("no program"), path.chmod(0o755)), Reason.ERROR),
    ],
)
def test_what_cannot_be_started_has_a_reason(tmp_path, clock, make, reason):
    """A missing, a forbidden and an impossible program are told apart; the detail names the program."""
    make(tmp_path / "program")
    process = LineProcess(program(tmp_path / "program"), clock=clock)
    process.start()
    process.wait(1)
    assert process.take() is None
    assert process.fault().reason is reason
    assert str(tmp_path / "program") in process.fault().detail
    assert "ask somebody" in process.fault().detail
    process.close()


def test_a_flood_stays_bounded(start):
    """A process that never stops printing costs neither memory nor more than a few chunks a call."""
    process = start("exec yes xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx")
    next_line(process)
    begin_s = time.thread_time()
    for _ in range(50):
        process.take()
    assert time.thread_time() - begin_s < 50 * 0.01
    assert len(process._pending) <= LINE_BYTES_MAX + 1


def test_a_line_without_end_stays_bounded_and_is_no_line(start):
    """What exceeds a line's length is dropped; its end does not pass for a line of its own."""
    process = start("head -c 300000 /dev/zero | tr '\\0' x; printf ' tail\\nnext\\n'; exec sleep 600")
    found = []
    until(lambda: (process.wait(0.05), found.append(process.take()), found[-1] == b"next")[2])
    assert not [line for line in found if line not in {None, b"", b"next"}]
    assert len(process._pending) <= LINE_BYTES_MAX + 1


def test_a_line_of_the_length_allowed_is_whole(echo):
    """The bound itself is still a line, one byte more is an empty one."""
    process, tell = echo
    tell(b"x" * LINE_BYTES_MAX + b"\n")
    assert len(next_line(process)) == LINE_BYTES_MAX
    tell(b"x" * (LINE_BYTES_MAX + 1) + b"\n")
    assert until(lambda: (process.wait(0.05), process.take() == b"")[1])


def test_taking_never_waits(start):
    """A call costs microseconds while nothing comes: the median of many stays under 100."""
    process = start(printing("one"))
    next_line(process)
    costs_ns = []
    for _ in range(200):
        begin_ns = time.perf_counter_ns()
        process.take()
        process.fault()
        costs_ns.append(time.perf_counter_ns() - begin_ns)
    assert sorted(costs_ns)[100] < 100_000


def test_close_ends_the_process_and_its_children(start, tmp_path):
    """What the program started in its turn ends too; nothing is left, not even a zombie."""
    process = start(f"sleep 600 & echo $! > {tmp_path}/pid; echo up; wait")
    next_line(process)
    grandchild = int((tmp_path / "pid").read_text())
    process.close()
    until(lambda: is_gone(grandchild))
    assert not children()
    assert process.fault().reason is Reason.LOST
    assert process.take() is None
    process.close()


def test_close_ends_a_process_that_does_not_want_to(start, monkeypatch):
    """SIGTERM first; who ignores it is killed."""
    monkeypatch.setattr(line_process, "_END_GRACE_S", 0.05)  # the default only costs time here
    process = start("trap '' TERM; echo up; while :; do sleep 600; done")
    next_line(process)
    process.close()
    assert not children()


def test_the_target_goes_first(start):
    """The process is nicer than the one that started it."""
    process = start("nice")
    assert int(next_line(process)) == min(os.nice(0) + 10, 19)  # nobody is nicer than 19


def test_no_thread_is_used(start):
    """Everything happens in the caller's thread."""
    before = threading.active_count()
    process = start(printing("one"))
    next_line(process)
    assert threading.active_count() == before


def test_standard_error_is_thrown_away(start, capfd):
    """What the program complains of does not mix into our output."""
    process = start("echo noise >&2; " + printing("one"))
    next_line(process)
    assert capfd.readouterr().err == ""


def test_it_dies_with_its_parent(tmp_path):
    """When the process that started it is killed, it ends too."""
    code = (
        "from hilrig.core.clock import SystemClock\nfrom hilrig.sampler.line_process import LineProcess, Program\n"
        "program = Program(command=('/bin/sleep', '600'), title='sleep', advice='')\n"
        "process = LineProcess(program, clock=SystemClock())\nprocess.start()\n"
        "print(process._process.pid, flush=True)\ninput()"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=tmp_path
    )
    child = int(parent.stdout.readline())
    assert Path(f"/proc/{child}").exists()
    parent.send_signal(signal.SIGKILL)
    parent.communicate()
    until(lambda: has_ended(child))


def has_ended(pid: int) -> bool:
    """Return whether a process is gone, or a zombie that nobody waits for in this container."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
