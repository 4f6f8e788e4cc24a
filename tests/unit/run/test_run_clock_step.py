"""hilrig.run.clock_step, clock_keeper: the wall clock set and put back; these tests set no machine's clock."""

import io
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from hilrig.core.clock import ManualClock
from hilrig.core.units import NS_PER_S
from hilrig.run.clock_keeper import ClockKeeper
from hilrig.run.clock_step import SteppedClock, serve

HOUR_NS = 3600 * NS_PER_S
PATIENCE_S = 60
FAKE = """
import sys
from pathlib import Path
from hilrig.core.clock import ManualClock
from hilrig.run import clock_step

clock, file = ManualClock(), Path(sys.argv[1])
right_ns = clock.triple().realtime_ns

def set_realtime_ns(to_ns):
    clock.realtime_offset_ns += to_ns - clock.triple().realtime_ns
    file.write_text(str(to_ns - right_ns))

clock_step.SystemClock = lambda: clock
clock_step._set_realtime_ns = set_realtime_ns
clock_step.main()
"""


class Wall:
    """A machine's clocks, of which the wall clock can be set, or refuses to be."""

    def __init__(self, *, may_set=True):
        self.clock, self.may_set = ManualClock(), may_set
        self.right_offset_ns = self.clock.realtime_offset_ns
        self.stepped = SteppedClock(read=self.clock.triple, set_realtime_ns=self._set)

    @property
    def off_ns(self):
        """By how much the wall clock is not what it would be."""
        return self.clock.realtime_offset_ns - self.right_offset_ns

    def _set(self, to_ns):
        if not self.may_set:
            raise PermissionError(1, "Operation not permitted")
        self.clock.realtime_offset_ns += to_ns - self.clock.triple().realtime_ns


@pytest.mark.parametrize("step_ns", [HOUR_NS, -HOUR_NS])
def test_a_step_is_a_step_and_what_passed_meanwhile_has_passed(step_ns):
    """Ahead or back for three seconds: afterwards the clock is where it would have been."""
    wall = Wall()
    wall.stepped.step(step_ns)
    assert wall.off_ns == step_ns
    wall.clock.now_ns += 3 * NS_PER_S
    assert wall.stepped.put_back() == step_ns
    assert wall.off_ns == 0
    assert wall.stepped.put_back() == 0  # a second time there is nothing to do


def test_a_machine_that_slept_meanwhile_gets_the_time_that_it_slept():
    """CLOCK_MONOTONIC stood still for a minute, the real time did not."""
    wall = Wall()
    wall.stepped.step(HOUR_NS)
    wall.clock.boottime_offset_ns += 60 * NS_PER_S
    wall.clock.realtime_offset_ns += 60 * NS_PER_S
    wall.stepped.put_back()
    assert wall.off_ns == 60 * NS_PER_S


def test_a_time_service_that_set_the_clock_meanwhile_is_seen():
    """It put the clock right after us: found 0 s off instead of an hour; we do not make it wrong again."""
    wall = Wall()
    wall.stepped.step(HOUR_NS)
    wall.clock.realtime_offset_ns -= HOUR_NS
    assert wall.stepped.put_back() == 0
    assert wall.off_ns == 0


@pytest.mark.parametrize("asked", [[f"{HOUR_NS}\n"], [f"{HOUR_NS}\n", "nonsense\n"]])
def test_whoever_asked_is_gone_and_the_clock_is_right(asked):
    """The input ends, or is none: in both cases the last thing done is to put the clock back."""
    wall, answers = Wall(), io.StringIO()
    try:
        serve(asked, answers, wall.stepped)
    except ValueError:
        assert len(asked) == 2
    assert json.loads(answers.getvalue().splitlines()[0]) == {"offset_ns": 0}
    assert wall.off_ns == 0


def test_a_refusal_is_said_in_words_and_nothing_is_moved():
    """CAP_SYS_TIME was there before the run, and is not any more."""
    wall, answers = Wall(may_set=False), io.StringIO()
    serve([f"{HOUR_NS}\n"], answers, wall.stepped)
    assert json.loads(answers.getvalue()) == {"error": "Operation not permitted"}
    assert wall.off_ns == 0


@pytest.fixture
def kept(tmp_path):
    """Give a keeper of a clock that is a number in a file, and that file."""
    keeper = ClockKeeper((sys.executable, "-c", FAKE, str(tmp_path / "off_ns")))
    yield keeper, tmp_path / "off_ns"
    keeper.close()


def test_the_keepers_process_steps_and_puts_back(kept):
    """Over real pipes; it says where it found the clock."""
    keeper, off_ns = kept
    put_back = keeper.step(-90.5)
    assert int(off_ns.read_text()) == -90.5 * NS_PER_S
    assert put_back() == {"offset_s": -90.5}
    assert int(off_ns.read_text()) == 0


def test_a_keeper_that_is_closed_in_the_fault_puts_the_clock_back(kept):
    """A run that ends badly: its input ends. Nobody is asked in vain afterwards."""
    keeper, off_ns = kept
    put_back = keeper.step(60)
    keeper.close()
    assert int(off_ns.read_text()) == 0
    with pytest.raises(OSError, match="does not answer"):
        put_back()


def test_no_signal_ends_it_before_the_clock_is_right(kept):
    """Ctrl-C, a service that is stopped, a terminal that is closed: it stays until its input ends."""
    keeper, off_ns = kept
    keeper.step(60)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(keeper._process.pid, number)
    assert keeper._process.poll() is None
    keeper.close()
    assert int(off_ns.read_text()) == 0


def test_a_killed_supervisor_leaves_the_clock_right(tmp_path):
    """SIGKILL while the clock is wrong: the kernel closes its end of the pipe."""
    off_ns = tmp_path / "off_ns"
    code = (
        "import os, sys; from hilrig.run.clock_keeper import ClockKeeper\n"
        f"ClockKeeper((sys.executable, '-c', {FAKE!r}, {str(off_ns)!r})).step(60)\n"
        "os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == -signal.SIGKILL
    until_s = time.monotonic() + PATIENCE_S
    while off_ns.read_text() != "0" and time.monotonic() < until_s:
        time.sleep(0.01)
    assert off_ns.read_text() == "0"
