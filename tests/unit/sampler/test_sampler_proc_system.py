import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilrig.core.telemetry import Reason
from hilrig.sampler.proc_system import CpuTimes, system_sources

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def write(root, path, content):
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(content)


def values(root, name, pid=7):
    found = {}
    for source in system_sources(root, pid):
        for channel, value in zip(source.channels, source.read(), strict=True):
            if channel.name == name:
                found[channel.attributes] = value
        source.close()
    return list(found.values())


@given(st.lists(st.integers(min_value=0, max_value=10**12), min_size=1, max_size=10))
def test_cpu_time_is_ticks_in_seconds(ticks):
    """Each column becomes seconds; columns that an old kernel lacks are NOT_SUPPORTED, guest time is left out."""
    line = b"cpu  " + b" ".join(str(tick).encode() for tick in ticks) + b"\ncpu0 1\n"
    parsed = CpuTimes().parse(line)
    assert len(parsed) == 8
    assert list(parsed[: len(ticks)]) == [tick / TICKS_PER_S for tick in ticks[:8]]
    assert set(parsed[len(ticks) :]) <= {Reason.NOT_SUPPORTED}


def test_cpu_time_is_held_when_the_kernel_steps_back():
    """The documented small step back of iowait does not make the counter fall."""
    times = CpuTimes()
    before = times.parse(b"cpu 10 0 10 500 60 0 0 0\n")
    after = times.parse(b"cpu 11 0 10 499 58 0 0 0\n")
    assert after[3:5] == before[3:5]
    assert after[0] > before[0]


@pytest.mark.parametrize("data", [b"", b"cpu\n", b"cpu0 1 2 3\n", b"cpu 1 x\n", b"intr 5\ncpu 1 2\n"])
def test_a_stat_file_without_a_total_is_refused(data):
    """Only the line of all CPUs counts."""
    with pytest.raises(ValueError, match="line|natural"):
        CpuTimes().parse(data)


def test_pressure_is_the_total_and_not_an_average(tmp_path):
    """The cumulative microseconds are read, whatever the averages say."""
    write(
        tmp_path,
        "proc/pressure/io",
        "some avg10=9.99 avg60=0.00 avg300=0.00 total=123\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=45\n",
    )
    assert values(tmp_path, "hilrig.system.pressure")[4:] == [123, 45]


def test_an_old_kernel_has_no_full_pressure_of_the_cpu(tmp_path):
    """A scope that the file does not list is NOT_SUPPORTED, not 0."""
    write(tmp_path, "proc/pressure/cpu", "some avg10=0.00 avg60=0.00 avg300=0.00 total=5\n")
    assert values(tmp_path, "hilrig.system.pressure")[:2] == [5, Reason.NOT_SUPPORTED]


@pytest.mark.parametrize("content", ["", "some\n", "some total=\n", "some avg10=0.00 total=-1\n", "\n", "\xff"])
def test_broken_pressure_is_an_error(tmp_path, content):
    """A pressure file that is cut off says nothing."""
    write(tmp_path, "proc/pressure/cpu", content)
    assert values(tmp_path, "hilrig.system.pressure")[:2] == [Reason.ERROR, Reason.ERROR]


def test_memory_is_in_bytes(tmp_path):
    """Kibibytes of /proc/meminfo become bytes; used is all but the available memory."""
    write(tmp_path, "proc/meminfo", "MemTotal:  1000 kB\nMemFree: 1 kB\nMemAvailable:  400 kB\n")
    assert values(tmp_path, "system.memory.usage") == [600 * 1024]
    assert values(tmp_path, "system.linux.memory.available") == [400 * 1024]


def test_a_kernel_without_available_memory_is_not_guessed(tmp_path):
    """MemFree is no substitute for MemAvailable."""
    write(tmp_path, "proc/meminfo", "MemTotal:  1000 kB\nMemFree: 1 kB\n")
    assert values(tmp_path, "system.memory.usage") == [Reason.NOT_SUPPORTED]


def test_kills_of_the_machine_and_of_the_group_are_told_apart(tmp_path):
    """The control group of the process is found by its own membership file."""
    write(tmp_path, "proc/vmstat", "nr_x 1\noom_kill 4\n")
    write(tmp_path, "proc/7/cgroup", "12:memory:/elsewhere\n0::/line/weld.service\n")
    write(tmp_path, "sys/fs/cgroup/line/weld.service/memory.events", "oom 9\noom_kill 2\noom_group_kill 1\n")
    assert values(tmp_path, "hilrig.system.oom_kills") == [4, 2]


def test_a_kernel_without_a_kill_counter_says_so(tmp_path):
    """Linux before 4.13 does not count kills: that is not 0 kills."""
    write(tmp_path, "proc/vmstat", "nr_free_pages 1\n")
    assert values(tmp_path, "hilrig.system.oom_kills")[0] is Reason.NOT_SUPPORTED


@pytest.mark.parametrize(
    "membership", ["", "3:memory:/group\n", "0::/../outside\n", "0::/a\0b\n", "0::\n/etc", "garbage", "::/x\n"]
)
def test_an_unknown_group_is_absent(tmp_path, membership):
    """A group that can't be reached is not replaced by another one, and leads nowhere outside of its tree."""
    write(tmp_path, "proc/7/cgroup", membership)
    write(tmp_path, "sys/fs/cgroup/cgroup.procs", "")
    write(tmp_path, "sys/fs/outside/memory.events", "oom_kill 5\n")
    write(tmp_path, "sys/fs/x/memory.events", "oom_kill 5\n")
    assert values(tmp_path, "hilrig.system.oom_kills")[1] is Reason.ABSENT
