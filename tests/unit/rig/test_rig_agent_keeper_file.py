import os
import subprocess
import sys

import pytest

from agent_files import run_folder, work_folder
from hilrig.rig.agent.keeper_file import Process, boot_id, keeper_lives, read_keeper, this_process, write_keeper

pytestmark = pytest.mark.waiting


@pytest.fixture
def run(tmp_path):
    return run_folder(work_folder(tmp_path / "work"))


def test_a_keeper_lives_while_its_process_does(run):
    """This process is there; nobody is before it has written its name."""
    assert not keeper_lives(run)
    write_keeper(run, this_process())
    assert keeper_lives(run)
    assert read_keeper(run).pid == os.getpid()


def test_another_process_with_the_same_pid_is_not_the_keeper(run):
    """Pids come round: the start time tells, and so does the boot."""
    me = this_process()
    for other in (
        Process(pid=me.pid, start_ticks=me.start_ticks + 1, boot_id=me.boot_id),
        Process(pid=me.pid, start_ticks=me.start_ticks, boot_id="0" * 36),
    ):
        write_keeper(run, other)
        assert not keeper_lives(run)


def test_a_zombie_does_not_live(run):
    """A keeper that ended and was not waited for keeps nothing."""
    child = subprocess.Popen(
        [sys.executable, "-c", "print(open('/proc/self/stat').read())"], stdout=subprocess.PIPE
    )
    stat = child.stdout.read().decode()
    ticks = int(stat.rpartition(")")[2].split()[19])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert not Process(pid=child.pid, start_ticks=ticks, boot_id=boot_id()).lives
    child.wait()
    child.stdout.close()


@pytest.mark.parametrize("text", ["", "[]", '{"pid": "1", "start_ticks": 1, "boot_id": "x"}', '{"pid": 1}'])
def test_a_damaged_file_names_nobody(run, text):
    """What cannot be read is no living keeper: nobody can be told to wait for it."""
    run.keeper.write_text(text)
    assert read_keeper(run) is None
    assert not keeper_lives(run)
