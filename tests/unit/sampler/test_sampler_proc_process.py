import os
import signal
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilrig.core.telemetry import Exactness, Reason
from hilrig.sampler.proc_process import PeakSource, _parse_stat, process_sources
from hilrig.sampler.source import labelled

FIELDS = "{state} 1 1 1 0 -1 4194304 500 0 7 0 250 40 9999 9999 20 0 4 0 100 1 1"
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "proc/7"
    path.mkdir(parents=True)
    return path


@given(command=st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=15))
def test_any_command_name_is_skipped(command):
    """Spaces, parentheses and newlines in a process's name do not move its fields."""
    data = f"7 ({command}) {FIELDS.format(state='S')}\n".encode()
    assert _parse_stat(data) == (250 / TICKS_PER_S, 40 / TICKS_PER_S, 7, 0)


@pytest.mark.parametrize("state", ["Z", "X"])
def test_a_process_that_ended_is_lost(state):
    """The last numbers of a dead process are not current readings."""
    assert _parse_stat(f"7 (w) {FIELDS.format(state=state)}\n".encode()) == [Reason.LOST] * 4


@pytest.mark.parametrize(("state", "is_stopped"), [("T", 1), ("t", 1), ("S", 0), ("R", 0), ("D", 0), ("I", 0)])
def test_a_stop_by_a_signal_or_a_debugger_is_seen(state, is_stopped):
    """Both stopped states are, and waiting of any other kind is not."""
    assert _parse_stat(f"7 (w) {FIELDS.format(state=state)}\n".encode())[3] == is_stopped


def test_a_real_process_that_is_stopped_reads_as_stopped():
    """SIGSTOP shows in the channel while it lasts, SIGCONT ends it."""
    sleeper = subprocess.Popen(["sleep", "60"])
    source = process_sources(Path("/"), sleeper.pid)[0]
    try:
        before = source.read()[3]
        sleeper.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, sleeper.pid, os.WSTOPPED)
        while_stopped = source.read()[3]
        sleeper.send_signal(signal.SIGCONT)
        os.waitid(os.P_PID, sleeper.pid, os.WCONTINUED)
        assert (before, while_stopped, source.read()[3]) == (0, 1, 0)
    finally:
        source.close()
        sleeper.kill()
        sleeper.wait()


@pytest.mark.parametrize("cut", range(1, 13))
def test_a_stat_that_is_cut_off_is_an_error(folder, cut):
    """Fewer fields than the kernel documents are no numbers at all."""
    (folder / "stat").write_text("7 (w) " + " ".join(FIELDS.format(state="S").split()[:cut]))
    source = process_sources(folder.parents[1], 7)[0]
    assert source.read() == [Reason.ERROR] * 4
    source.close()


def source_of(name, root, pid):
    return next(one for one in process_sources(root, pid) if any(name == known.name for known in one.channels))


def test_the_resident_memory_is_the_one_that_the_kernel_shows_elsewhere():
    """A process that stands still has the memory that `status` shows: the cheaper file is no worse."""
    sleeper = subprocess.Popen(["sleep", "60"])
    source = source_of("process.memory.usage", Path("/"), sleeper.pid)
    try:
        sleeper.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, sleeper.pid, os.WSTOPPED)
        status = Path(f"/proc/{sleeper.pid}/status").read_bytes()
        assert source.read() == (labelled(status, b"VmRSS:", unit=b" kB") * 1024,)
    finally:
        source.close()
        sleeper.kill()
        sleeper.wait()


@pytest.mark.parametrize(
    ("content", "value"),
    [
        ("50 20 7 3 0 9 0\n", 20 * PAGE_BYTES),
        ("0 0 0 0 0 0 0\n", Reason.LOST),
        ("50\n", Reason.ERROR),
        ("50 -1\n", Reason.ERROR),
        ("", Reason.ERROR),
    ],
)
def test_resident_memory_is_in_bytes_and_none_is_an_end(folder, content, value):
    """The second field counts pages; a process without any has ended, and a broken file says nothing."""
    (folder / "statm").write_text(content)
    source = source_of("process.memory.usage", folder.parents[1], 7)
    assert list(source.read()) == [value]
    source.close()


def test_a_zombie_without_memory_is_lost(folder):
    """A status without resident memory belongs to a process that ended."""
    (folder / "status").write_text("Name:\tw\nState:\tZ (zombie)\nvoluntary_ctxt_switches:\t1\n")
    source = source_of("process.context_switches", folder.parents[1], 7)
    assert source.read() == [Reason.LOST] * 2


def test_the_two_kinds_of_switches_are_not_mixed_up(folder):
    """`voluntary_ctxt_switches` is also the end of the other label."""
    (folder / "status").write_text(
        "VmHWM:\t 99 kB\nVmRSS:\t 10 kB\nnonvoluntary_ctxt_switches:\t2\nvoluntary_ctxt_switches:\t1\n"
    )
    source = source_of("process.context_switches", folder.parents[1], 7)
    assert list(source.read()) == [1, 2]
    source.close()


def test_run_delay_is_the_second_field(folder):
    """Waiting for a CPU, not running on it, is read, in nanoseconds."""
    (folder / "schedstat").write_text("298132 49693 2\n")
    source = source_of("hilrig.process.run_delay", folder.parents[1], 7)
    assert list(source.read()) == [49693]
    source.close()


def test_the_peak_is_exact_and_begins_anew(folder):
    """Beginning a window writes the documented 5, and the channel says that it is exact."""
    (folder / "status").write_text("VmHWM:\t 99 kB\nRssShmem:\t 40 kB\n")
    (folder / "clear_refs").write_text("")
    source = PeakSource(folder.parents[1], 7)
    assert list(source.read()) == [99 * 1024, 40 * 1024]
    assert source.channels[0].exactness is Exactness.EXACT
    assert source.detail() == ""
    source.begin_window()
    assert (folder / "clear_refs").read_text() == "5"
    source.close()


def test_a_peak_that_cannot_begin_anew_says_so(folder):
    """Without clear_refs the peak is that of the whole life: still read, with the reason in words."""
    (folder / "status").write_text("VmHWM:\t 99 kB\nRssShmem:\t 40 kB\n")
    source = PeakSource(folder.parents[1], 7)
    source.begin_window()
    assert list(source.read()) == [99 * 1024, 40 * 1024]
    assert "whole life" in source.detail()
    source.close()


def test_a_window_that_failed_to_begin_gives_no_peak(folder):
    """When the reset itself fails, the next reading is a reason: it would belong to another window."""
    (folder / "status").write_text("VmHWM:\t 99 kB\nRssShmem:\t 40 kB\n")
    (folder / "clear_refs").symlink_to("/dev/full")
    source = PeakSource(folder.parents[1], 7)
    source.begin_window()
    assert list(source.read()) == [Reason.ERROR, 40 * 1024]
    source.close()


def test_a_kernel_that_does_not_count_shared_memory_says_so(folder):
    """Linux before 4.5 has no RssShmem: the peak is still exact, the shared part is a reason, not 0."""
    (folder / "status").write_text("VmHWM:\t 99 kB\n")
    source = PeakSource(folder.parents[1], 7)
    peak, shared = source.read()
    assert peak == 99 * 1024
    assert isinstance(shared, Reason)
    source.close()
