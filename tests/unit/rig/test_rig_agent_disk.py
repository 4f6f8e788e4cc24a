import errno
import json
import os
from pathlib import Path

import pytest

from agent_files import names
from hilrig.core.errors import PreconditionError, RecordError, UsageError
from hilrig.rig.agent import disk
from hilrig.rig.agent.disk import disk_error, open_inside, read_json, write_file, write_json
from small_disks import mounted

pytestmark = pytest.mark.waiting


def test_what_is_written_is_read_and_replaced_as_a_whole(tmp_path):
    """A reader sees the old file or the new one; nothing else stays in the folder."""
    path = tmp_path / "lease.json"
    assert read_json(path) is None
    write_json(path, {"holder": "ä@b"})
    before = path.stat().st_ino
    write_json(path, {"holder": "c@d"})
    assert read_json(path) == {"holder": "c@d"}
    assert path.stat().st_ino != before
    assert names(tmp_path) == ["lease.json"]


def test_a_link_is_neither_read_nor_written_through(tmp_path):
    """A planted link does not show another file's content; writing replaces the link and spares what it names."""
    secret = tmp_path / "secret"
    secret.write_text('{"a": 1}')
    path = tmp_path / "job.json"
    path.symlink_to(secret)
    with pytest.raises(RecordError, match="cannot be read"):
        read_json(path)
    write_json(path, {"b": 2})
    assert secret.read_text() == '{"a": 1}'
    assert not path.is_symlink()


@pytest.mark.parametrize("text", ["", "[]", "{", "7", '{"a": 1}x', "[" * 100_000, "\udcff"])
def test_a_damaged_file_is_named(tmp_path, text):
    """Whatever is in it, the reader gets one error with the path."""
    path = tmp_path / "keeper.json"
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(RecordError, match="keeper.json should be"):
        read_json(path)


def test_a_file_that_is_far_too_large_is_refused(tmp_path, monkeypatch):
    """A file of gigabytes is not read into memory first."""
    monkeypatch.setattr(disk, "JSON_MAX_BYTES", 100)  # the real limit, 4 MiB, made small
    path = tmp_path / "job.json"
    path.write_text(json.dumps({"a": "x" * 100}))
    with pytest.raises(RecordError, match="at most 100 bytes"):
        read_json(path)


def test_a_folder_or_a_pipe_is_no_file(tmp_path):
    """A pipe without a writer does not hang the reader."""
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name in ("folder", "pipe"):
        with pytest.raises(RecordError, match="should be a regular file"):
            open_inside(tmp_path, name)


def test_no_link_on_the_way_is_followed(tmp_path):
    """A linked folder in the middle of a path is refused as a linked file is."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("x")
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "folder").symlink_to(outside)
    with pytest.raises(RecordError, match="cannot be read"):
        open_inside(inside, "folder/secret")
    with pytest.raises(UsageError):
        open_inside(inside, "../outside/secret")


def test_opening_leaks_no_descriptor(tmp_path):
    """Neither a success nor a failure leaves the folders on the way open."""
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/c").write_text("x")
    n_before = len(names(Path("/proc/self/fd")))
    os.close(open_inside(tmp_path, "a/b/c"))
    with pytest.raises(RecordError):
        open_inside(tmp_path, "a/b/d")
    with pytest.raises(RecordError):
        open_inside(tmp_path, "a/b")
    assert len(names(Path("/proc/self/fd"))) == n_before


def test_a_full_disk_keeps_the_old_file_and_says_how_much_is_free(tmp_path):
    """The message names the folder, what is free and what is needed; no half file stays."""
    with mounted(tmp_path / "disk", "size=64k") as folder:
        write_file(folder / "a", b"old")
        with pytest.raises(
            PreconditionError, match=r"no room on the rig: .*/disk has 0.1 MiB free, 1.0 MiB are needed"
        ):
            write_file(folder / "a", b"x" * (1 << 20))
        assert (folder / "a").read_bytes() == b"old"
        assert names(folder) == ["a"]


def test_a_read_only_disk_is_told(tmp_path):
    """The message says read-only, and what to change."""
    with (
        mounted(tmp_path / "disk", "size=64k,ro") as folder,
        pytest.raises(PreconditionError, match="Read-only") as told,
    ):
        write_json(folder / "a", {})
    assert "work_folder" in told.value.hint


def test_a_broken_disk_is_no_matter_of_rights(tmp_path):
    """An input/output error sends nobody to chmod."""
    error = disk_error(tmp_path, OSError(errno.EIO, "Input/output error"), needed_bytes=1)
    assert "broken" in error.hint
