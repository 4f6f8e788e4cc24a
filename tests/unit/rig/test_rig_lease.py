import json
import os
import signal
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from hilrig.core.errors import PreconditionError, RigBusyError
from hilrig.core.exits import ExitCode
from hilrig.rig import lease
from hilrig.rig.lease import LOCK_FILE, RigLease


def holder(folder):
    return json.loads((folder / LOCK_FILE).read_text())


def refused(folder):
    with pytest.raises(RigBusyError) as caught, RigLease(folder, run_id="second"):
        pytest.fail("two runs hold one rig")
    return caught.value


def test_the_second_run_learns_who_holds_the_rig(tmp_path):
    """It is told run, pid, user and since when, what to do, and exits with its own code."""
    with RigLease(tmp_path, run_id="run-1"):
        error = refused(tmp_path)
        found = holder(tmp_path)
    assert error.exit_code is ExitCode.RIG_BUSY
    assert f"run run-1 (pid {os.getpid()}, user {found['user']}) since {found['since_utc']}" in error.message
    assert "wait until it ends" in error.hint
    assert found["since_utc"].endswith("+00:00")


def test_the_rig_is_free_after_the_block(tmp_path):
    """A lease ends with its block, also when the block fails, and leaves no name behind."""
    with pytest.raises(RuntimeError), RigLease(tmp_path, run_id="run-1"):
        raise RuntimeError
    assert (tmp_path / LOCK_FILE).read_text() == ""
    with RigLease(tmp_path, run_id="run-2"):
        assert holder(tmp_path)["run_id"] == "run-2"


def test_a_refused_run_leaves_the_holder_alone(tmp_path):
    """Being refused neither ends the lease nor rewrites its name, and leaks nothing."""
    with RigLease(tmp_path, run_id="run-1"):
        n_files = len(list(Path("/proc/self/fd").iterdir()))
        for _ in range(3):
            refused(tmp_path)
        assert holder(tmp_path)["run_id"] == "run-1"
        assert len(list(Path("/proc/self/fd").iterdir())) == n_files


def test_who_deletes_the_file_does_not_free_the_rig(tmp_path):
    """A tidy colleague takes away who holds it, not that it is held; afterwards it is free."""
    with RigLease(tmp_path, run_id="run-1"):
        (tmp_path / LOCK_FILE).unlink()
        assert "another run" in refused(tmp_path).message
        assert "another run" in refused(tmp_path).message
    with RigLease(tmp_path, run_id="run-2"):
        assert holder(tmp_path)["run_id"] == "run-2"


def test_a_folder_that_cannot_be_locked_is_held_by_its_file(tmp_path, monkeypatch):
    """NFS locks no folder: there the file alone is the lease."""
    lock = lease.fcntl.flock

    def as_on_nfs(fd, operation):
        if stat.S_ISDIR(os.fstat(fd).st_mode):
            raise OSError(9, "Bad file descriptor")
        lock(fd, operation)

    monkeypatch.setattr(lease.fcntl, "flock", as_on_nfs)
    with RigLease(tmp_path, run_id="run-1"):
        assert "run run-1" in refused(tmp_path).message


def test_one_lease_serves_again(tmp_path):
    """The same object may hold the rig several times, one after the other."""
    rig = RigLease(tmp_path, run_id="run-1")
    for _ in range(2):
        with rig:
            refused(tmp_path)


def test_a_killed_holder_is_no_obstacle(tmp_path):
    """The kernel ends the lease of a process that is killed; the name that it left does not count."""
    code = f"""
        from pathlib import Path
        from hilrig.rig.lease import RigLease
        with RigLease(Path({str(tmp_path)!r}), run_id="dead"):
            print("held", flush=True)
            input()
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout.readline() == b"held\n"
    assert "run dead" in refused(tmp_path).message
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert holder(tmp_path)["run_id"] == "dead"
    with RigLease(tmp_path, run_id="run-2"):
        assert holder(tmp_path)["run_id"] == "run-2"


def test_a_forked_child_does_not_keep_the_lease(tmp_path):
    """A process that was forked during a run, with all of its files, can't hold the rig after the run."""
    reading, writing = os.pipe()
    with RigLease(tmp_path, run_id="run-1"):
        child = os.fork()
        if child == 0:
            os.close(writing)
            os.read(reading, 1)  # until the parent is done
            os._exit(0)
    try:
        with RigLease(tmp_path, run_id="run-2"):
            assert holder(tmp_path)["run_id"] == "run-2"
    finally:
        os.close(writing)
        os.close(reading)
        os.waitpid(child, 0)


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff\xfe", b'"text"'])
def test_a_name_that_cannot_be_read_is_still_a_lease(tmp_path, content):
    """Between taking and naming, or after an editor, the rig is busy all the same."""
    with RigLease(tmp_path, run_id="run-1"):
        (tmp_path / LOCK_FILE).write_bytes(content)
        assert "another run" in refused(tmp_path).message


def test_a_hostile_name_reaches_no_terminal_and_no_shell(tmp_path):
    """Escape sequences and endless names are cut; nothing of the file is put among what is to be typed."""
    with RigLease(tmp_path, run_id="run-1"):
        hostile = {"run_id": "x; rm -rf ~", "pid": 1, "user": "\x1b[2J" + "a" * 3000, "since_utc": None}
        (tmp_path / LOCK_FILE).write_text(json.dumps(hostile))
        error = refused(tmp_path)
    assert "\x1b" not in error.message
    assert len(error.message) < 400
    assert "-rf" not in error.hint


def test_the_folder_is_made_and_every_user_may_take_turns(tmp_path):
    """The first user's umask does not lock out the second."""
    old = os.umask(0o077)
    try:
        with RigLease(tmp_path / "new/folder", run_id="run-1"):
            mode = stat.S_IMODE((tmp_path / "new/folder" / LOCK_FILE).stat().st_mode)
    finally:
        os.umask(old)
    assert mode == 0o666


def test_a_planted_link_is_not_followed(tmp_path):
    """A link in place of the lock file is refused, and where it points is untouched."""
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / LOCK_FILE).symlink_to(victim)
    with pytest.raises(PreconditionError, match=LOCK_FILE), RigLease(tmp_path, run_id="run-1"):
        pytest.fail("followed a link")
    assert victim.read_text() == "precious"


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_a_lock_that_is_no_file_is_refused(tmp_path, make):
    """A folder or a pipe in its place is a precondition, not a crash, and nothing hangs."""
    make(tmp_path / LOCK_FILE)
    with pytest.raises(PreconditionError, match="expected a lock file"), RigLease(tmp_path, run_id="run-1"):
        pytest.fail("locked something else")


def test_an_unusable_folder_is_a_precondition(tmp_path, monkeypatch):
    """A folder that may not be written, or is a file, is refused with the way to mend it."""
    (tmp_path / "file").write_text("")
    with pytest.raises(PreconditionError), RigLease(tmp_path / "file", run_id="run-1"):
        pytest.fail("a file is no folder")

    def deny(path, flags, mode):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(lease.os, "open", deny)
    with pytest.raises(PreconditionError, match="Permission denied") as caught, RigLease(tmp_path, run_id="r"):
        pytest.fail("may not be written")
    assert str(tmp_path) in caught.value.hint


def test_a_user_without_a_name_is_a_number(tmp_path, monkeypatch):
    """A container's user often has no name: the lease is taken all the same."""

    def nameless():
        raise KeyError("getpwuid(): uid not found: 4242")

    monkeypatch.setattr(lease.getpass, "getuser", nameless)
    with RigLease(tmp_path, run_id="run-1"):
        assert holder(tmp_path)["user"] == str(os.getuid())
