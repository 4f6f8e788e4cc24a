import errno
import os

import pytest

from hilrig.core.telemetry import Reason
from hilrig.sampler import kept_file
from hilrig.sampler.kept_file import KeptFile


def answer(monkeypatch, *answers):
    queue = list(answers)

    def pread(fd, size, offset):
        following = queue.pop(0)
        if isinstance(following, int):
            raise OSError(following, os.strerror(following))
        return following

    monkeypatch.setattr(kept_file.os, "pread", pread)


def test_a_file_is_read_anew_each_time(tmp_path):
    """Each read gives the content of that moment, from the start."""
    path = tmp_path / "f"
    path.write_text("1\n")
    file = KeptFile(path)
    assert file.read() == b"1\n"
    path.write_text("22\n")
    assert file.read() == b"22\n"
    file.close()


def test_content_longer_than_one_call_is_read_whole(tmp_path, monkeypatch):
    """A sequence file that hands out pieces is put together."""
    path = tmp_path / "f"
    path.write_text("abcdefghij" * 5)
    monkeypatch.setattr(kept_file, "_CHUNK_BYTES", 7)
    file = KeptFile(path)
    assert file.read() == b"abcdefghij" * 5
    file.close()


def test_a_missing_file_is_absent_and_named(tmp_path):
    """A file that was never there is ABSENT, and the detail names it."""
    file = KeptFile(tmp_path / "missing")
    assert file.read() is Reason.ABSENT
    assert "missing: No such file" in file.detail


def test_a_path_through_a_file_is_absent(tmp_path):
    """A folder that is a file has nothing in it."""
    (tmp_path / "f").write_text("")
    assert KeptFile(tmp_path / "f" / "g").read() is Reason.ABSENT


def test_a_folder_is_an_error_not_a_crash(tmp_path):
    """A folder where a file should be can be opened but not read."""
    file = KeptFile(tmp_path)
    assert file.read() is Reason.ERROR
    file.close()


def test_a_sensor_that_is_switched_off_comes_back(tmp_path, monkeypatch):
    """EAGAIN is OFFLINE for that read only, and its detail does not outlive it."""
    path = tmp_path / "f"
    path.write_text("")
    file = KeptFile(path)
    answer(monkeypatch, errno.EAGAIN, b"5\n", b"")
    assert file.read() is Reason.OFFLINE
    assert "temporarily unavailable" in file.detail
    assert file.read() == b"5\n"
    assert file.detail == ""
    monkeypatch.undo()
    file.close()


@pytest.mark.parametrize("code", [errno.ENOENT, errno.ENODEV, errno.ENXIO, errno.ESRCH])
def test_what_was_there_and_is_gone_is_lost(tmp_path, monkeypatch, code):
    """The same ENOENT that means ABSENT at the start means LOST later."""
    path = tmp_path / "f"
    path.write_text("")
    file = KeptFile(path)
    answer(monkeypatch, code)
    assert file.read() is Reason.LOST
    monkeypatch.undo()
    file.close()


def test_a_closed_file_is_lost(tmp_path):
    """After close there is nothing to read or to write, and closing again is harmless."""
    path = tmp_path / "f"
    path.write_text("1")
    file = KeptFile(path, os.O_RDWR)
    file.close()
    file.close()
    assert file.read() is Reason.LOST
    assert file.write(b"5") is Reason.LOST


def test_a_write_lands_at_the_start(tmp_path):
    """Every write starts at offset 0, as control files of /proc want it."""
    path = tmp_path / "f"
    path.write_text("")
    file = KeptFile(path, os.O_WRONLY)
    assert file.write(b"5") is None
    assert file.write(b"6") is None
    file.close()
    assert path.read_bytes() == b"6"


def test_a_write_to_a_full_device_is_a_reason():
    """A write that the kernel refuses is told, not swallowed."""
    file = KeptFile(kept_file.Path("/dev/full"), os.O_WRONLY)
    assert file.write(b"5") is Reason.ERROR
    assert "No space" in file.detail
    file.close()


def test_the_descriptor_is_not_inherited(tmp_path):
    """A child process started during a run does not hold telemetry files open."""
    path = tmp_path / "f"
    path.write_text("")
    file = KeptFile(path)
    assert not os.get_inheritable(file._fd)
    file.close()
