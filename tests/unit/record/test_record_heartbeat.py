"""hilrig.record.heartbeat: whether the process of a run still lives."""

import json
import os
import subprocess
import sys

import pytest

from hilrig.core.clock import ManualClock
from hilrig.record.heartbeat import (
    HEARTBEAT_MAX_AGE_NS,
    Heartbeat,
    boot_id,
    heartbeat_of,
    read_status,
    write_status,
)

S = 1_000_000_000


def beat(**changes):
    return Heartbeat(**{"heartbeat_ns": 100 * S, "pid": 1, "boot_id": boot_id(), "phase": "measure"} | changes)


@pytest.mark.parametrize(
    ("now_ns", "changes", "is_fresh"),
    [
        (100 * S, {}, True),
        (100 * S + HEARTBEAT_MAX_AGE_NS, {}, True),
        (100 * S + HEARTBEAT_MAX_AGE_NS + 1, {}, False),
        (99 * S, {}, False),  # from the future: another boot's clock
        (5000 * S, {"phase": "judging"}, True),
        (5000 * S, {"phase": "done"}, True),
        (100 * S, {"boot_id": "another"}, False),
        (5000 * S, {"boot_id": "another", "phase": "judging"}, False),
    ],
)
def test_a_heartbeat_is_fresh_for_ten_seconds_or_while_none_is_due(now_ns, changes, is_fresh):
    """While a run is judged nobody may touch its status, so an old one says nothing."""
    assert beat(**changes).is_fresh(ManualClock(now_ns)) is is_fresh


def test_a_view_may_be_less_patient():
    """Five seconds instead of ten."""
    assert not beat().is_fresh(ManualClock(106 * S), max_age_ns=5 * S)


def test_a_heartbeat_of_another_boot_has_no_age():
    """Its clock was another one."""
    assert beat().age_ns(ManualClock(103 * S)) == 3 * S
    assert beat(boot_id="another").age_ns(ManualClock(103 * S)) is None


def test_a_process_that_has_ended_does_not_live_because_nobody_waited_for_it():
    """A zombie answers to signals, and writes no record."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    assert beat(pid=process.pid).process_lives()
    process.kill()
    process.stdin.close()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and stays a zombie
    assert not beat(pid=process.pid).process_lives()
    process.wait()


def test_a_process_with_the_number_of_one_that_has_ended_is_another(tmp_path):
    """Numbers are given again: whoever waits for a verdict would wait for a stranger, for ever."""
    write_status(tmp_path, {"phase": "judging"}, clock=ManualClock(5))
    status = read_status(tmp_path)
    assert heartbeat_of(status).process_lives()
    assert not heartbeat_of(status | {"began_ticks": status["began_ticks"] - 1}).process_lives()
    assert heartbeat_of({key: value for key, value in status.items() if key != "began_ticks"}).process_lives()


def test_the_phase_comes_from_the_status(tmp_path):
    """What is written is what the heartbeat knows."""
    write_status(tmp_path, {"phase": "judging"}, clock=ManualClock(5))
    status = read_status(tmp_path)
    assert json.loads((tmp_path / "status.json").read_text()) == status
    assert heartbeat_of(status).phase == "judging"
