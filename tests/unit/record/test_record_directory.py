import errno
import os
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st
from record_samples import new_run

from hilrig.core.errors import RecordError
from hilrig.record import run_directory
from hilrig.record.run_directory import (
    RESERVE_BYTES,
    create,
    release_reserve,
    replacing,
    reserve_for_full_disk,
    write_all,
    write_atomic,
)
from hilrig.record.run_lock import lock_run
from hilrig.record.untrusted_file import open_untrusted, read_json_object, read_untrusted
from hilrig.record.utc import compact_utc, utc_text


def test_the_name_tells_start_profile_and_id(tmp_path):
    """A run's folder is named by its UTC start, its profile and its id."""
    assert new_run(tmp_path).name == "20261121T053312Z-weld-station-7f3a"


def test_a_start_with_another_offset_is_named_in_utc(tmp_path):
    """Local times do not mix up the order of runs."""
    folder = create(tmp_path, profile_name="p", run_id="1", started_at_utc="2026-11-21T00:33:12.500000-05:00")
    assert folder.name == "20261121T053312Z-p-1"


def test_a_folder_is_never_used_twice(tmp_path):
    """The same start, profile and id again is an error that says so."""
    new_run(tmp_path)
    with pytest.raises(RecordError, match="never reuses"):
        new_run(tmp_path)


def test_a_missing_reports_folder_is_named_with_the_command_that_makes_it(tmp_path):
    """The hint can be typed as it is."""
    with pytest.raises(RecordError, match="does not exist") as caught:
        new_run(tmp_path / "reports")
    assert caught.value.hint == f"mkdir -p {tmp_path / 'reports'}"


@pytest.mark.skipif(
    os.geteuid() == 0, reason="hardware: root may write everywhere; the end-to-end test mounts a read-only folder"
)
def test_a_read_only_reports_folder_is_refused(tmp_path):
    """A folder that cannot be written is an error with a hint, not a traceback."""
    tmp_path.chmod(0o555)
    with pytest.raises(RecordError, match="cannot make") as caught:
        new_run(tmp_path)
    assert "writable" in caught.value.hint


def test_a_refusing_file_system_is_told_with_a_hint(tmp_path, monkeypatch):
    """EROFS and its like come out as a RecordError that names the folder."""

    def read_only(*_args, **_kwargs):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(run_directory.Path, "mkdir", read_only)
    with pytest.raises(RecordError, match="Read-only file system") as caught:
        new_run(tmp_path)
    assert "choose another" in caught.value.hint


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", "a b", "-a", "a\0b", "a\nb", "x" * 101, "ü"])
@pytest.mark.parametrize("which", ["profile_name", "run_id"])
def test_a_name_that_could_leave_the_folder_is_refused(tmp_path, name, which):
    """Separators, dots, blanks and control characters never get into a path."""
    names = {"profile_name": "p", "run_id": "1"} | {which: name}
    with pytest.raises(RecordError, match="should match"):
        create(tmp_path, started_at_utc="2026-11-21T05:33:12Z", **names)
    assert not list(tmp_path.iterdir())


def test_an_id_with_a_hyphen_is_refused(tmp_path):
    """The last hyphen of the name stands before the id, so that the list can tell profile and id apart."""
    with pytest.raises(RecordError, match="run id"):
        new_run(tmp_path, run_id="7f-3a")


@pytest.mark.parametrize("text", ["", "now", "2026-11-21T05:33:12", "2026-13-01T00:00:00Z", "20261121"])
def test_a_start_that_is_no_utc_time_is_refused(text):
    """A start without offset, or no time at all, is refused with what was found."""
    with pytest.raises(RecordError, match="start should"):
        compact_utc(text)


@given(st.integers(0, 4_000_000_000 * 10**9))
def test_utc_text_is_read_back_to_the_second(realtime_ns):
    """Event times and folder names tell the same second, without a float's rounding."""
    text = utc_text(realtime_ns)
    assert compact_utc(text) == text[:19].replace("-", "").replace(":", "") + "Z"
    assert int(text[20:26]) == realtime_ns % 10**9 // 1000


def test_a_new_run_holds_a_real_reserve(tmp_path):
    """The reserve's blocks are really taken from the disk, not only its length."""
    status = (new_run(tmp_path) / ".reserve").stat()
    assert status.st_size == RESERVE_BYTES
    assert status.st_blocks * 512 >= RESERVE_BYTES


def test_only_the_owner_may_write_a_run(tmp_path):
    """Evidence is readable to others and writable to its owner only."""
    folder = new_run(tmp_path)
    write_atomic(folder / "plan.json", b"{}")
    assert stat.S_IMODE(folder.stat().st_mode) & 0o022 == 0
    assert stat.S_IMODE((folder / "plan.json").stat().st_mode) & 0o133 == 0


def test_a_folder_in_the_place_of_the_reserve_ends_nothing(tmp_path):
    """Found by chaos: a recovery ended in a traceback over it."""
    folder = new_run(tmp_path)
    (folder / ".reserve").unlink()
    (folder / ".reserve").mkdir()
    release_reserve(folder)
    assert (folder / ".reserve").is_dir()


def test_a_disk_without_room_for_the_reserve_leaves_nothing_behind(tmp_path, monkeypatch):
    """A run that could not end properly does not begin, and its folder is taken back."""

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(run_directory.os, "posix_fallocate", full)
    with pytest.raises(RecordError, match="no room"):
        new_run(tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_full_disk_gives_the_reserve_back(tmp_path):
    """ENOSPC inside the guard frees 4 MiB and still comes out."""
    folder = new_run(tmp_path)
    with pytest.raises(OSError, match="full"), reserve_for_full_disk(folder):
        raise OSError(errno.ENOSPC, "full")
    assert not (folder / ".reserve").exists()
    release_reserve(folder)


def test_another_error_keeps_the_reserve(tmp_path):
    """A broken disk is not a full one."""
    folder = new_run(tmp_path)
    with pytest.raises(OSError, match="broken"), reserve_for_full_disk(folder):
        raise OSError(errno.EIO, "broken")
    assert (folder / ".reserve").exists()


def test_a_file_is_replaced_as_a_whole(tmp_path):
    """A longer and a shorter content replace each other without a rest, and no temporary file stays."""
    path = tmp_path / "plan.json"
    for data in (b"old and long", b"new", b""):
        write_atomic(path, data)
        assert path.read_bytes() == data
    assert [entry.name for entry in tmp_path.iterdir()] == ["plan.json"]


def test_a_failed_replacement_leaves_the_old_file(tmp_path):
    """When writing fails half-way, the old content stands and the temporary file is gone."""
    path = tmp_path / "plan.json"
    write_atomic(path, b"old")
    with pytest.raises(TypeError), replacing(path) as fd:
        write_all(fd, None, write_all(fd, b"ne", 0))
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["plan.json"]


def test_a_replacement_that_was_killed_does_not_stop_the_next(tmp_path):
    """A temporary file left behind by a kill is swept away, even when it is a link somewhere else."""
    outside = tmp_path / "outside"
    outside.write_bytes(b"precious")
    (tmp_path / ".plan.json.tmp").symlink_to(outside)
    write_atomic(tmp_path / "plan.json", b"new")
    assert outside.read_bytes() == b"precious"
    assert (tmp_path / "plan.json").read_bytes() == b"new"


def test_the_file_is_flushed_before_it_gets_its_name(tmp_path, monkeypatch):
    """The order is file flush, rename, folder flush: the only one that survives a power cut."""
    calls = []
    fsync, replace = os.fsync, os.replace

    def spy_fsync(fd):
        calls.append("folder" if stat.S_ISDIR(os.fstat(fd).st_mode) else "file")
        fsync(fd)

    monkeypatch.setattr(os, "fsync", spy_fsync)
    monkeypatch.setattr(
        run_directory.Path, "replace", lambda self, to: calls.append("rename") or replace(self, to)
    )
    write_atomic(tmp_path / "plan.json", b"x")
    assert calls == ["file", "rename", "folder"]


def test_the_end_of_a_run_fits_on_a_full_disk(tmp_path, monkeypatch):
    """The first ENOSPC of an atomic write uses the reserve and tries again."""
    folder = new_run(tmp_path)
    pwrite = os.pwrite

    def full_while_reserved(fd, data, offset):
        if (folder / ".reserve").exists():
            raise OSError(errno.ENOSPC, "full")
        return pwrite(fd, data, offset)

    monkeypatch.setattr(os, "pwrite", full_while_reserved)
    write_atomic(folder / "result.json", b"{}")
    assert (folder / "result.json").read_bytes() == b"{}"


def test_a_run_is_locked_for_one_at_a_time(tmp_path):
    """A second writer is refused while the first holds the lock, and welcome afterwards."""
    first = lock_run(tmp_path)
    with pytest.raises(RecordError, match="still being written"):
        lock_run(tmp_path)
    os.close(first)
    os.close(lock_run(tmp_path))


@pytest.mark.parametrize("name", ["missing", "file"])
def test_what_is_no_folder_cannot_be_locked(tmp_path, name):
    """A missing folder and a file in its place are errors that name the path."""
    (tmp_path / "file").touch()
    with pytest.raises(RecordError, match="should be a run directory"):
        lock_run(tmp_path / name)


def test_a_link_is_never_followed(tmp_path):
    """A symbolic link in a run directory is refused by name, even when its target is harmless."""
    (tmp_path / "target").write_bytes(b"{}")
    (tmp_path / "status.json").symlink_to(tmp_path / "target")
    with pytest.raises(RecordError, match="symbolic link"):
        read_untrusted(tmp_path / "status.json", max_bytes=10)


def test_a_pipe_does_not_hold_the_reader_up(tmp_path):
    """A pipe in the place of a file is refused at once, instead of waiting for a writer for ever."""
    os.mkfifo(tmp_path / "status.json")
    with pytest.raises(RecordError, match="regular file"):
        open_untrusted(tmp_path / "status.json")


def test_a_folder_in_the_place_of_a_file_is_refused(tmp_path):
    """A folder is not a file, and not a missing one either."""
    (tmp_path / "status.json").mkdir()
    with pytest.raises(RecordError, match="regular file"):
        open_untrusted(tmp_path / "status.json")


def test_a_giant_is_refused_by_its_size(tmp_path):
    """A sparse terabyte does not fill the memory."""
    with (tmp_path / "status.json").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(RecordError, match="at most 100 bytes"):
        read_untrusted(tmp_path / "status.json", max_bytes=100)


@pytest.mark.parametrize(
    "data", [b"", b"\0" * 50, b"[]", b"1", b"{", b"[" * 100_000, b"\xff\xfe", b'{"a":' + b"9" * 5000 + b"}"]
)
def test_what_is_no_json_object_is_refused(tmp_path, data):
    """Empty, zeroed, torn, deep and foreign files are refused by name."""
    (tmp_path / "status.json").write_bytes(data)
    with pytest.raises(RecordError, match="should be"):
        read_json_object(tmp_path / "status.json", max_bytes=1_000_000)


def test_a_missing_file_is_none(tmp_path):
    """Missing is told apart from empty and from unreadable."""
    assert open_untrusted(tmp_path / "x") is None
    assert read_untrusted(tmp_path / "x", max_bytes=1) is None
    assert read_json_object(tmp_path / "x", max_bytes=1) is None
