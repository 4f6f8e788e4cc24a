"""hilrig.run.tuning: what a process asks of the system, and that it tells what was refused."""

import json
import os
import subprocess
import sys

import pytest

ASK = """
import json, os, resource
from hilrig.run.tuning import Tuned
{before}
tuned = Tuned()
tuned.ask_exact_timers()
tuned.ask_cpus({cpus})
tuned.ask_memory_lock()
tuned.ask_real_time()
told = tuned.told()
told["scheduler"] = os.sched_getscheduler(0)
told["affinity"] = sorted(os.sched_getaffinity(0))
told["slack"] = int(open("/proc/self/timerslack_ns").read())
print(json.dumps(told))
"""


def ask(*, cpus=(), before="", user=None):
    """Return what a process of its own was given: nothing of it may stay with the process of the tests."""
    code = ASK.format(cpus=cpus, before=before)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, user=user)
    return json.loads(done.stdout)


def test_what_is_told_is_what_the_kernel_says():
    """Priority, CPUs and timer slack in the record are those that the process really has."""
    cpu = min(os.sched_getaffinity(0))
    told = ask(cpus=(cpu,))
    assert told["cpus"] == told["affinity"] == [cpu]
    assert told["timer_slack_ns"] == 1
    if told["real_time_priority"] is None:
        assert any(line.startswith("real-time priority: ") for line in told["refused"])
        assert told["scheduler"] == os.SCHED_OTHER
    else:
        assert told["scheduler"] == os.SCHED_FIFO


def test_timer_slack_is_set_before_real_time_makes_it_meaningless():
    """The kernel reports no slack for a real-time process; for all others it is the nanosecond asked for."""
    told = ask()
    assert told["slack"] == (0 if told["real_time_priority"] else 1)


def test_a_cpu_that_is_not_there_is_refused_in_words():
    """A wrong CPU number ends nothing: it is told, with the process running where it was."""
    told = ask(cpus=(4095,))
    assert told["cpus"] is None
    assert told["refused"] == ["CPUs 4095: Invalid argument"] or told["refused"][0].startswith("CPUs 4095: ")
    assert told["affinity"] == sorted(os.sched_getaffinity(0))


def test_a_user_without_permission_gets_a_run_and_the_reasons():
    """Without privileges, real-time priority and locked memory are refused and said to be."""
    if os.geteuid() != 0:
        pytest.skip("needs root to drop its privileges")
    drop = "resource.setrlimit(resource.RLIMIT_MEMLOCK, (0, 0)); os.setgid(65534); os.setuid(65534)"
    told = ask(before=drop)
    assert told["real_time_priority"] is None
    assert told["is_memory_locked"] is False
    assert [line.partition(":")[0] for line in told["refused"]] == ["locked memory", "real-time priority"]


def test_nothing_is_left_behind():
    """After a process that asked for everything, this one and the machine are as they were."""
    before = (os.sched_getscheduler(0), os.sched_getaffinity(0))
    ask()
    assert (os.sched_getscheduler(0), os.sched_getaffinity(0)) == before
