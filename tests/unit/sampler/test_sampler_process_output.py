"""The size of what a real process prints to."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hilrig.core.telemetry import Reason
from hilrig.sampler.process_output import OutputSource
from other_users import as_nobody

PRINTER = "import sys; [print(line, end='', flush=True) for line in sys.stdin]"


@pytest.fixture
def printing(tmp_path):
    """Start a process whose two streams go where the test says; end it afterwards."""
    started = []

    def start(**streams):
        process = subprocess.Popen([sys.executable, "-c", PRINTER], stdin=subprocess.PIPE, text=True, **streams)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


def say(process, text, path):
    process.stdin.write(text)
    process.stdin.flush()
    while path.stat().st_size == 0:
        assert process.poll() is None


def test_one_file_for_both_streams_counts_once(tmp_path, printing):
    """As run.log is: its size, not twice its size."""
    path = tmp_path / "run.log"
    with path.open("wb") as log:
        process = printing(stdout=log, stderr=log)
    source = OutputSource(Path("/"), process.pid)
    assert source.read() == (0,)
    say(process, "12345\n", path)
    assert source.read() == (6,)


def test_two_files_are_added_and_the_null_device_is_nothing(tmp_path, printing):
    """What goes nowhere fills no disk."""
    (tmp_path / "err").write_bytes(b"123")
    with (tmp_path / "out").open("wb") as out, (tmp_path / "err").open("ab") as err:
        both = printing(stdout=out, stderr=err)
        one = printing(stdout=subprocess.DEVNULL, stderr=err)
    root = Path("/")
    assert OutputSource(root, both.pid).read() == (3,)
    assert OutputSource(root, one.pid).read() == (3,)


def test_what_goes_into_a_pipe_is_not_known(tmp_path, printing):
    """Nobody counts there: a reason, never 0."""
    with (tmp_path / "err").open("wb") as err:
        process = printing(stdout=subprocess.PIPE, stderr=err)
    source = OutputSource(Path("/"), process.pid)
    assert source.read() == (Reason.OFFLINE,)
    assert source.detail() == "what the process prints goes to no file"


def test_a_process_that_is_gone_was_lost(tmp_path):
    """And one that never was is absent."""
    process = subprocess.Popen(["sleep", "60"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    source = OutputSource(Path("/"), process.pid)
    assert source.read() == (0,)
    process.kill()
    process.wait()
    assert source.read() == (Reason.LOST,)
    assert OutputSource(Path("/"), process.pid).read() == (Reason.ABSENT,)


def test_a_process_that_nobody_has_waited_for_was_lost():
    """The kernel shows its files to root alone then: to others that is its end, no want of permission."""
    read = read_when_ended if os.geteuid() else lambda: as_nobody(read_when_ended)
    assert read() == "[0] [LOST]"


def read_when_ended() -> str:
    """Return what is read of a process before its end and right after it."""
    process = subprocess.Popen(["sleep", "60"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    source = OutputSource(Path("/"), process.pid)
    while (alive := list(source.read())) == [Reason.NO_PERMISSION]:  # its program is not loaded yet
        time.sleep(0.001)
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    ended = [reason.name for reason in source.read()]
    process.wait()
    return f"{alive} [{', '.join(ended)}]"
